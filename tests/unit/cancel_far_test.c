/* SPDX-License-Identifier: MIT */
/* R4: cancellation of scopes whose tasks live on several workers. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>

#include "sched/worker.h"

enum { TRIES = 1000, FAMILIES = 4, CHILDREN = 8, ROUNDS = 50 };

static struct {
    _Atomic bool computes, go_on, done; /* of the task on the other worker */
    drey_scope *scope;
    drey_notify note;
    int notes;
} far;

static void compute_until(_Atomic bool *flag)
{
    while (!atomic_load(flag)) {
    }
}

/* The test's body is worker 0's. Children that come to run there return at once: start more until one computes. */
static DREY_ASYNC int occupy_the_other_worker(drey_scope *s, drey_fn *fn)
{
    for (int i = 0; i < TRIES && !far.computes; i++) {
        DREY_CHECK_EQ(drey_go(s, fn, NULL), 0);
        DREY_CHECK_EQ(drey_go(s, fn, NULL), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    }
    DREY_CHECK(far.computes);
    return 0;
}

static DREY_ASYNC int compute(void *arg)
{
    (void)arg;
    if (drey__self->index == 0)
        return 0;
    far.computes = true;
    compute_until(&far.go_on);
    return 0;
}

static DREY_ASYNC int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* A worker that computes, and has no child of the scope, is not asked. */
DREY_TEST(r4_close_waits_for_no_worker_without_children, .workers = 2, .real_clock = true, .timeout_seconds = 10)
{
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(occupy_the_other_worker(&outer, compute), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, nothing, NULL), 0);
    drey_scope_cancel(&scope, 0, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    far.go_on = true;
    return drey_scope_close(&outer, 0);
}

static DREY_ASYNC int take_a_note(void *arg)
{
    int rc = drey_notify_wait(&far.note);
    (void)arg;
    far.notes += rc == 0;
    return rc;
}

/* Once the scope was cancelled, and its tour waits for this worker, write home. */
static DREY_ASYNC int write_home(void *arg)
{
    (void)arg;
    if (drey__self->index == 0)
        return 0;
    int rc = drey_sleep(DREY_US(1)); /* who has waited is a task that tours look for */
    far.computes = true;
    compute_until(&far.go_on);
    if (!far.done) {
        drey_notify_one(&far.note);
        drey_scope_set_deadline(far.scope, drey_now() + DREY_SEC(100));
    }
    far.done = true;
    return rc;
}

/* The scope's own mail and its tour are two letters: neither worker reads its mail before both are sent. */
DREY_TEST(r4_visit_and_tour_of_one_scope_under_way_at_once, .workers = 2, .real_clock = true, .timeout_seconds = 10)
{
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(drey_go(&outer, take_a_note, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_SCOPE(scope);
    far.scope = &scope;
    DREY_CHECK_EQ(occupy_the_other_worker(&scope, write_home), 0);
    drey_scope_cancel(&scope, 0, "enough");
    far.go_on = true;
    compute_until(&far.done);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    DREY_CHECK_EQ(far.notes, 1);
    return 0;
}

static DREY_ASYNC int wait_long(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(3600));
}

static DREY_ASYNC int have_children(void *arg)
{
    int rc = 0;
    (void)arg;
    DREY_SCOPE(scope, .limit = CHILDREN);
    for (int i = 0; i < CHILDREN && rc == 0; i++)
        rc = drey_go(&scope, wait_long, NULL);
    return drey_scope_close(&scope, rc);
}

/* Wherever tour, visits and new children meet, nobody is left waiting. */
DREY_TEST(r4_outer_cancel_reaches_spread_grandchildren, .workers = 4, .real_clock = true)
{
    for (int i = 0; i < ROUNDS; i++) {
        DREY_SCOPE(outer);
        for (int k = 0; k < FAMILIES; k++)
            DREY_CHECK_EQ(drey_go(&outer, have_children, NULL), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_US(10 * (i % 20))), 0);
        drey_scope_cancel(&outer, 0, "enough");
        DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    }
    return 0;
}

/* Worker 0 keeps to one of them until the other worker has run one. */
static DREY_ASYNC int end_there(void *arg)
{
    (void)arg;
    if (drey__self->index == 0)
        compute_until(&far.computes);
    far.computes = true;
    return 0;
}

static DREY_ASYNC int compute_until_done(void *arg)
{
    (void)arg;
    if (drey__self->index != 0)
        compute_until(&far.done);
    return 0;
}

/* R1: what has ended is not kept back while its worker runs something else. The other worker takes the older half of
 * the queue, and so runs a child of `scope` before one of `other`. */
DREY_TEST(r1_what_ended_elsewhere_is_reported_before_more_is_run, .workers = 2, .real_clock = true,
          .timeout_seconds = 10)
{
    for (int round = 0; round < ROUNDS; round++) {
        far.computes = far.done = false;
        DREY_SCOPE(other);
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_go(&scope, end_there, NULL), 0);
        for (int i = 0; i < CHILDREN; i++) {
            DREY_CHECK_EQ(drey_go(&scope, end_there, NULL), 0);
            DREY_CHECK_EQ(drey_go(&other, compute_until_done, NULL), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        far.done = true;
        DREY_CHECK_EQ(drey_scope_close(&other, 0), 0);
    }
    return 0;
}

static DREY_ASYNC int compute_then_check(void *arg)
{
    (void)arg;
    far.computes = true;
    compute_until(&far.go_on);
    return drey_check();
}

static DREY_ASYNC int cancel_by_handle(void *arg)
{
    compute_until(&far.computes);
    drey_task_cancel(arg, "while it has called nothing yet");
    far.go_on = true;
    return 0;
}

/* R4, R14: a child that its joiner runs is found cancelled at its first call, though nobody knew where it ran. */
DREY_TEST(r4_r14_a_joined_child_is_cancelled_before_its_first_call, .workers = 2, .real_clock = true,
          .timeout_seconds = 10)
{
    for (int round = 0; round < ROUNDS; round++) {
        far.computes = far.go_on = false;
        drey_task *task;
        int result = 0;
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_spawn(&scope, compute_then_check, NULL, &task), 0);
        DREY_CHECK_EQ(drey_go(&scope, cancel_by_handle, task), 0); /* the other worker takes one of the two */
        DREY_CHECK_EQ(drey_join(task, &result), 0);
        DREY_CHECK_EQ(result, -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    return 0;
}

DREY_TEST_MAIN()
