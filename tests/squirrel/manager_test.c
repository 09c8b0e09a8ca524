/* SPDX-License-Identifier: MIT */
/* The local manager over memory: cache, resolve, process, reaper. */
#include "manager_kit.h"

static DREY_ASYNC int reading(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    DREY_CHECK_EQ(rev_of(m, "a"), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_NOT_FOUND);
    DREY_CHECK_EQ(create(m, "a", "{\"n\":1}"), 1);
    DREY_CHECK_EQ(rev_of(m, "a"), 1);
    DREY_CHECK_EQ(patch(m, "a", "{\"n\":2}"), 2);
    DREY_CHECK_EQ(rev_of(m, "a"), 2);
    DREY_CHECK_EQ(put(m, WRITE(.verb = SQ_DELETE, .id = "a", .expected_rev = 2)), 3);
    DREY_CHECK_EQ(rev_of(m, "a"), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_GONE);
    DREY_CHECK_EQ(put(m, WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 3)), 4);
    DREY_CHECK_EQ(rev_of(m, "a"), 4);
    DREY_CHECK_EQ(put(m, WRITE(.verb = SQ_PURGE, .id = "a")), 5);
    DREY_CHECK_EQ(rev_of(m, "a"), -EINVAL);
    return 0;
}

DREY_TEST(a_read_sees_every_answered_write) /* S1 */
{
    return with_manager(reading, (sq_local_options){0});
}

DREY_TEST(a_cache_without_room_changes_nothing) /* S1 */
{
    return with_manager(reading, (sq_local_options){.cache_bytes = 1});
}

static DREY_ASYNC int many(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    char id[16];
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(create(m, id, "{\"n\":1}"), 1);
    }
    for (int i = 0; i < 200; i += 3) {
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(patch(m, id, "{\"n\":2}"), 2);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            snprintf(id, sizeof id, "c%d", i);
            DREY_CHECK_EQ(rev_of(m, id), i % 3 ? 1 : 2);
        }
    }
    return 0;
}

DREY_TEST(a_small_cache_drops_what_is_not_read)
{
    return with_manager(many, (sq_local_options){.cache_bytes = 20000});
}

static DREY_ASYNC int expiring(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    sq_write write = WRITE(.verb = SQ_CREATE, .id = "a", .set = SQ_SET_DATA | SQ_SET_EXPIRY, .data = "{}",
                           .data_bytes = 2);
    write.expires_at = sq_wall() + 1500;
    DREY_CHECK_EQ(put(m, write), 1);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1499)), 0);
    DREY_CHECK_EQ(rev_of(m, "a"), 1);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(rev_of(m, "a"), -EINVAL);   /* from the cache, too */
    DREY_CHECK_EQ(error.code, SQ_GONE);
    sq_status status;
    DREY_CHECK_EQ(m->ops->status(m, &status, &error), 0);
    DREY_CHECK_EQ(status.live, 1);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(60)), 0);
    DREY_CHECK_EQ(m->ops->status(m, &status, &error), 0);
    DREY_CHECK_EQ(status.live, 0);            /* reaped */
    return 0;
}

DREY_TEST(what_has_expired_is_invisible_at_once_and_reaped_later) /* S32 */
{
    return with_manager(expiring, (sq_local_options){0});
}

static DREY_ASYNC int family(sq_manager *m)
{
    DREY_CHECK_EQ(create(m, "root", "{\"a\":1,\"b\":{\"x\":null,\"y\":2},\"c\":3}"), 1);
    sq_write leaf = WRITE(.verb = SQ_CREATE, .id = "leaf", .parent_id = "root",
                          DATA("{\"b\":{\"y\":null,\"z\":4},\"c\":5}"));
    leaf.set |= SQ_SET_PARENT;
    DREY_CHECK_EQ(put(m, leaf), 1);
    return 0;
}

