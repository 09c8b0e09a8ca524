/* SPDX-License-Identifier: MIT */
/*
 * The contract of waiting (R4, R5, R7), the same for everything that a task can wait for: each case of this file is run
 * with each primitive of primitives.h. What cancellation does not reach is in uncut_test.c.
 */
#include <stdlib.h>

#include "primitives.h"

static const struct primitive join = {join_wait, open_done, join_is_left, NULL, NULL, true, false};
static const struct primitive limit = {limit_wait, open_done, limit_is_left, NULL, NULL, false, false};
static const struct primitive token = {token_wait, token_wake, token_is_left, NULL, NULL, false, false};
static const struct primitive select_recv = {select_wait, recv_wake, recv_is_left, recv_close, NULL, false, true};
static const struct primitive chan_recv = {recv_wait, recv_wake, recv_is_left, recv_close, NULL, false, true};
static const struct primitive chan_send = {send_wait, send_wake, send_is_left, send_close, NULL, false, true};
static const struct primitive gate = {gate_wait, gate_wake, gate_is_left, NULL, gate_deinit, false, false};
static const struct primitive notify = {notify_wait, notify_wake, notify_is_left, NULL, notify_deinit, false, true};
static const struct primitive sem = {sem_wait_one, sem_wake, sem_is_left, sem_shut, sem_deinit, false, true};
static const struct primitive broadcast = {broadcast_wait,   broadcast_wake, broadcast_is_left, broadcast_end,
                                           broadcast_deinit, true,           true};
static const struct primitive watch = {watch_wait, watch_wake, watch_is_left, watch_end, NULL, false, false};
static const struct primitive cond = {cond_wait, cond_wake, always, NULL, cond_deinit, false, false};

#define EACH(test)                                                                                        \
    test(join) test(limit) test(token) test(select_recv) test(chan_recv) test(chan_send) test(gate)       \
    test(notify) test(sem) test(broadcast) test(watch) test(cond)

static struct world world;

static DREY_ASYNC int set_up(struct world *w, drey_scope *helpers)
{
    *w = (struct world){.start = drey_now(), .helpers = helpers};
    drey_chan_options one = {.message_bytes = sizeof(int), .capacity = 1};
    drey_sem_init(&w->sem, 0, 10);
    DREY_CHECK_EQ(drey_token_new(NULL, &w->token), 0);
    DREY_CHECK_EQ(drey_chan_new(one, &w->empty), 0);
    DREY_CHECK_EQ(drey_chan_new(one, &w->full), 0);
    DREY_CHECK_EQ(drey_chan_try_send(w->full, &(int){0}), 0);
    DREY_CHECK_EQ(drey_broadcast_new(sizeof(int), 4, &w->broadcast), 0);
    drey_subscription_open(&w->subscription, w->broadcast);
    DREY_CHECK_EQ(drey_watch_new(sizeof(int), &(int){0}, &w->watch), 0);
    DREY_CHECK_EQ(drey_spawn(helpers, wait_until_done, &w->done, &w->task), 0);
    drey_scope_open(&w->limited, .limit = 1, .name = "limited");
    return drey_go(&w->limited, wait_until_done, &w->done);
}

static DREY_ASYNC int tear_down(struct world *w, drey_scope *helpers, int rc)
{
    int ignored;
    drey_scope_cancel(&w->limited, 0, "the test is over");
    rc = drey_scope_close(&w->limited, rc);
    drey_scope_cancel(helpers, 0, "the test is over");
    rc = drey_scope_close(helpers, rc);
    while (drey_chan_try_recv(w->full, &ignored) == 0 || drey_chan_try_recv(w->empty, &ignored) == 0) {
    }
    drey_subscription_close(&w->subscription);
    drey_broadcast_unref(w->broadcast);
    drey_watch_unref(w->watch);
    drey_chan_unref(w->empty);
    drey_chan_unref(w->full);
    drey_token_unref(w->token);
    drey_sem_deinit(&w->sem);
    drey_notify_deinit(&w->notify);
    drey_gate_deinit(&w->gate);
    drey_cond_deinit(&w->cond);
    return rc;
}

typedef DREY_ASYNC int contract_test(const struct primitive *p, struct world *w);

/* The case runs between the two; what it returns first counts. */
static DREY_ASYNC int in_world(contract_test *test, const struct primitive *p)
{
    DREY_SCOPE(helpers);
    int rc = set_up(&world, &helpers);
    return tear_down(&world, &helpers, rc < 0 ? rc : test(p, &world));
}

struct waiter {
    const struct primitive *p;
    int rc;
};

static DREY_ASYNC int wait_as_child(void *arg)
{
    struct waiter *me = arg;
    me->rc = me->p->wait(&world);
    return 0;
}

/* A waiter that waits. */
static DREY_ASYNC int start(drey_scope *scope, struct waiter *me, const struct primitive *p)
{
    *me = (struct waiter){p, 1};
    int rc = drey_go(scope, wait_as_child, me);
    return rc < 0 ? rc : drey_sleep(DREY_MS(1));
}

static DREY_ASYNC int woken(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    DREY_CHECK_EQ(me.rc, 1);
    p->wake(w);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, 0);
    DREY_CHECK(!p->consumed || !p->is_left(w));
    return 0;
}

static DREY_ASYNC int already_cancelled(const struct primitive *p, struct world *w)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(p->wait(w), -ECANCELED);
    p->wake(w);
    if (p->consumed) /* not even what is there is taken */
        DREY_CHECK_EQ(p->wait(w), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(p->is_left(w));
    return 0;
}

