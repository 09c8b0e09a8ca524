/* SPDX-License-Identifier: MIT */
/* Notify: waking (R7), cancellation (R5), select (R6), threads (R12). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { WAITERS = 3, ROUNDS = 5000 };

static struct {
    drey_notify notify, answer;
    int order[WAITERS], n;
    int rc;
} shared;

struct waiter {
    int id, rc;
};

static DREY_ASYNC int wait_once(void *arg)
{
    struct waiter *w = arg;
    w->rc = drey_notify_wait(&shared.notify);
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

DREY_TEST(one_wake_is_stored_and_no_more)
{
    drey_case now = drey_on_notify(&shared.notify);
    drey_notify_all(&shared.notify);
    DREY_CHECK_EQ(drey_try_select(&now, 1), -EAGAIN);
    drey_notify_one(&shared.notify);
    drey_notify_one(&shared.notify);
    DREY_CHECK_EQ(drey_notify_wait(&shared.notify), 0);
    DREY_CHECK_EQ(drey_try_select(&now, 1), -EAGAIN);
    drey_notify_deinit(&shared.notify);
    return 0;
}

DREY_TEST(r7_one_wakes_in_order_and_all_wakes_all)
{
    struct waiter w[WAITERS];
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < WAITERS && rc == 0; i++)
        rc = start(&scope, &w[i], i);
    drey_notify_one(&shared.notify);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int after_one = shared.n;
    drey_notify_all(&shared.notify);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(after_one, 1);
    DREY_CHECK_EQ(shared.order[0], 0);
    DREY_CHECK_EQ(shared.n, WAITERS);
    return rc;
}

DREY_TEST(r4_already_cancelled_takes_no_wake)
{
    drey_notify_one(&shared.notify);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int waited = drey_notify_wait(&shared.notify);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(waited, -ECANCELED);
    DREY_CHECK_EQ(drey_notify_wait(&shared.notify), 0);
    return rc;
}

/* R5, R7: the wake goes to the second, since the first had been cancelled. */
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
    drey_notify_one(&shared.notify);
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK_EQ(second.rc, 0);
    drey_notify_deinit(&shared.notify);
    return rc;
}

DREY_TEST(r5_cancelled_while_waiting_passes_the_wake_on)
{
    return leave(false);
}

DREY_TEST(r5_deadline_while_waiting_passes_the_wake_on)
{
    return leave(true);
}

DREY_TEST(r5_woken_before_cancelled)
{
    struct waiter w;
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1);
    drey_notify_one(&shared.notify);
    drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w.rc, 0);
    return rc;
}

static DREY_ASYNC int select_notify(void *arg)
{
    struct waiter *w = arg;
    drey_case cases[] = {drey_on_after(DREY_SEC(1)), drey_on_notify(&shared.notify)};
    w->rc = drey_select(cases, 2);
    return 0;
}

DREY_TEST(r6_select)
{
    struct waiter woken = {.rc = -1}, late = {.rc = -1};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, select_notify, &woken);
    if (rc == 0)
        rc = drey_go(&scope, select_notify, &late);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_notify_one(&shared.notify);
    rc = drey_scope_close(&scope, rc);
    drey_notify_one(&shared.notify); /* the late one has left the queue: stored */
    DREY_CHECK_EQ(woken.rc, 1);
    DREY_CHECK_EQ(late.rc, 0);
    DREY_CHECK_EQ(drey_notify_wait(&shared.notify), 0);
    return rc;
}

/* Another thread wakes; each wake is answered before the next, so each must arrive. */
struct caller {
    pthread_t thread;
    _Atomic int answered;
};

static void *call_from_outside(void *arg)
{
    struct caller *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        drey_notify_one(&shared.notify);
        while (atomic_load(&c->answered) <= i)
            sched_yield();
    }
    return NULL;
}

static DREY_ASYNC int answer_calls(void)
{
    struct caller c = {.answered = 0};
    DREY_CHECK_EQ(pthread_create(&c.thread, NULL, call_from_outside, &c), 0);
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        rc = drey_notify_wait(&shared.notify);
        atomic_fetch_add(&c.answered, 1);
    }
    pthread_join(c.thread, NULL);
    return rc;
}

DREY_TEST(r12_woken_by_another_thread, .real_clock = true)
{
    return answer_calls();
}

DREY_TEST(r12_woken_by_another_thread_with_2_workers, .workers = 2, .real_clock = true)
{
    return answer_calls();
}

static DREY_ASYNC int pong(void *arg)
{
    (void)arg;
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        rc = drey_notify_wait(&shared.notify);
        drey_notify_one(&shared.answer);
    }
    return rc;
}

static DREY_ASYNC int ping(void *arg)
{
    (void)arg;
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        drey_notify_one(&shared.notify);
        rc = drey_notify_wait(&shared.answer);
    }
    return rc;
}

DREY_TEST(r7_no_wake_is_lost_with_4_workers, .workers = 4)
{
    DREY_SCOPE(scope, .spread = true);
    int rc = drey_go(&scope, pong, NULL);
    if (rc == 0)
        rc = drey_go(&scope, ping, NULL);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_notify_one(&shared.notify);
    drey_notify_all(&shared.notify);
    DREY_CHECK_EQ(drey_notify_wait(&shared.notify), -EPERM);
    drey_notify_deinit(&shared.notify);
    return 0;
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    struct waiter w;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1);
    drey_notify_deinit(&shared.notify);
    return drey_scope_close(&scope, rc);
}

static void run_breach(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    shared.rc = drey_run(&config, end_with_waiters, NULL);
}

DREY_TEST(deinit_with_waiters_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(run_breach, "drey_notify_deinit: notify"), 1);
    return 0;
}

DREY_TEST_MAIN()
