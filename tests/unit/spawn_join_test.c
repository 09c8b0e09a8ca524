/* SPDX-License-Identifier: MIT */
/* R3: handles. R14: joins that run the child on the joiner's stack. R5: what drey_go promises about the argument. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>

enum { CHILDREN = 100 };

static DREY_ASYNC int give(void *arg)
{
    return (int)(intptr_t)arg;
}

static DREY_ASYNC int give_later(void *arg)
{
    int rc = drey_sleep(DREY_SEC(1));
    return rc < 0 ? rc : (int)(intptr_t)arg;
}

DREY_TEST(r3_join_gives_the_childs_result)
{
    drey_task *now, *later, *failing;
    int result = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)7, &now), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, (void *)8, &later), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)(intptr_t)-EIO, &failing), 0);
    DREY_CHECK_EQ(drey_join(now, &result), 0);
    DREY_CHECK_EQ(result, 7);
    DREY_CHECK_EQ(drey_join(later, &result), 0);
    DREY_CHECK_EQ(result, 8);
    DREY_CHECK_EQ(drey_join(failing, &result), 0); /* its own outcome, not the child's */
    DREY_CHECK_EQ(result, -EIO);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0); /* the failure was the joiner's */
    DREY_CHECK_EQ(drey_scope_failed(&scope), 0);
    return 0;
}

DREY_TEST(r3_join_without_a_result)
{
    drey_task *task;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, (void *)7, &task), 0);
    DREY_CHECK_EQ(drey_join(task, NULL), 0);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r3_a_failure_that_nobody_joined_counts_at_the_close)
{
    drey_task *task;
    int sibling;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)(intptr_t)-EIO, &task), 0);
    sibling = drey_sleep(DREY_SEC(1)); /* it does not cancel the scope */
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), -EIO);
    DREY_CHECK_EQ(sibling, 0);
    DREY_CHECK_EQ(drey_scope_failed(&scope), 1);
    DREY_SCOPE(patient, .keep_going = true);
    DREY_CHECK_EQ(drey_spawn(&patient, give, (void *)(intptr_t)-EIO, &task), 0);
    DREY_CHECK_EQ(drey_scope_close(&patient, 7), 7);
    DREY_CHECK_EQ(drey_scope_failed(&patient), 1);
    return 0;
}

DREY_TEST(r3_a_handle_need_not_be_joined)
{
    drey_task *task;
    DREY_SCOPE(scope);
    for (intptr_t i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_spawn(&scope, i % 2 != 0 ? give : give_later, (void *)i, &task), 0);
    return drey_scope_close(&scope, 0);
}

/* R3, R5: refused, and the handle is still good. */
DREY_TEST(r3_join_cancelled_keeps_the_handle)
{
    drey_task *task;
    int result = 1;
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(drey_spawn(&outer, give_later, (void *)9, &task), 0);
    DREY_SCOPE(hasty, .timeout = DREY_MS(1));
    DREY_CHECK_EQ(drey_join(task, &result), -ECANCELED);
    DREY_CHECK_EQ(drey_join(task, &result), -ECANCELED);
    DREY_CHECK_EQ(result, 1);
    DREY_CHECK_EQ(drey_scope_close(&hasty, 0), 0);
    DREY_CHECK_EQ(drey_join(task, &result), 0);
    DREY_CHECK_EQ(result, 9);
    return drey_scope_close(&outer, 0);
}

DREY_TEST(r3_join_of_an_ended_task_is_never_refused)
{
    drey_task *task;
    int result = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)9, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_join(task, &result), 0);
    DREY_CHECK_EQ(result, 9);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r3_cancelled_task_is_no_failure)
{
    drey_task *waiting, *unstarted, *stubborn;
    int result = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, NULL, &waiting), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, (void *)3, &stubborn), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, NULL, &unstarted), 0);
    drey_task_cancel(unstarted, "before it ran");
    drey_task_cancel(waiting, "while it waits");
    drey_task_cancel(waiting, "twice");
    drey_time before = drey_now();
    DREY_CHECK_EQ(drey_join(unstarted, &result), 0); /* fn was called, and refused at its first point */
    DREY_CHECK_EQ(result, -ECANCELED);
    DREY_CHECK_EQ(drey_now(), before);
    DREY_CHECK_EQ(drey_join(stubborn, &result), 0); /* siblings go on */
    DREY_CHECK_EQ(result, 3);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_scope_failed(&scope), 0);
    return 0;
}

