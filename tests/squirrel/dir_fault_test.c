/* SPDX-License-Identifier: MIT */
/* Every operation of the store of plain files that reaches the system fails in turn: what was answered is there
 * afterwards, sheets say the same, nothing is taken for an edit, and after a sync of the journal that failed nothing
 * more is written (S4). */
#include <ftw.h>

#include "dir_kit.h"
#include "fault_kit.h"

static int remove_one(const char *path, const struct stat *stat_, int what, struct FTW *walk)
{
    (void)stat_, (void)what, (void)walk;
    return remove(path);
}

static void remove_store(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static DREY_ASYNC int check_more(sq_store *store, const char *path)
{
    sq_status status;
    sq_error error;
    DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    DREY_CHECK_EQ(status.conflicts, 0);
    DREY_CHECK_STR(status.condition, "ok");
    for (int id = 0; id < IDS; id++) {
        char name[32], start[32];
        const sq_revision *head;
        snprintf(name, sizeof name, "c%d", id);
        if (store->ops->get(store, "p", name, 0, &head, &error) < 0)
            continue;
        snprintf(name, sizeof name, "p/c%d.json", id);
        snprintf(start, sizeof start, "\"rev\": %lld,", (long long)head->rev);
        KIT_UNTIL(strstr(kit_text(path, name), start));
        DREY_CHECK(head->op == SQ_OP_IMPORT);
        sq_revision_unref(head);
    }
    return 0;
}

DREY_TEST(each_write_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_WRITE, WATCHED_FAILS, false, 3) > 20);
    return 0;
}

DREY_TEST(each_write_is_short_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_WRITE, WATCHED_SHORT, true, 5) > 20);
    return 0;
}

DREY_TEST(the_disk_fills_up_at_each_write, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_WRITE, WATCHED_FULL, true, 3) > 20);
    DREY_CHECK(fail_each(WATCHED_WRITE, WATCHED_FULL, false, 3) > 20);
    return 0;
}

DREY_TEST(each_sync_fails_in_turn, .timeout_seconds = 200) /* S4 */
{
    DREY_CHECK(fail_each(WATCHED_SYNC, WATCHED_FAILS, false, 3) > 20);
    DREY_CHECK(fail_each(WATCHED_SYNC, WATCHED_FULL, true, 5) > 5);
    return 0;
}

DREY_TEST(each_open_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_OPEN, WATCHED_FAILS, false, 3) > 20);
    DREY_CHECK(fail_each(WATCHED_OPEN, WATCHED_FULL, true, 5) > 2); /* no descriptors are left */
    return 0;
}

DREY_TEST(each_rename_truncation_and_deletion_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_RENAME, WATCHED_FAILS, false, 2) > 20);
    DREY_CHECK(fail_each(WATCHED_RENAME, WATCHED_FULL, true, 5) > 2);
    DREY_CHECK(fail_each(WATCHED_DELETE, WATCHED_FAILS, false, 1) > 5);
    DREY_CHECK(fail_each(WATCHED_TRUNCATE, WATCHED_FAILS, false, 1) > 0);
    return 0;
}

DREY_TEST(each_read_fails_in_turn, .timeout_seconds = 200)
{
    DREY_CHECK(fail_each(WATCHED_READ, WATCHED_FAILS, false, 3) > 10);
    return 0;
}

DREY_TEST(after_a_sync_that_failed_nothing_is_written, .timeout_seconds = 200, .real_clock = true) /* S4 */
{
    sq_store *store;
    sq_error error;
    sq_status status;
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store"));
    watched_register();
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    KIT_UNTIL(kit_text(path, "p/a.json")[0]);
    watched_fail(WATCHED_SYNC, WATCHED_FAILS, 1, true);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":1}"), -EINVAL);
    watched_fail(WATCHED_SYNC, WATCHED_FAILS, 0, false);
    DREY_CHECK_EQ(kit_put(store, "a", "{\"b\":2}"), -EINVAL);
    DREY_CHECK_EQ(kit_end(store, SQ_DELETE, "a"), -EINVAL);
    DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    DREY_CHECK_STR(status.condition, "failed");
    DREY_CHECK(status.last_error[0]);
    DREY_CHECK_STR(kit_head(store, "a"), "{}");
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

/* A full disk is no unknown state: the journal is as before, and there may be room later. */
DREY_TEST(after_a_full_disk_writing_goes_on, .timeout_seconds = 200, .real_clock = true)
{
    sq_store *store;
    sq_code code;
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store"));
    watched_register();
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "a", "{}"), 1);
    watched_fail(WATCHED_WRITE, WATCHED_FULL, 1, true);
    sq_write write = {.verb = SQ_IMPORT,
                      .project = "p",
                      .id = "b",
                      .set = SQ_SET_DATA,
                      .data = "{}",
                      .data_bytes = 2,
                      .expected_rev = SQ_REV_FORCE,
                      .principal = "test"};
    DREY_CHECK_EQ(kit_write(store, &write, &code), -EINVAL);
    DREY_CHECK_STR(sq_code_name(code), "disk_full");
    watched_fail(WATCHED_WRITE, WATCHED_FULL, 0, false);
    DREY_CHECK_EQ(kit_put(store, "b", "{}"), 1);
    KIT_UNTIL(kit_text(path, "p/b.json")[0]);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
