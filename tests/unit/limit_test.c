/* SPDX-License-Identifier: MIT */
/* R3: the limit of a scope. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>

enum { LIMIT = 3, CHILDREN = 20 };

static struct {
    _Atomic int running, most, ran;
    drey_scope *scope;
    _Atomic int deadlocks, cancelled;
} shared;

static DREY_ASYNC int work(void *arg)
{
    (void)arg;
    int now = ++shared.running, most = shared.most;
    while (now > most && !atomic_compare_exchange_weak(&shared.most, &most, now)) {
    }
    int rc = drey_sleep(DREY_MS(1));
    shared.ran++;
    shared.running--;
    return rc;
}

DREY_TEST(r3_never_more_than_the_limit, .schedules = 20)
{
    shared.ran = shared.most = 0;
    drey_time start = drey_now();
    DREY_SCOPE(scope, .limit = LIMIT);
    int rc = 0;
    for (int i = 0; i < CHILDREN && rc == 0; i++)
        rc = drey_go(&scope, work, NULL);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), 0);
    DREY_CHECK_EQ(shared.ran, CHILDREN);
    DREY_CHECK_EQ(shared.most, LIMIT);
    DREY_CHECK_EQ(drey_now() - start, DREY_MS((CHILDREN + LIMIT - 1) / LIMIT));
    return 0;
}

DREY_TEST(r3_try_go_at_the_limit)
{
    DREY_SCOPE(scope, .limit = 1);
    DREY_CHECK_EQ(drey_try_go(&scope, work, NULL), 0);
    DREY_CHECK_EQ(drey_try_go(&scope, work, NULL), -EAGAIN);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0);
    DREY_CHECK_EQ(drey_try_go(&scope, work, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.ran, 2);
    return 0;
}

static DREY_ASYNC int try_too(void *arg)
{
    return *(int *)arg = drey_try_go(shared.scope, work, NULL);
}

static DREY_ASYNC int wait_for_a_turn(void *arg)
{
    int rc = drey_go(shared.scope, work, NULL);
    *(int *)arg = rc;
    return rc == -ECANCELED ? 0 : rc;
}

/* Who waits for room is served first; who tries does not overtake. */
DREY_TEST(r3_r7_room_goes_to_who_waited, .workers = 1)
{
    int waited = 1, tried = 1;
    DREY_SCOPE(scope, .limit = 1);
    shared.scope = &scope;
    DREY_CHECK_EQ(drey_go(&scope, work, NULL), 0);
    DREY_SCOPE(helpers, .keep_going = true);
    DREY_CHECK_EQ(drey_go(&helpers, wait_for_a_turn, &waited), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_go(&helpers, try_too, &tried), 0);
    DREY_CHECK_EQ(drey_scope_close(&helpers, 0), 0);
    DREY_CHECK_EQ(waited, 0);
    DREY_CHECK_EQ(tried, -EAGAIN);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.ran, 2);
    return 0;
}

/* R5: who is cancelled while it waits has added nothing, and the room is not lost. */
DREY_TEST(r3_r5_cancelled_while_waiting_for_room, .schedules = 20)
{
    int first = 1, second = 1;
    shared.ran = 0;
    DREY_SCOPE(scope, .limit = 1);
    shared.scope = &scope;
    DREY_CHECK_EQ(drey_go(&scope, work, NULL), 0);
    DREY_SCOPE(helpers);
    DREY_SCOPE(hasty, .timeout = DREY_US(100));
    DREY_CHECK_EQ(drey_go(&hasty, wait_for_a_turn, &first), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_US(50)), 0);
    DREY_CHECK_EQ(drey_go(&helpers, wait_for_a_turn, &second), 0);
    DREY_CHECK_EQ(drey_scope_close(&hasty, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&helpers, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(first, -ECANCELED);
    DREY_CHECK_EQ(second, 0);
    DREY_CHECK_EQ(shared.ran, 2);
    return 0;
}

DREY_TEST(r3_untouched_if_it_never_started)
{
    int results[CHILDREN];
    DREY_SCOPE(outer);
    DREY_SCOPE(scope, .limit = 1, .timeout = DREY_US(1500));
    int rc = 0;
    for (int i = 0; i < CHILDREN; i++) {
        results[i] = -ECANCELED;
        if (rc == 0)
            rc = drey_go(&scope, work, &results[i]);
    }
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
    DREY_CHECK_EQ(shared.ran, 2);
    DREY_CHECK_EQ(results[CHILDREN - 1], -ECANCELED);
    return drey_scope_close(&outer, 0);
}

static DREY_ASYNC int add_a_child(void *arg)
{
    int rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_go(arg, work, NULL);
    if (rc == -EDEADLK)
        shared.deadlocks++;
    return rc == -EDEADLK ? 0 : rc;
}

/* All running children want room under the same limit: the last one is told, ends, and the others go on. */
DREY_TEST(r3_the_last_to_wait_gets_edeadlk, .schedules = 50)
{
    shared.deadlocks = shared.ran = 0;
    DREY_SCOPE(scope, .limit = LIMIT);
    for (int i = 0; i < LIMIT; i++)
        DREY_CHECK_EQ(drey_go(&scope, add_a_child, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.deadlocks, 1);
    DREY_CHECK_EQ(shared.ran, LIMIT - 1);
    return 0;
}

DREY_TEST(r3_a_limit_of_one_and_a_child_that_adds)
{
    DREY_SCOPE(scope, .limit = 1);
    DREY_CHECK_EQ(drey_go(&scope, add_a_child, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.deadlocks, 1);
    return 0;
}

static DREY_ASYNC int add_once_more(void *arg)
{
    int rc = drey_go(arg, work, NULL);
    if (rc == -EDEADLK)
        shared.deadlocks++;
    return 0;
}

/* One that has been let in waits no more, even before it runs again: the next to ask is not the last. */
DREY_TEST(r3_no_false_edeadlk, .schedules = 200)
{
    shared.deadlocks = shared.ran = 0;
    DREY_SCOPE(scope, .limit = 3);
    DREY_CHECK_EQ(drey_go(&scope, work, NULL), 0);
    DREY_CHECK_EQ(drey_go(&scope, work, NULL), 0);
    DREY_CHECK_EQ(drey_go(&scope, add_once_more, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, drey_go(&scope, add_once_more, &scope)), 0);
    DREY_CHECK_EQ(shared.deadlocks, 0);
    DREY_CHECK_EQ(shared.ran, 4);
    return 0;
}

/* Only those inside count: the body may wait for room as long as it likes. */
DREY_TEST(r3_the_body_waits)
{
    DREY_SCOPE(scope, .limit = 1);
    for (int i = 0; i < 5; i++)
        DREY_CHECK_EQ(drey_go(&scope, work, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.ran, 5);
    return 0;
}

DREY_TEST(r3_spawn_and_copy_wait_too)
{
    drey_task *task;
    int rc = 7, result = -1;
    DREY_SCOPE(scope, .limit = 1);
    DREY_CHECK_EQ(drey_go_copy(&scope, work, &rc, sizeof rc), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, work, NULL, &task), 0);
    DREY_CHECK_EQ(shared.ran, 1);
    DREY_CHECK_EQ(drey_join(task, &result), 0);
    DREY_CHECK_EQ(result, 0);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