static DREY_ASYNC int fail_when_told(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(1)) == -ECANCELED ? -EIO : 0;
}

DREY_TEST(r3_cancelled_task_that_fails_otherwise)
{
    drey_task *task;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, fail_when_told, NULL, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    drey_task_cancel(task, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), -EIO);
    return 0;
}

DREY_TEST(r3_cancel_of_an_ended_task_does_nothing)
{
    drey_task *task;
    int result = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)4, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    drey_task_cancel(task, "too late");
    DREY_CHECK_EQ(drey_join(task, &result), 0);
    DREY_CHECK_EQ(result, 4);
    return drey_scope_close(&scope, 0);
}

struct tree {
    int leaves, cancelled;
};

static DREY_ASYNC int leaf(void *arg)
{
    struct tree *t = arg;
    int rc = drey_sleep(DREY_SEC(100));
    t->cancelled += rc == -ECANCELED;
    return rc;
}

static DREY_ASYNC int branch(void *arg)
{
    struct tree *t = arg;
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < t->leaves && rc == 0; i++)
        rc = drey_go(&scope, leaf, t);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r3_cancel_reaches_what_the_task_started, .workers = 1)
{
    struct tree tree = {.leaves = 5};
    drey_task *task;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, branch, &tree, &task), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_task_cancel(task, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(tree.cancelled, 5);
    return 0;
}

/* R14: the child's scope is not what cancels the joiner here, so the join must be refused while the child goes on. */
static DREY_ASYNC int join_sibling(void *arg)
{
    int result = 0, rc = drey_join(arg, &result);
    return rc < 0 ? rc : result;
}

