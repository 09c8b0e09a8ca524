/* SPDX-License-Identifier: MIT */
/* Conditions: waking (R7), cancellation (R4, R5), the mutex (R10). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

#include "sched/worker.h"

enum { WAITERS = 4, ITEMS = 5000, ROOM = 4 };

static struct {
    drey_mutex mutex, other;
    drey_cond cond, room;
    int order[WAITERS], n, items, made, taken;
    int rc;
} shared;

struct waiter {
    int id, rc, owned;
};

static DREY_ASYNC int wait_once(void *arg)
{
    struct waiter *w = arg;
    DREY_LOCKED(&shared.mutex);
    w->rc = drey_cond_wait(&shared.cond, &shared.mutex);
    w->owned = drey_mutex_try_lock(&shared.mutex) == -EDEADLK;
    if (w->rc == 0)
        shared.order[shared.n++] = w->id;
    return 0;
}

static DREY_ASYNC int start(drey_scope *scope, struct waiter *w, int id)
{
    *w = (struct waiter){.id = id, .rc = 1};
    int rc = drey_go(scope, wait_once, w);
    return rc == 0 ? drey_sleep(DREY_MS(1)) : rc;
}

DREY_TEST(r7_one_wakes_in_order_and_all_wakes_all)
{
    struct waiter w[WAITERS];
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < WAITERS && rc == 0; i++)
        rc = start(&scope, &w[i], i);
    drey_cond_one(&shared.cond);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int after_one = shared.n;
    drey_cond_all(&shared.cond);
    rc = drey_scope_close(&scope, rc);
    drey_cond_one(&shared.cond); /* nobody: lost */
    DREY_CHECK_EQ(after_one, 1);
    DREY_CHECK_EQ(shared.n, WAITERS);
    DREY_CHECK_EQ(shared.order[0], 0);
    for (int i = 0; i < WAITERS; i++) {
        DREY_CHECK_EQ(w[i].rc, 0);
        DREY_CHECK(w[i].owned);
    }
    drey_cond_deinit(&shared.cond);
    drey_mutex_deinit(&shared.mutex);
    return rc;
}

DREY_TEST(r4_already_cancelled_and_the_mutex_is_held)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int rc = drey_mutex_lock(&shared.mutex);
    int waited = drey_cond_wait(&shared.cond, &shared.mutex);
    int owned = drey_mutex_try_lock(&shared.mutex);
    drey_mutex_unlock(&shared.mutex);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(waited, -ECANCELED);
    DREY_CHECK_EQ(owned, -EDEADLK);
    return rc;
}

/* R4, R7: the first waiter's scope ends by request or by deadline; it holds the mutex on return, and the wake that
 * comes in the same moment goes to the second. */
static DREY_ASYNC int leave(bool by_deadline)
{
    struct waiter first, second;
    DREY_SCOPE(outer);
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0);
    int rc = start(&inner, &first, 1);
    if (rc == 0)
        rc = start(&outer, &second, 2);
    if (by_deadline)
        rc = rc == 0 && drey_sleep(DREY_MS(20)) == -ECANCELED ? 0 : -EBADMSG;
    else
        drey_scope_cancel(&inner, 0, "test");
    drey_cond_one(&shared.cond);
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK(first.owned);
    DREY_CHECK_EQ(second.rc, 0);
    return rc;
}

DREY_TEST(r4_cancelled_while_waiting_passes_the_wake_on)
{
    return leave(false);
}

DREY_TEST(r4_deadline_while_waiting)
{
    return leave(true);
}

/* R5: a wake that came first is kept. */
DREY_TEST(r5_woken_before_cancelled)
{
    struct waiter w;
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1);
    drey_cond_one(&shared.cond);
    drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w.rc, 0);
    return rc;
}

static DREY_ASYNC int produce(void *arg)
{
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        DREY_LOCKED(&shared.mutex);
        while (shared.items == ROOM)
            if (drey_cond_wait(&shared.room, &shared.mutex) < 0)
                return -ECANCELED;
        shared.items++;
        shared.made++;
        drey_cond_one(&shared.cond);
    }
    return 0;
}

static DREY_ASYNC int consume(void *arg)
{
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        DREY_LOCKED(&shared.mutex);
        while (shared.items == 0)
            if (drey_cond_wait(&shared.cond, &shared.mutex) < 0)
                return -ECANCELED;
        shared.items--;
        shared.taken++;
        drey_cond_one(&shared.room);
    }
    return 0;
}

static DREY_ASYNC int pipeline(void)
{
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = drey_go(&scope, produce, NULL);
        if (rc == 0)
            rc = drey_go(&scope, consume, NULL);
    }
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(shared.made, 3 * ITEMS);
    DREY_CHECK_EQ(shared.taken, 3 * ITEMS);
    return rc;
}

DREY_TEST(r7_no_wake_is_lost)
{
    return pipeline();
}

DREY_TEST(r7_no_wake_is_lost_with_2_workers, .workers = 2)
{
    return pipeline();
}

DREY_TEST(r7_no_wake_is_lost_with_4_workers, .workers = 4)
{
    return pipeline();
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_cond_wait(&shared.cond, &shared.mutex), -EPERM);
    return 0;
}

static DREY_ASYNC int wait_unlocked(void *arg)
{
    (void)arg;
    return drey_cond_wait(&shared.cond, &shared.mutex);
}

static DREY_ASYNC int wait_with_another(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.other);
    DREY_LOCKED(&shared.mutex);
    return drey_cond_wait(&shared.cond, &shared.mutex);
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    struct waiter w;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1);
    drey_cond_deinit(&shared.cond);
    return drey_scope_close(&scope, rc);
}

static drey_fn *breach;

static void run_breach(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_ABORT};
    shared.rc = drey_run(&config, breach, NULL);
}

static int dies(drey_fn *fn, const char *message_part)
{
    breach = fn;
    return drey_test_dies(run_breach, message_part);
}

static void wake_outside(void)
{
    drey_cond_one(&shared.cond);
}

DREY_TEST(r10_misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(wait_unlocked, "drey_cond_wait: the caller does not hold mutex"), 1);
    DREY_CHECK_EQ(dies(wait_with_another, "a lock is held at a suspension point"), 1);
    DREY_CHECK_EQ(dies(end_with_waiters, "is being waited for (R7)"), 1);
    DREY_CHECK_EQ(drey_test_dies(wake_outside, "drey_cond_one is for tasks only"), 1);
    return 0;
}

DREY_TEST_MAIN()
