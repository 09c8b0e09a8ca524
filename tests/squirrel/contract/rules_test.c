/* SPDX-License-Identifier: MIT */
/* Parents, operation keys, history, expiry, quotas, purge: S16, S19, S30 to S32. */
#include "contract/kit.h"

static DREY_ASYNC int64_t child(sq_store *store, const char *id, const char *parent)
{
    return kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = id, .parent_id = parent,
                                      KIT_DATA_AND(SQ_SET_PARENT, "{}")));
}

static DREY_ASYNC int64_t move(sq_store *store, const char *id, const char *parent)
{
    return kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = id, .parent_id = parent, .set = SQ_SET_PARENT));
}

static DREY_ASYNC int64_t cascade(sq_store *store, sq_verb verb, const char *id)
{
    return kit_write(store, KIT_WRITE(.verb = verb, .id = id, .expected_rev = SQ_REV_FORCE, .cascade = true));
}

CONTRACT(parents_exist_and_make_no_cycle) /* S16 */
{
    KIT_FAILS(child(store, "a", "none"), SQ_BROKEN_PARENT);
    KIT_OK(kit_create(store, "root", "{}"));
    KIT_OK(child(store, "a", "root"));
    KIT_OK(child(store, "b", "a"));
    KIT_FAILS(move(store, "root", "b"), SQ_CYCLE);
    KIT_FAILS(move(store, "root", "root"), SQ_CYCLE);
    KIT_OK(move(store, "b", NULL));
    KIT_OK(move(store, "root", "b"));
    KIT_OK(kit_delete(store, "a"));
    KIT_FAILS(child(store, "c", "a"), SQ_BROKEN_PARENT);
    return 0;
}

CONTRACT(a_parent_is_of_the_same_project) /* S16 */
{
    KIT_OK(kit_create(store, "root", "{}"));
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", .parent_id = "root", KIT_DATA_AND(SQ_SET_PARENT, "{}"));
    write.project = "q";
    KIT_FAILS(kit_write(store, write), SQ_BROKEN_PARENT);
    return 0;
}

CONTRACT(lines_of_parents_end_at_32) /* S16 */
{
    char id[16], parent[16];
    KIT_OK(kit_create(store, "n0", "{}"));
    for (int i = 1; i <= SQ_ANCESTORS_MAX; i++) {
        snprintf(id, sizeof id, "n%d", i);
        snprintf(parent, sizeof parent, "n%d", i - 1);
        KIT_OK(child(store, id, parent));
    }
    KIT_FAILS(child(store, "one-more", id), SQ_TOO_DEEP);
    KIT_OK(kit_create(store, "above", "{}"));
    KIT_FAILS(move(store, "n0", "above"), SQ_TOO_DEEP);   /* the line below counts */
    const sq_revision *line[SQ_ANCESTORS_MAX + 1];
    size_t count = 0;
    KIT_OK(store->ops->lineage(store, "p", id, line, &count, &kit_error));
    bool good = count == SQ_ANCESTORS_MAX + 1 && strcmp(line[0]->id, id) == 0 && strcmp(line[32]->id, "n0") == 0;
    for (size_t i = 0; i < count; i++)
        sq_revision_unref(line[i]);
    DREY_CHECK(good);
    return 0;
}

CONTRACT(a_parent_of_live_children_stays_unless_cascaded) /* S16 */
{
    KIT_OK(kit_create(store, "root", "{}"));
    KIT_OK(child(store, "a", "root"));
    KIT_OK(child(store, "b", "a"));
    KIT_OK(child(store, "c", "root"));
    KIT_FAILS(kit_delete(store, "root"), SQ_HAS_CHILDREN);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "root")), SQ_HAS_CHILDREN);
    KIT_OK(cascade(store, SQ_DELETE, "root"));
    DREY_CHECK_STR(kit_list(store, (sq_list){0}, NULL), "");
    DREY_CHECK_EQ(kit_seq(store), 8);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "b", .expected_rev = SQ_REV_FORCE)), SQ_BROKEN_PARENT);
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "root", .expected_rev = SQ_REV_FORCE)));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = SQ_REV_FORCE)));
    KIT_FAILS(kit_delete(store, "root"), SQ_HAS_CHILDREN);
    KIT_OK(cascade(store, SQ_PURGE, "root"));
    KIT_DATA_IS("a", 1, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    return 0;
}

