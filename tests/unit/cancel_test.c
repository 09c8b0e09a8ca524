/* SPDX-License-Identifier: MIT */
/* R4: cancellation is level-triggered, has a reason, and stops at shields. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>

enum { REFUSALS = 5000 };

int fail_with_eio(void *arg); /* not static: reasons name it */

DREY_ASYNC int fail_with_eio(void *arg)
{
    (void)arg;
    return -EIO;
}

static DREY_ASYNC int nothing(void *arg)
{
    (void)arg;
    return 0;
}

DREY_TEST(r4_every_point_refuses_until_the_close)
{
    drey_gate gate = {0};
    drey_task *task;
    drey_case ready = drey_on_ready();
    drey_call call = {nothing, NULL};
    int rc;
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    for (int i = 0; i < 3; i++) {
        DREY_CHECK(drey_cancelled());
        DREY_CHECK_EQ(drey_yield(), -ECANCELED);
        DREY_CHECK_EQ(drey_check(), -ECANCELED);
        DREY_CHECK_EQ(drey_sleep(0), -ECANCELED);
        DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), -ECANCELED);
        DREY_CHECK_EQ(drey_sleep_until(drey_now()), -ECANCELED);
        DREY_CHECK_EQ(drey_go(&scope, nothing, NULL), -ECANCELED);
        DREY_CHECK_EQ(drey_go_copy(&scope, nothing, &rc, sizeof rc), -ECANCELED);
        DREY_CHECK_EQ(drey_go_daemon(&scope, nothing, NULL), -ECANCELED);
        DREY_CHECK_EQ(drey_spawn(&scope, nothing, NULL, &task), -ECANCELED);
        DREY_CHECK_EQ(drey_try_go(&scope, nothing, NULL), -ECANCELED);
        DREY_CHECK_EQ(drey_select(&ready, 1), -ECANCELED);
        DREY_CHECK_EQ(drey_gate_wait(&gate, &rc), -ECANCELED);
        DREY_CHECK_EQ(drey_timeout(DREY_SEC(1), nothing, NULL), -ECANCELED);
        DREY_CHECK_EQ(drey_race(&call, 1, &rc), -ECANCELED);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(!drey_cancelled());
    return drey_yield();
}

/* The verbs of cleanup. */
DREY_TEST(r4_what_is_never_refused)
{
    drey_mutex mutex = {0};
    drey_case ready = drey_on_ready();
    drey_gate gate = {0};
    DREY_SCOPE(outer);
    DREY_SCOPE(scope);
    drey_scope_cancel(&outer, 0, "test");
    DREY_CHECK_EQ(drey_try_select(&ready, 1), 0);
    DREY_CHECK_EQ(drey_mutex_lock(&mutex), 0); /* uncut */
    drey_mutex_unlock(&mutex);
    DREY_CHECK_EQ(drey_mutex_try_lock(&mutex), 0);
    drey_mutex_unlock(&mutex);
    drey_gate_open(&gate, 0);
    DREY_CHECK_EQ(drey_try_go(&scope, nothing, NULL), 0); /* this very scope is not cancelled */
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_mutex_deinit(&mutex);
    return drey_scope_close(&outer, 0);
}

static DREY_ASYNC int wait_long(void *arg)
{
    int *out = arg;
    *out = drey_sleep(DREY_SEC(3600));
    return 0;
}

DREY_TEST(r4_wakes_the_opener_and_everything_below)
{
    int result[3] = {1, 1, 1};
    drey_time start = drey_now();
    DREY_SCOPE(outer, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_go(&outer, wait_long, &result[0]), 0);
    DREY_SCOPE(middle);
    DREY_CHECK_EQ(drey_go(&middle, wait_long, &result[1]), 0);
    DREY_SCOPE(inner, .spread = true);
    DREY_CHECK_EQ(drey_go(&inner, wait_long, &result[2]), 0);
    int rc = drey_sleep(DREY_SEC(3600));
    DREY_CHECK_EQ(rc, -ECANCELED);
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&middle, rc);
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&outer, rc), -ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        DREY_CHECK_EQ(result[i], -ECANCELED);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(1));
    return 0;
}

static DREY_ASYNC int cancel_from_inside(void *arg)
{
    drey_scope_cancel(arg, -EBUSY, "a child says so");
    return 0;
}

