/* SPDX-License-Identifier: MIT */
/*
 * R2: what a close returns, one test a cell of the table.
 *
 *   10 ms  the cause happens         15 ms  the body closes with `rc`         20 ms  the bystander ends with `child`
 *
 * Body and bystander wait inside shields, so that nothing but the close sees the cause.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

enum { SEEN_BY_NOBODY = 100 };

enum cause { NONE, CHILD, REQUEST, DEADLINE, TOKEN, OUTER };

struct cell {
    enum cause cause;
    int code;        /* what the failing child returns, or what the request asks for */
    int rc, child;
    bool keep_going;
    int closed;      /* expected */
    size_t failed;   /* expected */
};

static DREY_ASYNC int pause_in_shield(drey_duration duration)
{
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(SEEN_BY_NOBODY));
    int rc = drey_sleep(duration);
    return drey_scope_close(&shield, rc);
}

static DREY_ASYNC int bystander(void *arg)
{
    int rc = pause_in_shield(DREY_MS(20));
    return rc < 0 ? rc : *(int *)arg;
}

static DREY_ASYNC int fail_at_10(void *arg)
{
    int rc = pause_in_shield(DREY_MS(10));
    return rc < 0 ? rc : *(int *)arg;
}

static void cause_it(const struct cell *c, drey_scope *outer, drey_scope *scope, drey_token *token)
{
    if (c->cause == REQUEST)
        drey_scope_cancel(scope, c->code, "the cell says so");
    else if (c->cause == TOKEN)
        drey_token_cancel(token, "the cell says so");
    else if (c->cause == OUTER)
        drey_scope_cancel(outer, 0, "the cell says so");
}

static DREY_ASYNC int run_cell(struct cell c)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    DREY_SCOPE(outer);
    DREY_SCOPE(scope, .token = token, .timeout = c.cause == DEADLINE ? DREY_MS(10) : 0, .keep_going = c.keep_going);
    DREY_CHECK_EQ(drey_go(&scope, bystander, &c.child), 0);
    if (c.cause == CHILD)
        DREY_CHECK_EQ(drey_go(&scope, fail_at_10, &c.code), 0);
    DREY_CHECK_EQ(pause_in_shield(DREY_MS(10)), 0);
    cause_it(&c, &outer, &scope, token);
    DREY_CHECK_EQ(pause_in_shield(DREY_MS(5)), 0);
    int closed = drey_scope_close(&scope, c.rc);
    size_t failed = drey_scope_failed(&scope); /* valid after the close too */
    int rc = drey_scope_close(&outer, 0);
    drey_token_unref(token);
    DREY_CHECK_EQ(closed, c.closed);
    DREY_CHECK_EQ(failed, c.failed);
    return rc;
}

