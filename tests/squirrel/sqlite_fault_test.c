/* SPDX-License-Identifier: MIT */
/* Every operation that reaches the system fails in turn: what was answered is there afterwards, what was refused says
 * so, and after a sync or a commit that failed nothing more is written (S4). */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sqlite_kit.h"
#include "fault_kit.h"

static void remove_store(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[1100];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static DREY_ASYNC int check_more(sq_store *store, const char *path)
{
    (void)store, (void)path;
    return 0;
}

/* Over a WAL that is often moved into the file. */
static DREY_ASYNC int fail_sqlite(watched_kind kind, watched_fault fault, bool on, unsigned step)
{
    sq_sqlite_hook.vfs = "watched";
    sq_sqlite_hook.wal_pages = 20;
    return fail_each(kind, fault, on, step);
}

DREY_TEST(each_write_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_WRITE, WATCHED_FAILS, false, 7) > 50);
    return 0;
}

DREY_TEST(each_write_is_short_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_WRITE, WATCHED_SHORT, false, 11) > 50);
    return 0;
}

DREY_TEST(the_disk_fills_up_at_each_write, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_WRITE, WATCHED_FULL, true, 13) > 50);
    return 0;
}

DREY_TEST(each_sync_fails_in_turn, .timeout_seconds = 200) /* S4 */
{
    DREY_CHECK(fail_sqlite(WATCHED_SYNC, WATCHED_FAILS, false, 1) > 10);
    return 0;
}

DREY_TEST(each_open_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_OPEN, WATCHED_FAILS, false, 1) > 3);
    return 0;
}

DREY_TEST(each_truncation_deletion_and_mapping_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_TRUNCATE, WATCHED_FAILS, false, 1) > 0);
    DREY_CHECK(fail_sqlite(WATCHED_DELETE, WATCHED_FAILS, false, 1) > 1);
    DREY_CHECK(fail_sqlite(WATCHED_SHARED, WATCHED_FAILS, false, 1) > 1);
    return 0;
}

DREY_TEST(each_read_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_sqlite(WATCHED_READ, WATCHED_FAILS, false, 3) > 10);
    return 0;
}

DREY_TEST(after_a_sync_that_failed_nothing_is_written, .timeout_seconds = 200) /* S4 */
{
    sq_store *store;
    sq_error error;
    sq_status status;
    watched_register();
    sq_sqlite_hook.vfs = "watched";
    sq_sqlite_hook.without_index = true;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path("store.db"), NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    watched_fail(WATCHED_SYNC, WATCHED_FAILS, 1, false);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":1}"), -EINVAL);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":2}"), -EINVAL);
    DREY_CHECK_EQ(kit_end(store, SQ_DELETE, "a"), -EINVAL);
    DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    DREY_CHECK_STR(status.condition, "failed");
    DREY_CHECK(status.last_error[0]);
    const sq_revision *head;
    DREY_CHECK_EQ(store->ops->get(store, "p", "a", 0, &head, &error), 0);
    DREY_CHECK_EQ(head->rev, 1);
    sq_revision_unref(head);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(a_checkpoint_whose_sync_fails_ends_the_writing, .timeout_seconds = 200) /* S4 */
{
    sq_store *store;
    sq_error error;
    sq_status status = {0};
    watched_register();
    sq_sqlite_hook.vfs = "watched";
    sq_sqlite_hook.wal_pages = 1;
    sq_sqlite_hook.without_index = true;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path("store.db"), NULL, &store), 0);
    watched_fail(WATCHED_SYNC, WATCHED_FAILS, 2, true); /* the first is the commit's */
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    for (int i = 0; i < 100 && strcmp(status.condition, "failed") != 0; i++) {
        DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0);
        DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    }
    DREY_CHECK_STR(status.condition, "failed");
    watched_fail(WATCHED_SYNC, WATCHED_FAILS, 0, false);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":2}"), -EINVAL);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

/* What could not be put in place takes up no room. */
DREY_TEST(a_restore_that_fails_leaves_nothing, .timeout_seconds = 200)
{
    char path[512], copy[512], url[600], command[1024];
    sq_store *store;
    sq_error error;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    snprintf(copy, sizeof copy, "%s", kit_path("copy.db"));
    snprintf(url, sizeof url, "sqlite:%s", path);
    watched_register();
    sq_sqlite_hook.vfs = "watched";
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    DREY_CHECK_EQ(store->ops->backup(store, copy, &error), 0);
    store->ops->close(store);
    watched_fail(WATCHED_WRITE, WATCHED_FULL, 3, true);
    DREY_CHECK_EQ(sq_store_restore(url, copy, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_DISK_FULL);
    watched_fail(WATCHED_WRITE, WATCHED_FULL, 0, false);
    snprintf(command, sizeof command, "ls '%s' | grep -q -e restoring", drey_test_dir());
    DREY_CHECK(system(command) != 0);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":1}"), 2);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(without_descriptors_reads_fail_and_recover, .timeout_seconds = 200)
{
    sq_store *store;
    sq_error error;
    const sq_revision *head;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path("store.db"), NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    struct rlimit before, none;
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(lowest);
    none = (struct rlimit){(rlim_t)lowest, before.rlim_max};
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    DREY_CHECK_EQ(store->ops->get(store, "p", "a", 0, &head, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_STORE_FAILED);
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    DREY_CHECK_EQ(store->ops->get(store, "p", "a", 0, &head, &error), 0);
    sq_revision_unref(head);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":1}"), 2);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