DREY_TEST(r14_a_siblings_join_can_be_cancelled)
{
    drey_task *slow, *joiner;
    int result = 0;
    drey_time start = drey_now();
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, give_later, (void *)5, &slow), 0);
    DREY_CHECK_EQ(drey_spawn(&scope, join_sibling, slow, &joiner), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    drey_task_cancel(joiner, "test");
    DREY_CHECK_EQ(drey_join(joiner, &result), 0);
    DREY_CHECK_EQ(result, -ECANCELED);
    DREY_CHECK_EQ(drey_now() - start, DREY_MS(1));
    DREY_CHECK_EQ(drey_join(slow, &result), 0);
    DREY_CHECK_EQ(result, 5);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int fibonacci(void *arg)
{
    intptr_t n = (intptr_t)arg;
    drey_task *task;
    int left = 0;
    if (n < 2)
        return (int)n;
    DREY_SCOPE(scope);
    int rc = drey_spawn(&scope, fibonacci, (void *)(n - 1), &task);
    int right = rc < 0 ? rc : fibonacci((void *)(n - 2));
    if (rc == 0)
        rc = drey_join(task, &left);
    rc = drey_scope_close(&scope, rc);
    return rc < 0 ? rc : left + right;
}

DREY_TEST(r14_recursion_by_join)
{
    DREY_CHECK_EQ(fibonacci((void *)15), 610);
    return 0;
}

static DREY_ASYNC int grow_deep(void *arg)
{
    intptr_t n = (intptr_t)arg;
    char frame[1024];
    drey_task *task;
    int below = 0;
    memset(frame, 1, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
    if (n == 0)
        return 0;
    DREY_SCOPE(scope);
    int rc = drey_spawn(&scope, grow_deep, (void *)(n - 1), &task);
    if (rc == 0)
        rc = drey_join(task, &below);
    rc = drey_scope_close(&scope, rc);
    return rc < 0 ? rc : below + frame[n % 1024];
}

/* R14: inline joins stop while enough stack is left; 500 KB of frames do not fit into one stack of 64 KB. */
DREY_TEST(r14_inline_joins_leave_stack_enough)
{
    DREY_CHECK_EQ(grow_deep((void *)400), 400);
    return 0;
}

/* A joiner from outside: the scope closes, and the record is gone, before it runs. */
static DREY_ASYNC int join_and_report(void *arg)
{
    drey_task **task = arg;
    int result = 0, rc = drey_join(*task, &result);
    return rc < 0 ? rc : result == 6 ? 0 : -EPROTO;
}

DREY_TEST(r3_joiner_outside_the_scope, .schedules = 200)
{
    for (int cut = 0; cut <= 1; cut++) {
        drey_task *task, *reuse;
        DREY_SCOPE(outer);
        DREY_SCOPE(hasty, .timeout = cut ? DREY_SEC(1) : 0);
        DREY_SCOPE(inner, .shield = true, .timeout = DREY_SEC(60));
        DREY_CHECK_EQ(drey_spawn(&inner, give_later, (void *)6, &task), 0);
        DREY_CHECK_EQ(drey_go(cut ? &hasty : &outer, join_and_report, &task), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
        DREY_CHECK_EQ(drey_scope_close(&inner, 0), 0);
        DREY_SCOPE(again);
        for (int i = 0; i < 4; i++)
            DREY_CHECK_EQ(drey_spawn(&again, give, (void *)1, &reuse), cut ? -ECANCELED : 0);
        int rc = drey_scope_close(&again, 0);
        rc = drey_scope_close(&hasty, rc);
        DREY_CHECK(rc == 0 || (cut && rc == -ETIMEDOUT));
        DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    }
    return 0;
}

static DREY_ASYNC int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC int read_copy(void *arg)
{
    char text[DREY_COPY_MAX];
    int rc = drey_sleep(DREY_MS(1));
    memcpy(text, arg, sizeof text);
    return rc < 0 ? rc : strcmp(text, "the caller's frame may be gone by now!") == 0 ? 0 : -EPROTO;
}

static __attribute__((noinline)) DREY_ASYNC int go_with_copy(drey_scope *scope)
{
    char text[DREY_COPY_MAX] = "the caller's frame may be gone by now!";
    return drey_go_copy(scope, read_copy, text, sizeof text);
}

DREY_TEST(r3_go_copy)
{
    char large[DREY_COPY_MAX + 1] = {0};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(go_with_copy(&scope), 0);
    DREY_CHECK_EQ(drey_go_copy(&scope, read_copy, large, sizeof large), -E2BIG);
    DREY_CHECK_EQ(drey_go_copy(&scope, nothing, NULL, 0), 0);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int count_call(void *arg)
{
    ++*(_Atomic int *)arg;
    return drey_check();
}

/* R3: 0 means called exactly once, even if the scope is cancelled before it started. */
DREY_TEST(r3_called_exactly_once_or_never, .schedules = 50)
{
    _Atomic int calls = 0;
    int promised = 0;
    DREY_SCOPE(scope);
    for (int i = 0; i < CHILDREN; i++) {
        if (i == CHILDREN / 2)
            drey_scope_cancel(&scope, 0, "test");
        promised += drey_go(&scope, count_call, &calls) == 0;
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(promised, CHILDREN / 2);
    DREY_CHECK_EQ(calls, promised);
    return 0;
}

static DREY_ASYNC int join_twice(void *arg)
{
    (void)arg;
    drey_task *task;
    DREY_SCOPE(scope);
    int rc = drey_spawn(&scope, give_later, NULL, &task);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = drey_go(&scope, join_sibling, task);
    return drey_scope_close(&scope, rc);
}

static void run_join_twice(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    int ignored = drey_run(&config, join_twice, NULL);
    (void)ignored;
}

DREY_TEST(r3_one_joiner, .no_runtime = true)
{
    DREY_CHECK(drey_test_dies(run_join_twice, "joiner already (R3)") == 1);
    return 0;
}

DREY_TEST_MAIN()