DREY_TEST(r4_a_child_may_cancel)
{
    int result = 1;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, wait_long, &result), 0);
    DREY_CHECK_EQ(drey_go(&scope, cancel_from_inside, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, drey_sleep(DREY_SEC(3600))), -EBUSY);
    DREY_CHECK_EQ(result, -ECANCELED);
    return 0;
}

/* Cancellation goes inwards only. */
DREY_TEST(r4_the_outer_scope_goes_on)
{
    int result = 1;
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(drey_go(&outer, wait_long, &result), 0);
    DREY_SCOPE(inner);
    drey_scope_cancel(&inner, 0, "only this");
    DREY_CHECK_EQ(drey_scope_close(&inner, drey_sleep(DREY_SEC(1))), 0);
    DREY_CHECK_EQ(drey_scope_close(&outer, drey_sleep(DREY_SEC(4000))), 0);
    DREY_CHECK_EQ(result, 0);
    return 0;
}

/* Reasons. */

static drey_reason reason_here(void)
{
    drey_reason reason = {.cause = DREY_CAUSE_NONE, .why = "none"};
    (void)drey_cancel_reason(&reason);
    return reason;
}

DREY_TEST(r4_reason_untouched_if_there_is_none)
{
    drey_reason reason = {.code = 42};
    DREY_CHECK(!drey_cancel_reason(&reason));
    DREY_CHECK_EQ(reason.code, 42);
    return 0;
}

DREY_TEST(r4_reason_request)
{
    DREY_SCOPE(scope, .name = "batch");
    drey_scope_cancel(&scope, -EBUSY, "enough of it");
    drey_reason reason = reason_here();
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(rc, -EBUSY);
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_REQUEST);
    DREY_CHECK_EQ(reason.code, -EBUSY);
    DREY_CHECK_STR(reason.why, "enough of it");
    DREY_CHECK_STR(reason.scope, "batch");
    DREY_CHECK(reason.place != NULL);
    return 0;
}

DREY_TEST(r4_reason_failure)
{
    DREY_SCOPE(scope, .name = "batch");
    DREY_CHECK_EQ(drey_go(&scope, fail_with_eio, NULL), 0);
    int rc = drey_sleep(DREY_SEC(1));
    drey_reason reason = reason_here();
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -EIO);
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_FAILURE);
    DREY_CHECK_EQ(reason.code, -EIO);
    DREY_CHECK_STR(reason.scope, "batch");
    DREY_CHECK_STR(reason.task, "fail_with_eio");
    return 0;
}

DREY_TEST(r4_reason_deadline)
{
    DREY_SCOPE(scope, .timeout = DREY_SEC(1), .name = "hasty");
    DREY_SCOPE(inner, .name = "inner");
    int rc = drey_sleep(DREY_SEC(2));
    drey_reason reason = reason_here(); /* of the scope where it began */
    rc = drey_scope_close(&inner, rc);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_DEADLINE);
    DREY_CHECK_EQ(reason.code, -ETIMEDOUT);
    DREY_CHECK_STR(reason.scope, "hasty");
    return 0;
}

DREY_TEST(r4_reason_token)
{
    drey_token *parent, *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &parent), 0);
    DREY_CHECK_EQ(drey_token_new(parent, &token), 0);
    DREY_SCOPE(scope, .token = token, .name = "session");
    drey_token_cancel(parent, "the client went away");
    drey_reason reason = reason_here();
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ECANCELED);
    drey_token_unref(token);
    drey_token_unref(parent);
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_TOKEN);
    DREY_CHECK_EQ(reason.code, -ECANCELED);
    DREY_CHECK_STR(reason.why, "the client went away");
    DREY_CHECK_STR(reason.scope, "session");
    return 0;
}

static DREY_ASYNC int report_reason(void *arg)
{
    int rc = drey_sleep(DREY_SEC(10));
    *(drey_reason *)arg = reason_here();
    return rc;
}

DREY_TEST(r4_reason_of_a_cancelled_task)
{
    drey_reason reason;
    drey_task *task;
    DREY_SCOPE(scope, .name = "pool");
    DREY_CHECK_EQ(drey_spawn(&scope, report_reason, &reason, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_task_cancel(task, "too slow");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_REQUEST);
    DREY_CHECK_STR(reason.why, "too slow");
    return 0;
}

static drey_reason innermost;

static DREY_ASYNC int sleep_long(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(10));
}

