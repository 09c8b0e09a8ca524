/* SPDX-License-Identifier: MIT */
/* What is the store of SQLite's own, beside the contract that all stores share. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_kit.h"
#include "store/filesystem.h"
#include "store/sqlite/db.h"

enum { TOKENS = 64 };

DREY_TEST(what_was_written_is_there_after_opening_again)
{
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("a/store.db"));
    for (int round = 0; round < 3; round++) {
        DREY_SCOPE(scope);
        sq_store *store;
        DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
        DREY_CHECK_EQ(kit_put(store, "one",
                              round == 0   ? "{\"a\":0}"
                              : round == 1 ? "{\"a\":1}"
                                           : "{\"a\":2}"),
                      round + 1);
        DREY_CHECK_STR(kit_search(store, "a"), "one ");
        DREY_CHECK_EQ(kit_verify(store), 0);
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    struct stat stat_;
    DREY_CHECK_EQ(stat(path, &stat_), 0);
    DREY_CHECK_EQ(stat_.st_mode & 0777, 0600);
    return 0;
}

/* The first bytes of every file of the store's folder hold no such text. */
static int find_in_files(const char *folder, const char *secret)
{
    char command[1024];
    snprintf(command, sizeof command, "grep -rlaiF '%s' '%s' >/dev/null", secret, folder);
    return system(command) == 0;
}

DREY_TEST(a_purged_secret_is_in_no_file, .real_clock = true) /* S31 */
{
    char path[512], secret[TOKENS + 1] = "", data[512];
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    for (int i = 0; i < TOKENS; i++)
        secret[i] = "0123456789abcdef"[drey_now() / 7 * (i + 3) % 16];
    DREY_SCOPE(scope);
    sq_store *store;
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    sq_error error;
    for (int i = 0; i < 300; i++) {
        char id[32];
        snprintf(id, sizeof id, "c%d", i);
        snprintf(data, sizeof data, "{\"n\":%d,\"text\":\"word%d and %s\"}", i, i, i % 3 ? "nothing" : secret);
        DREY_CHECK_EQ(kit_put(store, id, data), 1);
        if (i == 150)
            DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    }
    DREY_CHECK(find_in_files(drey_test_dir(), secret));
    DREY_CHECK(strlen(kit_search(store, secret)) > 300);
    for (int i = 0; i < 300; i++) {
        char id[32];
        snprintf(id, sizeof id, "c%d", i);
        snprintf(data, sizeof data, "{\"n\":%d,\"text\":\"%s changed\"}", i, secret);
        DREY_CHECK_EQ(kit_put(store, id, data), 2);
    }
    sq_status status;
    for (int i = 0; i < 300; i++) {
        char id[32];
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(kit_end(store, SQ_PURGE, id), 3);
    }
    DREY_CHECK_EQ(kit_put(store, "other", "{\"a\":\"still here\"}"), 1);
    DREY_CHECK_EQ(store->ops->scrub(store, &error), 0);
    DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    DREY_CHECK_EQ(status.scrubs, 0);
    DREY_CHECK(!find_in_files(drey_test_dir(), secret));
    DREY_CHECK_STR(kit_search(store, "still"), "other ");
    DREY_CHECK_EQ(kit_verify(store), 0);
    store->ops->close(store);
    DREY_CHECK(!find_in_files(drey_test_dir(), secret));
    return drey_scope_close(&scope, 0);
}

DREY_TEST(network_file_systems_are_refused, .no_runtime = true) /* S23 */
{
    static const long refused[] = {0x6969, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546};
    static const long accepted[] = {0xef53, 0x01021994, 0x58465342, 0x9123683e, 0x794c7630}; /* ext4, tmpfs, xfs, … */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        DREY_CHECK(sq_filesystem_refused(refused[i]) != NULL);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        DREY_CHECK(sq_filesystem_refused(accepted[i]) == NULL);
    return 0;
}

