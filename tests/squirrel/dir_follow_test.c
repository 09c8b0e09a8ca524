/* SPDX-License-Identifier: MIT */
/* Sheets follow what is written: several at a time, and to the last write. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "dir_kit.h"
#include "store/dir/dir.h"

enum { SHEETS = 40 };

static _Atomic int syncing, syncing_most;

/* A disk whose syncs take their time. */
static DREY_ASYNC int sync_slowly(int fd)
{
    int now = ++syncing;
    syncing_most = now > syncing_most ? now : syncing_most;
    int rc = drey_sleep(DREY_MS(2));
    syncing--;
    return rc < 0 ? rc : sq_files_system.sync(fd);
}

static DREY_ASYNC int write_many_sheets(sq_store *store, const char *path)
{
    char id[16], name[32];
    for (int i = 0; i < SHEETS; i++) {
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(kit_put(store, id, "{}"), 1);
        DREY_CHECK_EQ(kit_put(store, id, "{\"n\":2}"), 2);
    }
    for (int i = 0; i < SHEETS; i++) {
        snprintf(name, sizeof name, "p/c%d.json", i);
        KIT_UNTIL(strstr(kit_text(path, name), "\"n\": 2"));
    }
    DREY_CHECK_EQ(conflicts(store), 0);
    return 0;
}

DREY_TEST(sheets_are_written_several_at_a_time, .real_clock = true)
{
    static sq_files slow;
    slow = sq_files_system;
    slow.sync = sync_slowly;
    sq_files_used = &slow;
    LIVE(write_many_sheets);
    sq_files_used = &sq_files_system;
    DREY_CHECK(syncing_most > 2);   /* one is the journal's */
    return 0;
}

enum { RUSH_TASKS = 4, RUSH_WRITES = 240, RUSH_IDS = 5 };

typedef struct rush {
    sq_store *store;
    unsigned number;
} rush;

static DREY_ASYNC int write_on(void *arg)
{
    const rush *r = arg;
    char id[24], data[32];
    int rc = 0;
    for (int i = 0; i < RUSH_WRITES && rc >= 0; i++) {
        snprintf(id, sizeof id, i % 3 == 0 ? "n%u-%d" : "t%u-%d", r->number, i % 3 == 0 ? i : i % RUSH_IDS);
        snprintf(data, sizeof data, "{\"n\":%d}", i);
        rc = kit_put(r->store, id, data) < 0 ? -EIO : 0;
    }
    return rc;
}

static _Atomic bool reads;

/* A reader that is slow: who publishes waits for it. */
static void *read_slowly(void *lock)
{
    while (reads) {
        pthread_rwlock_rdlock(lock);
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
        pthread_rwlock_unlock(lock);
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    return NULL;
}

static DREY_ASYNC int write_beside(sq_store *store)
{
    rush rushes[RUSH_TASKS];
    int rc = 0;
    DREY_SCOPE(scope, .spread = true);
    for (unsigned i = 0; i < RUSH_TASKS && rc == 0; i++) {
        rushes[i] = (rush){store, i};
        rc = drey_go(&scope, write_on, &rushes[i]);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int write_and_wait_for_sheets(sq_store *store, const char *path)
{
    pthread_t reader;
    reads = true;
    DREY_CHECK_EQ(pthread_create(&reader, NULL, read_slowly, &((sq_dir *)store)->tables.lock), 0);
    int rc = write_beside(store);
    reads = false;
    DREY_CHECK_EQ(pthread_join(reader, NULL), 0);
    DREY_CHECK_EQ(rc, 0);
    for (unsigned task = 0; task < RUSH_TASKS; task++) {
        for (int i = 0; i < RUSH_IDS; i++) {
            char id[24], name[40], wanted[40];
            snprintf(id, sizeof id, "t%u-%d", task, i);
            snprintf(name, sizeof name, "p/%s.json", id);
            snprintf(wanted, sizeof wanted, "\"n\": %d\n", atoi(kit_head(store, id) + 5));
            KIT_UNTIL(strstr(kit_text(path, name), wanted));
        }
    }
    DREY_CHECK_EQ(conflicts(store), 0);
    return 0;
}

/* The keeper and the writer are on workers of their own. */
DREY_TEST(every_sheet_shows_the_last_write, .workers = 3, .real_clock = true) /* K5 */
{
    char path[512];
    sq_store *store;
    snprintf(path, sizeof path, "%s", kit_path("store"));
    DREY_SCOPE(scope, .spread = true);
    int rc = kit_open(&scope, path, NULL, &store);
    if (rc == 0) {
        rc = write_and_wait_for_sheets(store, path);
        store->ops->close(store);
    }
    return drey_scope_close(&scope, rc);
}

/* ---- a purge between the sheets and the compaction */

static sq_store *purging;
static int swap_syncs;

/* The second one is the compaction's own; the first belongs to the sheet of "a". */
static DREY_ASYNC int purge_before_compaction(const char *path)
{
    if (purging && strstr(path, "/swap/p") && ++swap_syncs == 2 && kit_end(purging, SQ_PURGE, "b") != 2)
        return -EIO;
    return sq_files_system.sync_folder(path);
}

/* So that who does not wait for the sheet to go still finds it. */
static DREY_ASYNC int rename_slowly(const char *from, const char *to, unsigned flags)
{
    int rc = purging && strstr(from, "/b.json") ? drey_sleep(DREY_MS(300)) : 0;
    return rc < 0 ? rc : sq_files_system.rename(from, to, flags);
}

static DREY_ASYNC int purge_and_scrub(sq_store *store, const char *path)
{
    sq_error error;
    DREY_CHECK_EQ(kit_put(store, "a", "{\"secret\":1}"), 1);
    DREY_CHECK_EQ(kit_put(store, "b", "{\"secret\":2}"), 1);
    KIT_UNTIL(kit_text(path, "p/a.json")[0] && kit_text(path, "p/b.json")[0]);
    purging = store;
    DREY_CHECK_EQ(kit_end(store, SQ_PURGE, "a"), 2);
    DREY_CHECK_EQ(store->ops->scrub(store, &error), 0);
    purging = NULL;
    DREY_CHECK(swap_syncs >= 2);
    DREY_CHECK_STR(kit_head(store, "b"), "!gone");
    DREY_CHECK_STR(kit_text(path, "p/b.json"), "");
    return 0;
}

DREY_TEST(a_scrub_waits_for_sheets_of_what_is_purged_meanwhile, .real_clock = true) /* S31, K6 */
{
    static sq_files files;
    files = sq_files_system;
    files.sync_folder = purge_before_compaction;
    files.rename = rename_slowly;
    sq_files_used = &files;
    LIVE(purge_and_scrub);
    sq_files_used = &sq_files_system;
    return 0;
}

DREY_TEST_MAIN()