CONTRACT(a_key_replays_its_result) /* S19 */
{
    sq_written first, again;
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .key = "k1", KIT_DATA("{\"n\": 1}"));
    KIT_OK(store->ops->write(store, &write, 1, &first, &kit_error));
    write.data = "{ \"n\" : 1 }";
    write.data_bytes = strlen(write.data);
    write.agent = "other";
    KIT_OK(store->ops->write(store, &write, 1, &again, &kit_error));
    bool same = again.replayed && !first.replayed && strcmp(first.revision->id, again.revision->id) == 0 &&
                again.revision->rev == 1 && strcmp(again.revision->data, "{\"n\":1}") == 0;
    sq_written_free(&first);
    sq_written_free(&again);
    DREY_CHECK(same);
    DREY_CHECK_EQ(kit_seq(store), 1);
    write.data = "{\"n\":2}";
    write.data_bytes = strlen(write.data);
    KIT_FAILS(kit_write(store, write), SQ_KEY_REUSED);
    write.principal = "local:2";
    KIT_OK(kit_write(store, write));
    write.project = "q";
    KIT_OK(kit_write(store, write));
    return 0;
}

CONTRACT(a_failed_write_keeps_no_key) /* S19 */
{
    sq_write write = KIT_WRITE(.verb = SQ_PATCH, .id = "a", .key = "k", KIT_DATA("{\"n\":1}"));
    KIT_FAILS(kit_write(store, write), SQ_NOT_FOUND);
    KIT_OK(kit_create(store, "a", "{}"));
    DREY_CHECK_EQ(kit_write(store, write), 2);
    DREY_CHECK_EQ(kit_write(store, write), 2);
    return 0;
}

CONTRACT_WITH(a_key_outlives_the_history, KIT_OPTIONS(.limits = {.history_revisions = 2})) /* S19, S30 */
{
    sq_written again;
    sq_write write = KIT_WRITE(.verb = SQ_PATCH, .id = "a", .key = "k", KIT_DATA("{\"n\":1}"));
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_OK(kit_write(store, write));
    for (int i = 0; i < 3; i++)
        KIT_OK(kit_patch(store, "a", "{\"n\":2}"));
    KIT_OK(store->ops->write(store, &write, 1, &again, &kit_error));
    bool known = again.replayed && again.revision->rev == 2 && again.revision->seq == 2 && !again.revision->data;
    sq_written_free(&again);
    DREY_CHECK(known);
    KIT_DATA_IS("a", 0, "{\"n\":2}");
    return 0;
}

CONTRACT(keys_are_forgotten_after_a_day) /* S19 */
{
    size_t reaped;
    sq_write write = KIT_WRITE(.verb = SQ_PATCH, .id = "a", .key = "k", KIT_DATA("{\"n\":1}"));
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_OK(kit_write(store, write));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(86399)), 0);
    KIT_OK(store->ops->reap(store, &reaped, &kit_error));
    DREY_CHECK_EQ(kit_write(store, write), 2);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), 0);
    DREY_CHECK_EQ(kit_write(store, write), 3);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(86402)), 0);
    KIT_OK(store->ops->reap(store, &reaped, &kit_error));
    write.data = "{\"n\":2}";
    DREY_CHECK_EQ(kit_write(store, write), 4);
    return 0;
}