DREY_TEST(below_the_reserve_only_what_frees_room_is_written)
{
    sq_store *store;
    sq_code code;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path("store.db"), NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    DREY_CHECK_EQ(kit_put(store, "b", "{}"), 1);
    sq_disk_hook.free_bytes = 63 << 20;
    sq_write write = {.verb = SQ_CREATE,
                      .project = "p",
                      .id = "c",
                      .set = SQ_SET_DATA,
                      .data = "{}",
                      .data_bytes = 2,
                      .principal = "test"};
    DREY_CHECK_EQ(kit_write(store, &write, &code), -EINVAL);
    DREY_CHECK_EQ(code, SQ_DISK_FULL);
    DREY_CHECK_EQ(kit_end(store, SQ_DELETE, "a"), 2);
    DREY_CHECK_EQ(kit_end(store, SQ_PURGE, "b"), 2);
    sq_disk_hook.free_bytes = 65 << 20;
    DREY_CHECK_EQ(kit_write(store, &write, &code), 1);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int open_fails(const char *path, sq_code *code, char message[SQ_JSON_MESSAGE_BYTES])
{
    char url[1100];
    sq_store *store;
    sq_error error = {0};
    DREY_SCOPE(scope);
    snprintf(url, sizeof url, "sqlite:%s", path);
    int rc = sq_store_open(&scope, url, NULL, &store, &error);
    if (rc == 0)
        store->ops->close(store);
    *code = error.code;
    memcpy(message, error.message, SQ_JSON_MESSAGE_BYTES);
    return drey_scope_close(&scope, rc == 0 ? 1 : 0);
}

/* A store with a few contexts, closed again. */
static DREY_ASYNC int make_store(const char *path, int contexts)
{
    sq_store *store;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    for (int i = 0; i < contexts; i++) {
        char id[32], data[64];
        snprintf(id, sizeof id, "c%d", i);
        snprintf(data, sizeof data, "{\"n\":%d,\"word\":\"alpha%d\"}", i, i % 10);
        DREY_CHECK_EQ(kit_put(store, id, data), 1);
    }
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

static int count_of(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    sqlite3_open(path, &db);
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    int count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

DREY_TEST(a_newer_schema_and_other_files_are_refused) /* S25 */
{
    sq_code code;
    char message[SQ_JSON_MESSAGE_BYTES], path[512];
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    DREY_CHECK_EQ(make_store(path, 3), 0);
    DREY_CHECK_EQ(kit_sql(path, "PRAGMA user_version=2"), SQLITE_OK);
    DREY_CHECK_EQ(open_fails(path, &code, message), 0);
    DREY_CHECK_EQ(code, SQ_VERSION_SKEW);
    DREY_CHECK(strstr(message, "newer"));
    DREY_CHECK_EQ(kit_sql(path, "PRAGMA user_version=1; PRAGMA application_id=7"), SQLITE_OK);
    DREY_CHECK_EQ(open_fails(path, &code, message), 0);
    DREY_CHECK_EQ(code, SQ_STORE_FAILED);
    int fd = open(kit_path("text.db"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    DREY_CHECK(fd >= 0 && write(fd, path, 400) == 400);
    close(fd);
    DREY_CHECK_EQ(open_fails(kit_path("text.db"), &code, message), 0);
    DREY_CHECK_EQ(code, SQ_STORE_FAILED);
    return 0;
}

DREY_TEST(a_migration_is_one_transaction_after_a_backup) /* S25 */
{
    static const sq_sqlite_migration good = {2, "ALTER TABLE projects ADD COLUMN note TEXT"};
    static const sq_sqlite_migration bad[] = {{2, "ALTER TABLE projects ADD COLUMN note TEXT"},
                                              {3, "CREATE TABLE more(x); INSERT INTO nowhere VALUES(1)"}};
    char path[512], kept[600], message[SQ_JSON_MESSAGE_BYTES];
    sq_code code;
    sq_store *store;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(kept, sizeof kept, "%s.before-2", path);
    DREY_CHECK_EQ(make_store(path, 5), 0);
    sq_sqlite_hook.migrations = bad;
    sq_sqlite_hook.migration_count = 2;
    DREY_CHECK_EQ(open_fails(path, &code, message), 0);
    DREY_CHECK_EQ(code, SQ_STORE_FAILED);
    sq_sqlite_hook.migrations = &good;
    sq_sqlite_hook.migration_count = 1;
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
        DREY_CHECK_EQ(kit_verify(store), 0);
        DREY_CHECK_EQ(kit_put(store, "c1", "{}"), 2);
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    DREY_CHECK_EQ(kit_sql(path, "SELECT note FROM projects"), SQLITE_OK);
    sq_sqlite_hook.migration_count = 0;
    DREY_CHECK_EQ(open_fails(path, &code, message), 0);
    DREY_CHECK_EQ(code, SQ_VERSION_SKEW);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kept, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "c1", "{}"), 2);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(a_backup_can_be_opened_and_restored)
{
    char path[512], copy[512], url[600];
    sq_store *store;
    sq_error error;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(copy, sizeof copy, "%s", kit_path("copy.db"));
    snprintf(url, sizeof url, "sqlite:%s", path);
    DREY_CHECK_EQ(make_store(path, 20), 0);
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
        DREY_CHECK_EQ(kit_put(store, "c1", "{\"v\":2}"), 2);
        DREY_CHECK_EQ(store->ops->backup(store, copy, &error), 0);
        DREY_CHECK_EQ(store->ops->backup(store, copy, &error), -EINVAL);
        DREY_CHECK_EQ(error.code, SQ_EXISTS);
        DREY_CHECK_EQ(kit_put(store, "c1", "{\"v\":3}"), 3);
        DREY_CHECK_EQ(kit_put(store, "new", "{}"), 1);
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    struct stat stat_;
    DREY_CHECK_EQ(stat(copy, &stat_), 0);
    DREY_CHECK_EQ(stat_.st_mode & 0777, 0600);
    DREY_CHECK_EQ(sq_store_restore(url, copy, &error), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_verify(store), 0);
    DREY_CHECK_EQ(kit_put(store, "c1", "{\"v\":4}"), 3);
    DREY_CHECK_EQ(kit_put(store, "new", "{}"), 1);
    DREY_CHECK_STR(kit_search(store, "alpha9"), "c19 c9 ");
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

/* Not even when it is the last that closes the file: two connections that checkpoint could lose a transaction. */
DREY_TEST(a_reader_neither_writes_nor_checkpoints) /* S6 */
{
    char path[512], wal[600];
    sqlite3 *writer;
    sq_db reader;
    sq_error error;
    struct stat stat_;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(wal, sizeof wal, "%s-wal", path);
    DREY_CHECK_EQ(make_store(path, 3), 0);
    DREY_CHECK_EQ(sqlite3_open(path, &writer), SQLITE_OK);
    DREY_CHECK_EQ(sqlite3_exec(writer, "PRAGMA wal_autocheckpoint=0; CREATE TABLE more(x)", 0, 0, 0), SQLITE_OK);
    DREY_CHECK_EQ(sq_db_open(&reader, path, false, &error), 0);
    int64_t rows;
    DREY_CHECK_EQ(sq_db_number(&reader, "SELECT count(*) FROM meta", &rows, &error), 0);
    DREY_CHECK_EQ(sq_db_exec(&reader, "DELETE FROM meta", &error), -EIO);
    DREY_CHECK_EQ(sqlite3_close(writer), SQLITE_OK);
    sq_db_close(&reader);
    DREY_CHECK_EQ(stat(wal, &stat_), 0);
    DREY_CHECK(stat_.st_size > 0);
    return 0;
}

typedef struct copying {
    sq_store *store;
    const char *path;
    int done, refused;
} copying;

static DREY_ASYNC int back_up(void *arg)
{
    copying *c = arg;
    sq_error error = {0};
    if (c->store->ops->backup(c->store, c->path, &error) == 0)
        c->done++;
    else
        c->refused += error.code == SQ_EXISTS;
    return 0;
}

/* One of them makes it, the others are told that it exists, and none gets into another's way. */
DREY_TEST(backups_to_one_path_at_once_do_not_mix)
{
    char path[512], copy[512], command[1024];
    sq_store *store;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(copy, sizeof copy, "%s", kit_path("copy.db"));
    snprintf(command, sizeof command, "ls '%s' | grep -q part", drey_test_dir());
    DREY_CHECK_EQ(make_store(path, 400), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    copying both[4];
    {
        DREY_SCOPE(tasks);
        for (int i = 0; i < 4; i++) {
            both[i] = (copying){store, copy, 0, 0};
            DREY_CHECK_EQ(drey_go(&tasks, back_up, &both[i]), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(both[0].done + both[1].done + both[2].done + both[3].done, 1);
    DREY_CHECK_EQ(both[0].refused + both[1].refused + both[2].refused + both[3].refused, 3);
    store->ops->close(store);
    DREY_CHECK_EQ(kit_open(&scope, copy, NULL, &store), 0);
    DREY_CHECK_EQ(kit_verify(store), 0);
    store->ops->close(store);
    DREY_CHECK(system(command) != 0); /* nothing is left over */
    return drey_scope_close(&scope, 0);
}

/* Overwrites a part of the file with noise. */
static int damage(const char *path, off_t at, size_t bytes)
{
    char noise[8192];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 37 + 11);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t done = pwrite(fd, noise, bytes, at);
    close(fd);
    return done == (ssize_t)bytes ? 0 : -EIO;
}

DREY_TEST(damage_is_refused_or_named_and_a_backup_helps)
{
    char path[512], copy[512], url[600], message[SQ_JSON_MESSAGE_BYTES];
    sq_store *store;
    sq_error error;
    sq_code code;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(copy, sizeof copy, "%s", kit_path("copy.db"));
    snprintf(url, sizeof url, "sqlite:%s", path);
    DREY_CHECK_EQ(make_store(path, 400), 0);
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0); /* it is indexed */
        DREY_CHECK_EQ(store->ops->backup(store, copy, &error), 0);
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    struct stat stat_;
    DREY_CHECK_EQ(stat(copy, &stat_), 0);
    DREY_CHECK_EQ(sq_store_restore(url, copy, &error), 0);
    int named = 0;
    int pages = 0;
    for (off_t at = 4096; at + 4096 <= stat_.st_size; at += 3 * 4096, pages++) {
        DREY_CHECK_EQ(damage(path, at, 4096), 0);
        DREY_SCOPE(scope);
        int rc = sq_store_open(&scope, url, NULL, &store, &error);
        if (rc == 0) {
            sq_verified found;
            DREY_CHECK_EQ(store->ops->verify(store, &found, &error), 0);
            named += found.problems > 0;
            sq_text_free(&found.report);
            store->ops->close(store);
        } else {
            named++;
            DREY_CHECK_EQ(error.code, SQ_STORE_FAILED);
        }
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK_EQ(sq_store_restore(url, copy, &error), 0);
    }
    DREY_CHECK(named >= pages - count_of(path, "PRAGMA freelist_count"));
    DREY_CHECK_EQ(damage(path, 0, 100), 0);
    DREY_CHECK_EQ(open_fails(path, &code, message), 0);
    DREY_CHECK_EQ(code, SQ_STORE_FAILED);
    DREY_CHECK(strstr(message, "restore"));
    DREY_CHECK_EQ(damage(copy, 4096, 4096), 0);
    DREY_CHECK_EQ(sq_store_restore(url, copy, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_STORE_FAILED);
    return 0;
}

DREY_TEST_MAIN()
