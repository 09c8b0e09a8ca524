/* SPDX-License-Identifier: MIT */
/* Gates: everyone gets the result, before and after (R7); cancellation (R4); select (R6); misuse. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

enum { WAITERS = 16, ROUNDS = 200 };

static struct {
    drey_gate gate;
    int rc;
} shared;

struct waiter {
    int rc, result;
};

static DREY_ASYNC int wait_once(void *arg)
{
    struct waiter *w = arg;
    w->rc = drey_gate_wait(&shared.gate, &w->result);
    return 0;
}

static DREY_ASYNC int open_for_all(int result)
{
    struct waiter w[WAITERS];
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < WAITERS && rc == 0; i++) {
        w[i] = (struct waiter){1, 1};
        rc = drey_go(&scope, wait_once, &w[i]);
        if (i == WAITERS / 2)
            drey_gate_open(&shared.gate, result);
    }
    rc = drey_scope_close(&scope, rc);
    drey_gate_deinit(&shared.gate);
    for (int i = 0; i < WAITERS; i++) {
        DREY_CHECK_EQ(w[i].rc, 0);
        DREY_CHECK_EQ(w[i].result, result);
    }
    return rc;
}

DREY_TEST(r7_all_get_the_result)
{
    return open_for_all(42);
}

DREY_TEST(r7_all_get_the_result_with_4_workers, .workers = 4)
{
    for (int i = 0; i < ROUNDS; i++) {
        shared.gate = (drey_gate){0};
        int rc = open_for_all(-i);
        if (rc < 0)
            return rc;
    }
    return 0;
}

DREY_TEST(r4_already_cancelled)
{
    int result = 7;
    drey_gate_open(&shared.gate, 1);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int waited = drey_gate_wait(&shared.gate, &result);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(waited, -ECANCELED);
    DREY_CHECK_EQ(result, 7);
    return rc;
}

static DREY_ASYNC int leave(bool by_deadline)
{
    struct waiter w = {1, 7};
    DREY_SCOPE(scope, .timeout = by_deadline ? DREY_MS(10) : 0);
    int rc = drey_go(&scope, wait_once, &w);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w.rc, -ECANCELED);
    DREY_CHECK_EQ(w.result, 7);
    drey_gate_deinit(&shared.gate);
    return rc;
}

DREY_TEST(r4_cancelled_while_waiting)
{
    return leave(false);
}

DREY_TEST(r4_deadline_while_waiting)
{
    return leave(true);
}

DREY_TEST(r5_opened_before_cancelled)
{
    struct waiter w = {1, 7};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_once, &w);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_gate_open(&shared.gate, 3);
    drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w.rc, 0);
    DREY_CHECK_EQ(w.result, 3);
    return rc;
}

static DREY_ASYNC int open_later(void *arg)
{
    (void)arg;
    int rc = drey_sleep(DREY_MS(1));
    drey_gate_open(&shared.gate, -EIO);
    return rc;
}

DREY_TEST(r6_select)
{
    drey_case closed[] = {drey_on_gate(&shared.gate), drey_on_after(DREY_SEC(1))};
    drey_case cases[] = {drey_on_gate(&shared.gate), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(closed, 2), 1);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, open_later, NULL);
    int index = drey_select(cases, 2);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(index, 0);
    DREY_CHECK_EQ(cases[0].result, -EIO);
    cases[0].result = 0;
    DREY_CHECK_EQ(drey_try_select(cases, 1), 0);
    DREY_CHECK_EQ(cases[0].result, -EIO);
    return rc;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    int result;
    DREY_CHECK_EQ(drey_gate_wait(&shared.gate, &result), -EPERM);
    return 0;
}

static DREY_ASYNC int open_twice(void *arg)
{
    (void)arg;
    drey_gate_open(&shared.gate, 1);
    drey_gate_open(&shared.gate, 1);
    return 0;
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    struct waiter w;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_once, &w);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_gate_deinit(&shared.gate);
    return drey_scope_close(&scope, rc);
}

static drey_fn *breach;

static void run_breach(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    shared.rc = drey_run(&config, breach, NULL);
}

static int dies(drey_fn *fn, const char *message_part)
{
    breach = fn;
    return drey_test_dies(run_breach, message_part);
}

static void open_outside(void)
{
    drey_gate_open(&shared.gate, 1);
}

DREY_TEST(misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(open_twice, "is open already, with result 1"), 1);
    DREY_CHECK_EQ(dies(end_with_waiters, "drey_gate_deinit: gate"), 1);
    DREY_CHECK_EQ(drey_test_dies(open_outside, "drey_gate_open is for tasks only"), 1);
    return 0;
}

DREY_TEST_MAIN()
