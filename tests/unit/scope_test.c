/* SPDX-License-Identifier: MIT */
/* R1: structure. And deadlines of scopes: how they are set, and which of several counts (R2). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>

enum { CHILDREN = 20 };

static _Atomic int ended;

static DREY_ASYNC int end_late(void *arg)
{
    int rc = drey_sleep(DREY_MS((intptr_t)arg));
    ended++;
    return rc;
}

DREY_TEST(r1_close_waits_for_every_child)
{
    DREY_SCOPE(scope);
    for (intptr_t i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, end_late, (void *)i), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(ended, CHILDREN);
    return 0;
}

static DREY_ASYNC int outlive_cancellation(void *arg)
{
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(10));
    int rc = drey_scope_close(&shield, drey_sleep(DREY_SEC(1)));
    *(bool *)arg = true;
    return rc;
}

DREY_TEST(r1_close_is_uncut)
{
    bool done = false;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, outlive_cancellation, &done), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(done);
    return 0;
}

static DREY_ASYNC int add_a_grandchild(void *arg)
{
    return drey_go(arg, end_late, (void *)5);
}

DREY_TEST(r1_close_waits_for_children_added_meanwhile)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, add_a_grandchild, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(ended, CHILDREN);
    return 0;
}

DREY_TEST(r1_a_scope_may_live_on_the_heap_and_be_opened_again)
{
    static drey_scope scope;
    for (int i = 0; i < 3; i++) {
        drey_scope_open(&scope, .name = "again");
        DREY_CHECK_EQ(drey_go(&scope, end_late, (void *)1), 0);
        DREY_CHECK_EQ(drey_sleep(0), 0); /* a park: it lies in no frame, so it is no frame's that returned */
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    DREY_CHECK_EQ(ended, 3);
    return 0;
}

/* Contract breaks: each in a process of its own. */

static int in_runtime(drey_fn *fn)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    return drey_run(&config, fn, NULL);
}

