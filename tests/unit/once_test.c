/* SPDX-License-Identifier: MIT */
/* Once: one success for all; failure and cancellation pass the run on (R4, R7); misuse. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>

enum { CALLERS = 16, ROUNDS = 200 };

static struct {
    drey_once once;
    _Atomic int runs;
    int fail_until; /* runs up to this one fail */
    drey_duration sleep;
    int value, rc;
} shared;

static DREY_ASYNC int initialise(void *arg)
{
    (void)arg;
    int run = atomic_fetch_add(&shared.runs, 1) + 1;
    int rc = shared.sleep > 0 ? drey_sleep(shared.sleep) : drey_yield();
    if (rc < 0)
        return rc;
    if (run <= shared.fail_until)
        return -EIO;
    shared.value = run;
    return 5;
}

struct caller {
    int rc, value;
};

static DREY_ASYNC int call(void *arg)
{
    struct caller *c = arg;
    c->rc = drey_once_do(&shared.once, initialise, NULL);
    c->value = c->rc >= 0 ? shared.value : 0;
    return 0;
}

static DREY_ASYNC int call_all(struct caller *c, int n)
{
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, call, &c[i]);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int fail_some(int fail_until)
{
    struct caller c[CALLERS];
    int failed = 0, ran = 0;
    shared.once = (drey_once){0};
    shared.fail_until = fail_until;
    atomic_store(&shared.runs, 0);
    int rc = call_all(c, CALLERS);
    for (int i = 0; i < CALLERS; i++) {
        failed += c[i].rc == -EIO;
        ran += c[i].rc == 5;
        DREY_CHECK(c[i].rc == -EIO || c[i].rc == 5 || c[i].rc == 0);
        DREY_CHECK(c[i].rc < 0 || c[i].value == fail_until + 1);
    }
    DREY_CHECK_EQ(failed, fail_until);
    DREY_CHECK_EQ(ran, 1);
    DREY_CHECK_EQ(drey_once_do(&shared.once, initialise, NULL), 0);
    DREY_CHECK_EQ(shared.runs, fail_until + 1);
    drey_once_deinit(&shared.once);
    return rc;
}

DREY_TEST(one_run_for_all)
{
    return fail_some(0);
}

DREY_TEST(r7_failures_pass_the_run_on)
{
    return fail_some(3);
}

DREY_TEST(r7_failures_pass_the_run_on_with_4_workers, .workers = 4)
{
    int rc = 0;
    for (int i = 0; i < ROUNDS && rc >= 0; i++)
        rc = fail_some(i % 3);
    return rc;
}

DREY_TEST(failure_with_nobody_waiting_leaves_it_undone)
{
    shared.fail_until = 1;
    DREY_CHECK_EQ(drey_once_do(&shared.once, initialise, NULL), -EIO);
    DREY_CHECK_EQ(drey_once_do(&shared.once, initialise, NULL), 5);
    DREY_CHECK_EQ(drey_once_do(&shared.once, initialise, NULL), 0);
    return 0;
}

DREY_TEST(r4_already_cancelled)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int did = drey_once_do(&shared.once, initialise, NULL);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(did, -ECANCELED);
    DREY_CHECK_EQ(shared.runs, 0);
    return rc;
}

/* R4: the runner is cancelled, by request or by deadline, and the one who waits runs it. */
static DREY_ASYNC int runner_leaves(bool by_deadline)
{
    struct caller first = {1, 0}, second = {1, 0};
    shared.sleep = DREY_SEC(1);
    DREY_SCOPE(outer);
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0);
    int rc = drey_go(&inner, call, &first);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_go(&outer, call, &second);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK_EQ(second.rc, 5);
    DREY_CHECK_EQ(shared.runs, 2);
    return rc;
}

DREY_TEST(r4_cancelled_runner_is_followed)
{
    return runner_leaves(false);
}

DREY_TEST(r4_runner_out_of_time_is_followed)
{
    return runner_leaves(true);
}

static DREY_ASYNC int waiter_leaves(bool by_deadline)
{
    struct caller runner = {1, 0}, waiter = {1, 0};
    shared.sleep = DREY_SEC(1);
    DREY_SCOPE(outer);
    int rc = drey_go(&outer, call, &runner);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0);
    if (rc == 0)
        rc = drey_go(&inner, call, &waiter);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    rc = drey_scope_close(&inner, rc);
    int when_left = waiter.rc;
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(when_left, -ECANCELED);
    DREY_CHECK_EQ(runner.rc, 5);
    DREY_CHECK_EQ(shared.runs, 1);
    return rc;
}

DREY_TEST(r4_waiter_cancelled)
{
    return waiter_leaves(false);
}

DREY_TEST(r4_waiter_out_of_time)
{
    return waiter_leaves(true);
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_once_do(&shared.once, initialise, NULL), -EPERM);
    drey_once_deinit(&shared.once);
    return 0;
}

static DREY_ASYNC int call_itself(void *arg)
{
    return drey_once_do(&shared.once, call_itself, arg);
}

static DREY_ASYNC int end_running(void *arg)
{
    struct caller c;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, call, &c);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_once_deinit(&shared.once);
    return drey_scope_close(&scope, rc);
}

static drey_fn *breach;

static void run_breach(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    shared.sleep = DREY_SEC(1);
    shared.rc = drey_run(&config, breach, NULL);
}

static int dies(drey_fn *fn, const char *message_part)
{
    breach = fn;
    return drey_test_dies(run_breach, message_part);
}

DREY_TEST(misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(call_itself, "called by the function that it runs"), 1);
    DREY_CHECK_EQ(dies(end_running, "drey_once_deinit: the function of once"), 1);
    return 0;
}

DREY_TEST_MAIN()