static DREY_ASYNC int sleep_and_report(void *arg)
{
    int rc = sleep_long(arg);
    innermost = reason_here();
    return rc;
}

/* In every scope a child has gone already when the one below looks for the reason. */
static DREY_ASYNC int nest(void *arg)
{
    static const char *const names[] = {"inner", "middle"};
    intptr_t levels = (intptr_t)arg;
    DREY_SCOPE(scope, .name = names[levels - 1]);
    int rc = drey_go(&scope, sleep_long, NULL);
    if (rc == 0)
        rc = drey_go(&scope, levels == 1 ? sleep_and_report : nest, (void *)(levels - 1));
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r4_reason_of_the_outermost_of_three_scopes, .workers = 1)
{
    DREY_SCOPE(scope, .name = "outermost");
    DREY_CHECK_EQ(drey_go(&scope, nest, (void *)2), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_scope_cancel(&scope, -EBUSY, "the reason");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), -EBUSY);
    DREY_CHECK_EQ(innermost.cause, DREY_CAUSE_REQUEST);
    DREY_CHECK_EQ(innermost.code, -EBUSY);
    DREY_CHECK_STR(innermost.why, "the reason");
    DREY_CHECK_STR(innermost.scope, "outermost");
    return 0;
}

/* Shields. */

DREY_TEST(r4_shield_keeps_the_outside_out)
{
    drey_time start = drey_now();
    DREY_SCOPE(outer);
    drey_scope_cancel(&outer, 0, "test");
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(5));
    DREY_CHECK(!drey_cancelled());
    DREY_CHECK_EQ(drey_deadline(), start + DREY_SEC(5));
    int rc = drey_sleep(DREY_SEC(1));
    DREY_CHECK_EQ(drey_scope_close(&shield, rc), 0);
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    return drey_scope_close(&outer, 0);
}

static DREY_ASYNC int clean_up_slowly(void *arg)
{
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(5));
    int rc = drey_scope_close(&shield, drey_sleep(DREY_SEC(2)));
    *(int *)arg = rc;
    return rc;
}

/* Cancelled while it waits in the shield, in a child's and in the opener's. */
DREY_TEST(r4_shield_while_waiting)
{
    int result = 1;
    DREY_SCOPE(outer, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_go(&outer, clean_up_slowly, &result), 0);
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(10));
    DREY_CHECK_EQ(drey_scope_close(&shield, drey_sleep(DREY_SEC(3))), 0);
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    DREY_CHECK_EQ(result, 0);
    return 0;
}

DREY_TEST(r4_shield_ends_by_its_timeout_and_its_own_cancel)
{
    DREY_SCOPE(late, .shield = true, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_scope_close(&late, drey_sleep(DREY_SEC(2))), -ETIMEDOUT);
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(1));
    DREY_SCOPE(inner);
    drey_scope_cancel(&shield, -EBUSY, "its own");
    int rc = drey_scope_close(&inner, drey_sleep(DREY_SEC(2)));
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&shield, rc), -EBUSY);
    return 0;
}

/* A child added from behind a shield to a scope that is cancelled: as docs say, refused. */
DREY_TEST(r4_go_into_a_cancelled_scope_from_a_shield)
{
    DREY_SCOPE(outer);
    drey_scope_cancel(&outer, 0, "test");
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_go(&outer, nothing, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_go(&shield, nothing, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&shield, 0), 0);
    return drey_scope_close(&outer, 0);
}

static DREY_ASYNC int ignore_cancellation(void *arg)
{
    for (int i = 0; i < REFUSALS; i++)
        if (drey_yield() == 0)
            return -EPROTO;
    *(bool *)arg = true;
    return 0;
}

static DREY_ASYNC int note_time(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

/* R4, R11: refusals spend the budget, so a loop that ignores them lets others run. */
DREY_TEST(r4_refusals_spend_the_budget, .workers = 1)
{
    bool done = false, other = false;
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(drey_go(&outer, note_time, &other), 0);
    DREY_SCOPE(inner);
    drey_scope_cancel(&inner, 0, "test");
    DREY_CHECK_EQ(ignore_cancellation(&done), 0);
    bool others_ran = other;
    DREY_CHECK_EQ(drey_scope_close(&inner, 0), 0);
    DREY_CHECK(others_ran);
    return drey_scope_close(&outer, 0);
}

DREY_TEST_MAIN()