static DREY_ASYNC int cancelled_while_waiting(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, -ECANCELED);
    p->wake(w);
    DREY_CHECK(p->is_left(w));
    return 0;
}

static DREY_ASYNC int deadline_while_waiting(const struct primitive *p, struct world *w)
{
    struct waiter me;
    drey_time before = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(5));
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, -ECANCELED);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(5));
    p->wake(w);
    DREY_CHECK(p->is_left(w));
    return 0;
}

/* The opener of the scope waits itself. */
static DREY_ASYNC int deadline_of_the_waiters_own_scope(const struct primitive *p, struct world *w)
{
    DREY_SCOPE(scope, .timeout = DREY_SEC(5));
    int rc = p->wait(w);
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
    p->wake(w);
    DREY_CHECK(p->is_left(w));
    return 0;
}

/* R5: what was granted before is kept. */
static DREY_ASYNC int woken_then_cancelled(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    p->wake(w);
    if (p->wake == open_done)
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0); /* the task that it lets end has to run first */
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, 0);
    return 0;
}

/* R5: cancelled first, so it took nothing. */
static DREY_ASYNC int cancelled_then_woken(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    drey_scope_cancel(&scope, 0, "test");
    p->wake(w);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, -ECANCELED);
    DREY_CHECK(p->is_left(w));
    return 0;
}

/* R7: a wake that a cancelled waiter did not take reaches the next one. */
static DREY_ASYNC int passed_on(const struct primitive *p, struct world *w)
{
    struct waiter first, second;
    if (p->for_one)
        return 0;
    DREY_SCOPE(outer);
    DREY_SCOPE(inner);
    DREY_CHECK_EQ(start(&inner, &first, p), 0);
    DREY_CHECK_EQ(start(&outer, &second, p), 0);
    drey_scope_cancel(&inner, 0, "test");
    p->wake(w);
    DREY_CHECK_EQ(drey_scope_close(&inner, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK_EQ(second.rc, 0);
    return 0;
}

static DREY_ASYNC int cancel_it(void *arg)
{
    drey_scope_cancel(arg, 0, "test");
    return 0;
}

static DREY_ASYNC int race_of_wake_and_cancel(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(outer, .spread = true);
    DREY_SCOPE(scope, .spread = true);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    DREY_CHECK_EQ(drey_go(&scope, cancel_it, &scope), 0);
    int cut = drey_check(); /* by now or not yet */
    DREY_CHECK(cut == 0 || cut == -ECANCELED);
    p->wake(w);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    DREY_CHECK(me.rc == 0 || me.rc == -ECANCELED);
    if (me.rc != 0)
        DREY_CHECK(p->is_left(w));
    else if (p->consumed)
        DREY_CHECK(!p->is_left(w));
    return 0;
}

static DREY_ASYNC int closed(const struct primitive *p, struct world *w)
{
    struct waiter me;
    if (p->close == NULL)
        return 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start(&scope, &me, p), 0);
    p->close(w);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(me.rc, -EPIPE);
    DREY_CHECK_EQ(p->wait(w), -EPIPE);
    return 0;
}

static DREY_ASYNC int destroyed(const struct primitive *p, struct world *w)
{
    struct waiter me;
    DREY_SCOPE(scope);
    int rc = start(&scope, &me, p);
    p->deinit(w);
    return drey_scope_close(&scope, rc);
}

static const struct primitive *to_destroy;

static DREY_ASYNC int destroy_in_world(void *arg)
{
    (void)arg;
    return in_world(destroyed, to_destroy);
}

static void run_destroy(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    int ignored = drey_run(&config, destroy_in_world, NULL);
    (void)ignored;
}

#define TEST(rule, case_name, primitive) \
    DREY_TEST(rule##_##case_name##_##primitive) { return in_world(case_name, &primitive); }
/* Between workers a cancellation takes a moment, in which a wake may still be first. */
#define ORDERED(rule, case_name, primitive) \
    DREY_TEST(rule##_##case_name##_##primitive, .workers = 1) { return in_world(case_name, &primitive); }
#define RACE(primitive) \
    DREY_TEST(r5_r7_race_of_wake_and_cancel_##primitive, .schedules = 100) \
    { return in_world(race_of_wake_and_cancel, &primitive); }
#define DESTROY(primitive)                                            \
    DREY_TEST(destroyed_with_waiters_##primitive, .no_runtime = true) \
    {                                                                 \
        to_destroy = &primitive;                                      \
        if (primitive.deinit == NULL)                                 \
            return 0;                                                 \
        DREY_CHECK(drey_test_dies(run_destroy, "wait") == 1);         \
        return 0;                                                     \
    }
#define ALL(primitive)                                          \
    TEST(r7, woken, primitive)                                  \
    TEST(r4, already_cancelled, primitive)                      \
    TEST(r4, cancelled_while_waiting, primitive)                \
    TEST(r4, deadline_while_waiting, primitive)                 \
    TEST(r4, deadline_of_the_waiters_own_scope, primitive)      \
    TEST(r5, woken_then_cancelled, primitive)                   \
    ORDERED(r5, cancelled_then_woken, primitive)                \
    ORDERED(r7, passed_on, primitive)                           \
    TEST(r19, closed, primitive)                                \
    RACE(primitive)                                             \
    DESTROY(primitive)

EACH(ALL)

DREY_TEST_MAIN()