#define DIES(name, message)                      \
    static DREY_ASYNC int body_##name(void *);   \
    static void run_##name(void)                 \
    {                                            \
        int ignored = in_runtime(body_##name);   \
        (void)ignored;                           \
    }                                            \
    DREY_TEST(name, .no_runtime = true)          \
    {                                            \
        DREY_CHECK(drey_test_dies(run_##name, message) == 1); \
        return 0;                                \
    }                                            \
    static DREY_ASYNC int body_##name(void *arg)

/* Below the caller's frame, as an early return leaves it. */
static __attribute__((noinline)) void leave_open(void)
{
    char below[1024];
    drey_scope scope;
    __asm__ volatile("" : : "r"(below) : "memory");
    drey_scope_open(&scope, .name = "forgotten");
}

DIES(r1_left_open_found_by_the_next_open, "was left open")
{
    (void)arg;
    leave_open();
    DREY_SCOPE(scope);
    return drey_scope_close(&scope, 0);
}

DIES(r1_left_open_found_by_the_next_close, "was left open")
{
    (void)arg;
    DREY_SCOPE(scope);
    leave_open();
    return drey_scope_close(&scope, 0);
}

DIES(r1_left_open_found_by_the_next_park, "was left open")
{
    (void)arg;
    leave_open();
    return drey_sleep(DREY_MS(1));
}

DIES(r1_left_open_found_by_the_end_of_the_task, "forgotten")
{
    (void)arg;
    leave_open();
    return 0;
}

DIES(r1_the_macro_names_the_place, "scope_test.c:")
{
    DREY_SCOPE(scope);
    (void)arg;
    return 0;
}

DIES(r1_close_out_of_order, "inner (R1)")
{
    (void)arg;
    DREY_SCOPE(outer, .name = "outer");
    DREY_SCOPE(inner, .name = "inner");
    return drey_scope_close(&outer, 0);
}

DIES(r1_close_twice, "not open (R1)")
{
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_scope_close(&scope, 0);
    return rc < 0 ? rc : drey_scope_close(&scope, 0);
}

static DREY_ASYNC int close_another(void *arg)
{
    return drey_scope_close(arg, 0);
}

DIES(r1_close_by_a_child, "(R1)")
{
    (void)arg;
    DREY_SCOPE(scope, .name = "not yours");
    int rc = drey_go(&scope, close_another, &scope);
    return drey_scope_close(&scope, rc);
}

static drey_scope *foreign;

static DREY_ASYNC int add_to_foreign(void *arg)
{
    return drey_go(foreign, end_late, arg);
}

DIES(r3_only_opener_and_inside_may_add, "(R3)")
{
    (void)arg;
    DREY_SCOPE(outer);
    int rc = drey_go(&outer, add_to_foreign, NULL);
    DREY_SCOPE(inner);
    foreign = &inner;
    rc = drey_scope_close(&inner, rc < 0 ? rc : drey_sleep(DREY_SEC(1)));
    return drey_scope_close(&outer, rc);
}

static DREY_ASYNC int join_itself(void *arg)
{
    int rc = drey_yield(); /* its opener has the handle by now */
    return rc < 0 ? rc : drey_join(*(drey_task **)arg, NULL);
}

DIES(r3_no_task_joins_itself, "drey_join: a task cannot join itself (R3)")
{
    drey_task *task;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_spawn(&scope, join_itself, &task, &task);
    return drey_scope_close(&scope, rc);
}

DIES(r4_a_shield_needs_a_timeout, "(R4)")
{
    (void)arg;
    DREY_SCOPE(scope, .shield = true);
    return drey_scope_close(&scope, 0);
}

DIES(r4_a_shield_keeps_a_deadline, "drey_scope_set_deadline: a shield must keep a deadline (R4)")
{
    (void)arg;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(1));
    drey_scope_set_deadline(&scope, 0);
    return drey_scope_close(&scope, 0);
}

DIES(r1_cancel_of_a_closed_scope, "drey_scope_cancel: the scope is not open (R1)")
{
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_scope_close(&scope, 0);
    drey_scope_cancel(&scope, 0, "too late");
    return rc;
}

DIES(r1_set_deadline_of_a_closed_scope, "drey_scope_set_deadline: the scope is not open (R1)")
{
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_scope_close(&scope, 0);
    drey_scope_set_deadline(&scope, 1);
    return rc;
}

DIES(r1_open_twice, "scope here is open already (R1)")
{
    drey_scope scope;
    (void)arg;
    drey_scope_open(&scope, .name = "here");
    drey_scope_open(&scope, .name = "here");
    return drey_scope_close(&scope, 0);
}

DIES(r15_a_stack_larger_than_the_largest, "bytes (R15)")
{
    (void)arg;
    DREY_SCOPE(scope, .stack_size = 32 << 20);
    return drey_scope_close(&scope, 0);
}

static void open_outside(void)
{
    drey_scope scope;
    drey_scope_open(&scope, .name = "nowhere");
}

DREY_TEST(r12_open_outside_a_task, .no_runtime = true)
{
    DREY_CHECK(drey_test_dies(open_outside, "drey_scope_open") == 1);
    return 0;
}

/* Deadlines. */

DREY_TEST(r2_negative_timeout_has_expired)
{
    DREY_SCOPE(scope, .timeout = -1);
    DREY_CHECK(drey_cancelled());
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    return 0;
}

DREY_TEST(r2_deadline_that_has_passed_has_expired)
{
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    DREY_SCOPE(scope, .deadline = drey_now() - DREY_MS(1));
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    return 0;
}

DREY_TEST(r2_nearer_of_timeout_and_deadline)
{
    drey_time start = drey_now();
    DREY_SCOPE(first, .timeout = DREY_SEC(1), .deadline = start + DREY_SEC(2));
    DREY_CHECK_EQ(drey_deadline(), start + DREY_SEC(1));
    DREY_CHECK_EQ(drey_scope_close(&first, drey_sleep(DREY_SEC(5))), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(1));
    start = drey_now();
    DREY_SCOPE(second, .timeout = DREY_SEC(3), .deadline = start + DREY_SEC(2));
    DREY_CHECK_EQ(drey_scope_close(&second, drey_sleep(DREY_SEC(5))), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(2));
    return 0;
}

DREY_TEST(r2_of_equal_deadlines_the_outermost)
{
    drey_time when = drey_now() + DREY_SEC(1);
    drey_reason reason = {.cause = DREY_CAUSE_NONE};
    DREY_SCOPE(outer, .deadline = when, .name = "outer");
    DREY_SCOPE(middle, .deadline = when, .name = "middle");
    DREY_SCOPE(inner, .deadline = when, .name = "inner");
    int rc = drey_sleep(DREY_SEC(2));
    DREY_CHECK(drey_cancel_reason(&reason));
    DREY_CHECK_STR(reason.scope, "outer");
    rc = drey_scope_close(&inner, rc);
    DREY_CHECK_EQ(rc, -ECANCELED);
    rc = drey_scope_close(&middle, rc);
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&outer, rc), -ETIMEDOUT);
    return 0;
}

DREY_TEST(r2_set_deadline)
{
    drey_time start = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    drey_scope_set_deadline(&scope, start + DREY_SEC(3)); /* later */
    DREY_CHECK_EQ(drey_deadline(), start + DREY_SEC(3));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), 0);
    drey_scope_set_deadline(&scope, 0); /* none */
    DREY_CHECK_EQ(drey_deadline(), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), 0);
    drey_scope_set_deadline(&scope, start + DREY_SEC(5)); /* earlier than never */
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), -ECANCELED);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(5));
    drey_scope_set_deadline(&scope, 0); /* too late */
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    return 0;
}

static DREY_ASYNC int hasten(void *arg)
{
    drey_scope_set_deadline(arg, drey_now() + DREY_MS(1));
    return 0;
}

DREY_TEST(r2_set_deadline_from_inside)
{
    drey_time start = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(100), .spread = true);
    DREY_CHECK_EQ(drey_go(&scope, hasten, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, drey_sleep(DREY_SEC(50))), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_now() - start, DREY_MS(1));
    return 0;
}

DREY_TEST_MAIN()