CONTRACT_WITH(history_keeps_the_newest, KIT_OPTIONS(.limits = {.history_revisions = 3})) /* S30 */
{
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    for (int i = 2; i <= 5; i++)
        KIT_OK(kit_patch(store, "a", i == 2 ? "{\"n\":2}" : i == 3 ? "{\"n\":3}" : i == 4 ? "{\"n\":4}" : "{\"n\":5}"));
    KIT_DATA_IS("a", 2, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    KIT_DATA_IS("a", 3, "{\"n\":3}");
    sq_page page;
    sq_history history = {.project = "p", .id = "a", .principal = "local:1", .limit = 2};
    KIT_OK(store->ops->history(store, &history, &page, &kit_error));
    bool good = page.count == 2 && page.items[0]->rev == 5 && page.items[1]->rev == 4 && page.cursor[0];
    char cursor[SQ_CURSOR_BYTES];
    memcpy(cursor, page.cursor, sizeof cursor);
    sq_page_free(&page);
    DREY_CHECK(good);
    history.cursor = cursor;
    KIT_OK(store->ops->history(store, &history, &page, &kit_error));
    good = page.count == 1 && page.items[0]->rev == 3 && !page.cursor[0];
    sq_page_free(&page);
    DREY_CHECK(good);
    history = (sq_history){.project = "p", .id = "none", .principal = "local:1"};
    DREY_CHECK_EQ(store->ops->history(store, &history, &page, &kit_error), -EINVAL);
    DREY_CHECK_EQ(kit_error.code, SQ_NOT_FOUND);
    return 0;
}

CONTRACT(history_keeps_a_month) /* S30 */
{
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(20 * 86400)), 0);
    KIT_OK(kit_patch(store, "a", "{\"n\":2}"));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(20 * 86400)), 0);
    KIT_DATA_IS("a", 1, "{\"n\":1}");
    KIT_OK(kit_patch(store, "a", "{\"n\":3}"));
    KIT_DATA_IS("a", 1, "");
    KIT_DATA_IS("a", 2, "{\"n\":2}");
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(90 * 86400)), 0);
    KIT_DATA_IS("a", 0, "{\"n\":3}");
    return 0;
}

CONTRACT(undo_makes_a_revision_with_older_content) /* S30 */
{
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 1)), SQ_NOT_FOUND);
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = "a", .name = "x",
                                      KIT_DATA_AND(SQ_SET_NAME, "{\"n\":2}"))));
    KIT_OK(kit_patch(store, "a", "{\"n\":3}"));
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 3, .to_rev = 1)), 4);
    KIT_DATA_IS("a", 0, "{\"n\":1}");
    KIT_OK(kit_delete(store, "a"));
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 5)), 6);
    KIT_DATA_IS("a", 0, "{\"n\":1}");
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 6, .to_rev = 5)), SQ_NOT_FOUND);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 6, .to_rev = 6)), SQ_NOT_FOUND);
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")));
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 7)), SQ_GONE);
    return 0;
}

CONTRACT(purge_takes_the_history_along) /* S31 */
{
    KIT_OK(kit_create(store, "a", "{\"secret\":\"swordfish\"}"));
    KIT_OK(kit_patch(store, "a", "{\"n\":2}"));
    KIT_OK(kit_delete(store, "a"));
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")), 4);
    for (int rev = 1; rev <= 3; rev++)
        KIT_DATA_IS("a", rev, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")), SQ_GONE);
    sq_page page;
    sq_history history = {.project = "p", .id = "a", .principal = "local:1"};
    KIT_OK(store->ops->history(store, &history, &page, &kit_error));
    bool good = page.count == 1 && page.items[0]->op == SQ_OP_PURGE && !page.items[0]->data;
    sq_page_free(&page);
    DREY_CHECK(good);
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "swordfish"}, NULL), "");
    KIT_OK(store->ops->scrub(store, &kit_error));
    sq_status status;
    KIT_OK(store->ops->status(store, &status, &kit_error));
    DREY_CHECK_EQ(status.scrubs, 0);
    return 0;
}