#define CELL(name, ...)                              \
    DREY_TEST(r2_##name)                             \
    {                                                \
        return run_cell((struct cell){__VA_ARGS__}); \
    }

/*            name                                       cause     code    rc         child     keep   closed   
 * failed */
CELL(none_success,                                       NONE,     0,      7,         0,        false, 7,         0)
CELL(none_child_positive,                                NONE,     0,      7,         3,        false, 7,         0)
CELL(none_keep_going,                                    NONE,     0,      7,         0,        true,  7,         0)

CELL(failure_of_child,                                   CHILD,    -EIO,   7,         0,        false, -EIO,      1)
CELL(failure_of_child_before_the_body,                   CHILD,    -EIO,   -ENOENT,   0,        false, -EIO,      1)
CELL(failure_of_child_before_another,                    CHILD,    -EIO,   7,         -ENOENT,  false, -EIO,      2)
CELL(failure_of_child_keep_going,                        CHILD,    -EIO,   7,         0,        true,  7,         1)
CELL(failure_of_children_keep_going,                     CHILD,    -EIO,   7,         -ENOENT,  true,  7,         2)
CELL(failure_of_child_then_body_keep_going,              CHILD,    -EIO,   -ENOENT,   0,        true,  -ENOENT,   1)

CELL(failure_of_body,                                    NONE,     0,      -ENOENT,   0,        false, -ENOENT,   0)
CELL(failure_of_body_then_child,                         NONE,     0,      -ENOENT,   -EIO,     false, -ENOENT,   1)
CELL(failure_of_body_cancelled_for_no_reason,            NONE,     0,      -ECANCELED, 0,       false, -ECANCELED, 0)
CELL(failure_of_body_keep_going,                         NONE,     0,      -ENOENT,   -EIO,     true,  -ENOENT,   1)

CELL(request_with_code,                                  REQUEST,  -EBUSY, 7,         0,        false, -EBUSY,    0)
CELL(request_with_code_body_negative,                    REQUEST,  -EBUSY, -ENOENT,   0,        false, -EBUSY,    0)
CELL(request_with_code_child_negative,                   REQUEST,  -EBUSY, 7,         -EIO,     false, -EBUSY,    1)
CELL(request_with_code_keep_going,                       REQUEST,  -EBUSY, 7,         -EIO,     true,  -EBUSY,    1)
CELL(request_with_positive_result,                       REQUEST,  9,      7,         0,        false, 9,         0)
CELL(request_enough,                                     REQUEST,  0,      7,         0,        false, 7,         0)
CELL(request_enough_body_cancelled,                      REQUEST,  0,      -ECANCELED, 0,       false, 0,         0)
CELL(request_enough_body_failed,                         REQUEST,  0,      -ENOENT,   0,        false, -ENOENT,   0)
CELL(request_enough_child_cancelled,                     REQUEST,  0,      7,         -ECANCELED, false, 7,       1)
CELL(request_enough_keep_going,                          REQUEST,  0,      -ECANCELED, -EIO,    true,  0,         1)

CELL(deadline_finished_in_spite_of_it,                   DEADLINE, 0,      7,         0,        false, 7,         0)
CELL(deadline_body_cancelled,                            DEADLINE, 0,      -ECANCELED, 0,       false, -ETIMEDOUT, 0)
CELL(deadline_body_failed,                               DEADLINE, 0,      -ENOENT,   0,        false, -ETIMEDOUT, 0)
CELL(deadline_child_cancelled,                           DEADLINE, 0,      7,         -ECANCELED, false, -ETIMEDOUT, 1)
CELL(deadline_keep_going,                                DEADLINE, 0,      7,         0,        true,  7,         0)
CELL(deadline_child_cancelled_keep_going,                DEADLINE, 0,      7,         -ECANCELED, true, -ETIMEDOUT, 1)

CELL(token_finished_in_spite_of_it,                      TOKEN,    0,      7,         0,        false, 7,         0)
CELL(token_body_cancelled,                               TOKEN,    0,      -ECANCELED, 0,       false, -ECANCELED, 0)
CELL(token_body_failed,                                  TOKEN,    0,      -ENOENT,   0,        false, -ECANCELED, 0)
CELL(token_child_failed,                                 TOKEN,    0,      7,         -EIO,     false, -ECANCELED, 1)
CELL(token_keep_going,                                   TOKEN,    0,      7,         0,        true,  7,         0)
CELL(token_child_cancelled_keep_going,                   TOKEN,    0,      7,         -ECANCELED, true, -ECANCELED, 1)

CELL(outer_finished_in_spite_of_it,                      OUTER,    0,      7,         0,        false, 7,         0)
CELL(outer_body_cancelled,                               OUTER,    0,      -ECANCELED, 0,       false, -ECANCELED, 0)
CELL(outer_body_failed,                                  OUTER,    0,      -ENOENT,   0,        false, -ECANCELED, 0)
CELL(outer_child_failed,                                 OUTER,    0,      7,         -EIO,     false, -ECANCELED, 1)
CELL(outer_keep_going,                                   OUTER,    0,      7,         0,        true,  7,         0)
CELL(outer_child_cancelled_keep_going,                   OUTER,    0,      7,         -ECANCELED, true, -ECANCELED, 1)

static DREY_ASYNC int return_now(void *arg)
{
    return *(int *)arg;
}

/* What failed before the deadline is no reason to call the rest late. */
DREY_TEST(r2_deadline_after_a_failure_keep_going)
{
    int failure = -EIO;
    DREY_SCOPE(scope, .timeout = DREY_MS(10), .keep_going = true);
    DREY_CHECK_EQ(drey_go(&scope, return_now, &failure), 0);
    DREY_CHECK_EQ(pause_in_shield(DREY_MS(20)), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), 7);
    DREY_CHECK_EQ(drey_scope_failed(&scope), 1);
    return 0;
}

/* A failure that its joiner has is not the scope's; one that nobody has is. */
DREY_TEST(r2_deadline_spawned_child_negative)
{
    int late = -ECANCELED;
    for (int joined = 0; joined <= 1; joined++) {
        drey_task *task;
        int result = 0;
        DREY_SCOPE(scope, .timeout = DREY_MS(10));
        DREY_CHECK_EQ(drey_spawn(&scope, bystander, &late, &task), 0);
        DREY_CHECK_EQ(pause_in_shield(DREY_MS(30)), 0);
        if (joined)
            DREY_CHECK_EQ(drey_join(task, &result), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 7), joined ? 7 : -ETIMEDOUT);
        DREY_CHECK_EQ(result, joined ? -ECANCELED : 0);
        DREY_CHECK_EQ(drey_scope_failed(&scope), joined ? 0 : 1);
    }
    return 0;
}

/* The outer scope was cancelled first; that a deadline passed later, while nobody looked, changes nothing. */
DREY_TEST(r2_outer_before_deadline)
{
    DREY_SCOPE(outer);
    DREY_SCOPE(scope, .timeout = DREY_MS(10));
    drey_scope_cancel(&outer, 0, "before the deadline");
    DREY_CHECK_EQ(pause_in_shield(DREY_MS(20)), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ECANCELED);
    return drey_scope_close(&outer, 0);
}

DREY_TEST(r2_deadline_before_outer)
{
    DREY_SCOPE(outer);
    DREY_SCOPE(scope, .timeout = DREY_MS(10));
    DREY_CHECK_EQ(pause_in_shield(DREY_MS(20)), 0);
    drey_scope_cancel(&outer, 0, "after the deadline");
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    return drey_scope_close(&outer, 0);
}

DREY_TEST(r2_second_request_changes_nothing)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, -EBUSY, "first");
    drey_scope_cancel(&scope, -ENOENT, "second");
    DREY_CHECK_EQ(drey_scope_close(&scope, -EIO), -EBUSY);
    return 0;
}
DREY_TEST_MAIN()
