/* SPDX-License-Identifier: MIT */
/* Power cuts (S5): the store works on a disk that is recorded, and every moment's possible leftovers are opened: what
 * was answered must be there, whole, and the store sound. The mutants must be caught by the same test. */
#include <unistd.h>

#include "sqlite_kit.h"
#include "crash_kit.h"

static DREY_ASYNC int record(void)
{
    watched_register();
    watched_sync_for_real(false);
    sq_sqlite_hook.vfs = "watched";
    sq_sqlite_hook.wal_pages = 100;
    watched_record(true);
    DREY_SCOPE(scope);
    sq_store *store;
    sq_error error;
    DREY_CHECK_EQ(kit_open(&scope, kit_path("live.db"), NULL, &store), 0);
    DREY_CHECK_EQ(write_all(store), 0);
    DREY_CHECK_EQ(store->ops->scrub(store, &error), 0);
    store->ops->close(store);
    watched_record(false);
    return drey_scope_close(&scope, 0);
}

static void empty_folder(const char *folder)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[1024];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s/live.db%s", folder, ends[i]);
        unlink(path);
    }
}

/* 1: the image holds all that was answered, and is sound. */
static DREY_ASYNC int check_image(const char *folder)
{
    char path[1024];
    sq_store *store;
    int good = 1;
    snprintf(path, sizeof path, "%s/live.db", folder);
    DREY_SCOPE(scope);
    if (kit_open(&scope, path, NULL, &store) < 0)
        return drey_scope_close(&scope, 0);
    for (int id = 0; id < IDS; id++)
        good = check_context(store, id) && good;
    good = kit_verify(store) == 0 && good;
    store->ops->close(store);
    return drey_scope_close(&scope, good);
}

DREY_TEST(what_was_answered_survives_a_power_cut, .timeout_seconds = 200) /* S5 */
{
    int images;
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK_EQ(check_images(POINTS, false, &images), 0);
    DREY_CHECK(images >= 500);
    return 0;
}

DREY_TEST(without_syncs_the_test_fails, .timeout_seconds = 200) /* S5: the mutant */
{
    int images;
    sq_sqlite_hook.without_sync = true;
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK(check_images(POINTS, true, &images) > 0);
    return 0;
}

DREY_TEST(without_syncs_of_the_folder_the_test_fails, .timeout_seconds = 200) /* S5: the mutant */
{
    int images;
    watched_ignore_folders(true);
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK(check_images(POINTS, true, &images) > 0);
    return 0;
}

DREY_TEST_MAIN()