CONTRACT(what_has_expired_is_gone_at_once) /* S14, S32 */
{
    size_t reaped;
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA_AND(SQ_SET_EXPIRY, "{\"n\":1}"));
    write.expires_at = sq_wall();
    KIT_FAILS(kit_write(store, write), SQ_INVALID);
    write.expires_at = sq_wall() + 1000;
    KIT_OK(kit_write(store, write));
    write.id = "b";
    KIT_OK(kit_write(store, write));
    KIT_DATA_IS("a", 0, "{\"n\":1}");
    DREY_CHECK_STR(kit_list(store, (sq_list){0}, NULL), "b a");
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    KIT_DATA_IS("a", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_GONE);
    DREY_CHECK_STR(kit_list(store, (sq_list){0}, NULL), "");
    KIT_FAILS(kit_patch(store, "a", "{}"), SQ_GONE);
    DREY_CHECK_EQ(kit_seq(store), 2);
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{\"n\":2}"))), 2);
    KIT_OK(store->ops->reap(store, &reaped, &kit_error));
    DREY_CHECK_EQ(reaped, 1);
    KIT_OK(store->ops->reap(store, &reaped, &kit_error));
    DREY_CHECK_EQ(reaped, 0);
    DREY_CHECK_EQ(kit_seq(store), 4);
    KIT_DATA_IS("a", 0, "{\"n\":2}");
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "b", .expected_rev = 2)), 3);
    KIT_DATA_IS("b", 0, "{\"n\":1}");   /* its expiry has passed, and is dropped */
    return 0;
}

CONTRACT(an_expired_parent_breaks_the_line) /* S16 */
{
    const sq_revision *line[SQ_ANCESTORS_MAX + 1];
    size_t count = 7;
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "root", KIT_DATA_AND(SQ_SET_EXPIRY, "{}"));
    write.expires_at = sq_wall() + 1000;
    KIT_OK(kit_write(store, write));
    KIT_OK(child(store, "a", "root"));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), 0);
    DREY_CHECK_EQ(store->ops->lineage(store, "p", "a", line, &count, &kit_error), -EINVAL);
    DREY_CHECK(kit_error.code == SQ_BROKEN_PARENT && count == 7);
    KIT_FAILS(child(store, "b", "a"), SQ_BROKEN_PARENT);
    KIT_OK(kit_patch(store, "a", "{\"n\":1}"));   /* what does not touch the parent goes on */
    return 0;
}

CONTRACT_WITH(contexts_have_a_quota, KIT_OPTIONS(.limits = {.project_live = 2}))
{
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_OK(kit_create(store, "b", "{}"));
    KIT_FAILS(kit_create(store, "c", "{}"), SQ_QUOTA);
    KIT_OK(kit_patch(store, "a", "{\"n\":1}"));
    KIT_OK(kit_delete(store, "a"));
    KIT_OK(kit_create(store, "c", "{}"));
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = SQ_REV_FORCE)), SQ_QUOTA);
    KIT_OK(kit_delete(store, "b"));
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{}"));
    write.project = "q";
    KIT_OK(kit_write(store, write));
    return 0;
}

/* Four revisions of nothing fit. */
CONTRACT_WITH(bytes_have_a_quota_and_history_gives_way, KIT_OPTIONS(.limits = {.project_bytes = 1100})) /* S30 */
{
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_OK(kit_create(store, "b", "{}"));
    for (int i = 0; i < 5; i++)
        KIT_OK(kit_patch(store, "a", "{}"));
    KIT_DATA_IS("a", 3, "");
    KIT_DATA_IS("a", 5, "{}");
    KIT_FAILS(kit_create(store, "c", "{}"), SQ_QUOTA);
    KIT_OK(kit_delete(store, "b"));   /* deleting and purging always work */
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")));
    KIT_OK(kit_create(store, "c", "{}"));
    sq_verified verified;
    KIT_OK(store->ops->verify(store, &verified, &kit_error));
    int64_t problems = verified.problems;
    sq_text_free(&verified.report);
    DREY_CHECK_EQ(problems, 0);
    return 0;
}

DREY_TEST_MAIN()