static DREY_ASYNC int resolving(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    sq_resolved resolved;
    DREY_CHECK_EQ(family(m), 0);
    DREY_CHECK_EQ(m->ops->resolve(m, "p", "leaf", &resolved, &error), 0);
    bool good = strcmp(resolved.data.data, "{\"a\":1,\"b\":{\"x\":null,\"z\":4},\"c\":5}") == 0 &&
                strcmp(resolved.revision->id, "leaf") == 0 && resolved.measure.keys == 5;
    sq_resolved_free(&resolved);
    DREY_CHECK(good);
    DREY_CHECK_EQ(m->ops->resolve(m, "p", "root", &resolved, &error), 0);
    good = strcmp(resolved.data.data, "{\"a\":1,\"b\":{\"x\":null,\"y\":2},\"c\":3}") == 0;
    sq_resolved_free(&resolved);
    DREY_CHECK(good);
    DREY_CHECK_EQ(m->ops->resolve(m, "p", "none", &resolved, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_NOT_FOUND);
    return 0;
}

DREY_TEST(a_context_inherits_from_its_parents) /* S15, S16 */
{
    return with_manager(resolving, (sq_local_options){0});
}

static DREY_ASYNC int processing(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    static const char *const ids[] = {"leaf", "none", "root"};
    sq_processed items[3];
    DREY_CHECK_EQ(family(m), 0);
    static const char schema[] = "{\"required\":[\"a\"],\"properties\":{\"c\":{\"maximum\":3}}}";
    DREY_CHECK_EQ(m->ops->process(m, "p", ids, 3, schema, items, &error), 0);
    bool good = items[0].rc == -EINVAL && items[0].error.code == SQ_INVALID && items[1].rc == -EINVAL &&
                items[1].error.code == SQ_NOT_FOUND && items[2].rc == 0 && items[2].resolved.measure.depth == 2;
    for (int i = 0; i < 3; i++)
        sq_resolved_free(&items[i].resolved);
    DREY_CHECK(good);
    DREY_CHECK_EQ(m->ops->process(m, "p", ids, 3, "{\"requierd\":[]}", items, &error), -EINVAL);
    return 0;
}

DREY_TEST(many_are_resolved_validated_and_measured)
{
    return with_manager(processing, (sq_local_options){0});
}

/* A context whose data is a string of `bytes` at a key. */
static DREY_ASYNC int64_t create_large(sq_manager *m, const char *id, const char *parent, const char *key, size_t bytes)
{
    char *data = malloc(bytes + 64);
    int head = snprintf(data, 64, "{\"%s\":\"", key);
    memset(data + head, 'x', bytes);
    memcpy(data + (size_t)head + bytes, "\"}", 3);
    sq_write write = WRITE(.verb = SQ_CREATE, .id = id, .parent_id = parent, DATA(data));
    write.set |= parent ? SQ_SET_PARENT : 0;
    int64_t rev = put(m, write);
    free(data);
    return rev;
}

static DREY_ASYNC int resolving_much(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    static const char *const ids[] = {"root", "root", "leaf", "root", "root", "root", "root", "root"};
    sq_resolved resolved;
    sq_processed items[8];
    DREY_CHECK_EQ(create_large(m, "root", NULL, "a", 700000), 1);
    DREY_CHECK_EQ(create_large(m, "leaf", "root", "b", 700000), 1);
    DREY_CHECK_EQ(m->ops->resolve(m, "p", "leaf", &resolved, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_TOO_LARGE);
    DREY_CHECK_EQ(m->ops->process(m, "p", ids, 8, NULL, items, &error), 0);
    int good = 0, large = 0;
    for (int i = 0; i < 8; i++) {
        good += items[i].rc == 0;
        large += items[i].rc == -EINVAL && items[i].error.code == SQ_TOO_LARGE;
        sq_resolved_free(&items[i].resolved);
    }
    DREY_CHECK_EQ(good, 5); /* of 8 MiB, 1.4 MB each: the revision, and what it resolves to */
    DREY_CHECK_EQ(large, 3);
    return 0;
}

DREY_TEST(what_is_resolved_is_bounded) /* S15 */
{
    return with_manager(resolving_much, (sq_local_options){0});
}

/* Opens, works and closes, cancelled at each point in turn. */
static DREY_ASYNC int whole_life(void *arg)
{
    sq_manager *m;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = sq_local_open(&scope, kit_url(), NULL, &m, &error);
    if (rc == 0) {
        sq_watch *watch;
        sq_resolved resolved;
        rc = m->ops->watch_open(m, "p", 0, &watch, &error);
        if (rc == 0) {
            int64_t seq;
            rc = put(m, WRITE(.verb = SQ_IMPORT, .id = "a", DATA("{}"))) < 0 ? -ECANCELED : 0;
            if (rc == 0)
                rc = (int)next_seq(watch, &seq);
            m->ops->watch_close(watch);
        }
        if (rc >= 0 && (rc = m->ops->resolve(m, "p", "a", &resolved, &error)) == 0)
            sq_resolved_free(&resolved);
        m->ops->close(m);
    }
    return drey_scope_close(&scope, rc);
}

DREY_TEST(a_manager_can_be_cancelled_anywhere, .timeout_seconds = 600, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(whole_life, NULL, 1) > 3);
    DREY_CHECK(drey_test_cancel_everywhere(whole_life, NULL, 2) > 3);
    return 0;
}

DREY_TEST_MAIN()
