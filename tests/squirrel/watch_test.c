/* SPDX-License-Identifier: MIT */
/* Watchers: every change once and in order, whatever else goes on. */
#include "manager_kit.h"

static DREY_ASYNC int watching(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    sq_watch *now, *all;
    int64_t seq;
    DREY_CHECK_EQ(create(m, "a", "{}"), 1);
    DREY_CHECK_EQ(m->ops->watch_open(m, "p", SQ_WATCH_NOW, &now, &error), 0);
    DREY_CHECK_EQ(m->ops->watch_open(m, "p", 0, &all, &error), 0);
    DREY_CHECK_EQ(patch(m, "a", "{\"n\":1}"), 2);
    sq_write other = WRITE(.verb = SQ_CREATE, .id = "a", DATA("{}"));
    other.project = "q";
    DREY_CHECK_EQ(put(m, other), 1);
    DREY_CHECK_EQ(put(m, WRITE(.verb = SQ_DELETE, .id = "a", .expected_rev = 2)), 3);
    DREY_CHECK_EQ(next_seq(now, &seq), 2);
    DREY_CHECK_EQ(next_seq(now, &seq), 3);
    for (int64_t i = 1; i <= 3; i++)
        DREY_CHECK_EQ(next_seq(all, &seq), i);
    m->ops->watch_close(now);
    for (int i = 0; i < 50; i++)   /* more than its queue holds: it reads the log and goes on */
        DREY_CHECK(put(m, WRITE(.verb = SQ_CREATE, DATA("{}"))) == 1);
    for (int64_t i = 4; i <= 53; i++)
        DREY_CHECK_EQ(next_seq(all, &seq), i);
    DREY_CHECK(create(m, "b", "{}") == 1);
    DREY_CHECK_EQ(next_seq(all, &seq), 54);
    m->ops->watch_close(all);
    return 0;
}

DREY_TEST(a_watcher_sees_each_change_once_and_in_order)
{
    return with_manager(watching, (sq_local_options){.watch_events = 8});
}

static DREY_ASYNC int lagging(sq_manager *m, drey_scope *scope)
{
    (void)scope;
    sq_watch *watch;
    int64_t seq;
    DREY_CHECK_EQ(create(m, "a", "{}"), 1);
    for (int i = 2; i <= 20; i++)
        DREY_CHECK_EQ(patch(m, "a", "{}"), i);
    DREY_CHECK_EQ(m->ops->watch_open(m, "p", 5, &watch, &error), 0);
    DREY_CHECK_EQ(next_seq(watch, &seq), 0);
    DREY_CHECK_EQ(seq, 20);
    DREY_CHECK_EQ(patch(m, "a", "{}"), 21);
    DREY_CHECK_EQ(next_seq(watch, &seq), 21);
    m->ops->watch_close(watch);
    DREY_CHECK_EQ(m->ops->watch_open(m, "p", 18, &watch, &error), 0);
    for (int64_t i = 19; i <= 21; i++)
        DREY_CHECK_EQ(next_seq(watch, &seq), i);
    m->ops->watch_close(watch);
    return 0;
}

DREY_TEST(what_the_log_has_lost_is_said)
{
    return with_manager(lagging, (sq_local_options){.store = {.limits = {.history_revisions = 5}}});
}

typedef struct follower {
    sq_manager *m;
    int64_t from;
    bool slow;
    int64_t last;
} follower;

enum { WRITERS = 4, WRITES = 100 };

/* Follows to the end; what it lost it takes as read. */
static DREY_ASYNC int follow(void *arg)
{
    follower *f = arg;
    sq_watch *watch;
    int rc = f->m->ops->watch_open(f->m, "p", f->from, &watch, &error);
    if (rc < 0)
        return rc;
    f->last = f->from < 0 ? 0 : f->from;
    while (rc == 0 && f->last < WRITERS * WRITES) {
        int64_t seq, got = next_seq(watch, &seq);
        if (got < 0)
            rc = (int)got;
        else if (got == 0 || (f->from == SQ_WATCH_NOW && f->last == 0) || seq == f->last + 1)
            f->last = seq;
        else
            rc = -EPROTO;
        if (rc == 0 && f->slow && f->last % 7 == 0)
            rc = drey_sleep(DREY_MS(1));
    }
    f->m->ops->watch_close(watch);
    return rc;
}

static DREY_ASYNC int write_some(void *arg)
{
    int rc = 0;
    for (int i = 0; i < WRITES && rc >= 0; i++) {
        rc = put(arg, WRITE(.verb = SQ_CREATE, DATA("{}"))) > 0 ? 0 : -EPROTO;
        if (rc == 0 && i % 10 == 0)
            rc = drey_sleep(DREY_MS(1));
    }
    return rc;
}

static DREY_ASYNC int following(sq_manager *m, drey_scope *scope)
{
    static follower followers[6];
    int rc = 0;
    for (int i = 0; i < 6 && rc == 0; i++) {
        followers[i] = (follower){.m = m, .from = i % 3 - 1 ? i % 3 - 1 : 0, .slow = i % 2};
        rc = drey_go(scope, follow, &followers[i]);
    }
    for (int i = 0; i < WRITERS && rc == 0; i++)
        rc = drey_go(scope, write_some, m);
    return rc;
}

DREY_TEST(watchers_beside_writers_miss_nothing, .schedules = 10, .timeout_seconds = 300)
{
    if (kit_store_lasts())
        DREY_SKIP("many schedules are for the manager, which is the same over each store");
    return with_manager(following, (sq_local_options){.watch_events = 16});
}

DREY_TEST(watchers_on_several_workers_miss_nothing, .workers = 3, .real_clock = true)
{
    return with_manager(following, (sq_local_options){.watch_events = 16});
}

static DREY_ASYNC int cancelled_watch(void *arg)
{
    sq_watch *watch;
    sq_manager *m = arg;
    int rc = m->ops->watch_open(m, "p", SQ_WATCH_NOW, &watch, &error);
    if (rc < 0)
        return rc;
    int64_t seq;
    rc = (int)next_seq(watch, &seq);
    m->ops->watch_close(watch);
    return rc;
}

static DREY_ASYNC int cancelling(sq_manager *m, drey_scope *scope)
{
    drey_task *task;
    int result;
    DREY_CHECK_EQ(drey_spawn(scope, cancelled_watch, m, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_task_cancel(task, "test");
    DREY_CHECK_EQ(drey_join(task, &result), 0);
    DREY_CHECK_EQ(result, -ECANCELED);
    DREY_CHECK_EQ(create(m, "a", "{}"), 1);
    return 0;
}

DREY_TEST(a_watch_can_be_cancelled)
{
    return with_manager(cancelling, (sq_local_options){0});
}

DREY_TEST_MAIN()
