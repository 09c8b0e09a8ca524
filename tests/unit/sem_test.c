/* SPDX-License-Identifier: MIT */
/* Semaphores: order (R7), cancellation (R4, R5), closing, select (R6), misuse. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>

enum { WAITERS = 5, TASKS = 8, ROUNDS = 1000 };

static struct {
    drey_sem sem;
    int order[WAITERS], n;
    _Atomic int inside;
    int rc;
} shared;

struct wish {
    int id, rc;
    uint32_t count;
};

static DREY_ASYNC int acquire(void *arg)
{
    struct wish *w = arg;
    w->rc = drey_sem_acquire(&shared.sem, w->count);
    if (w->rc == 0)
        shared.order[shared.n++] = w->id;
    return 0;
}

static DREY_ASYNC int start(drey_scope *scope, struct wish *w, int id, uint32_t count)
{
    *w = (struct wish){.id = id, .rc = 1, .count = count};
    int rc = drey_go(scope, acquire, w);
    return rc == 0 ? drey_sleep(DREY_MS(1)) : rc;
}

DREY_TEST(acquire_and_release)
{
    drey_sem_init(&shared.sem, 2, 3);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 2), 0);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), -EAGAIN);
    drey_sem_release(&shared.sem, 3);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 3), 0);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 0), -EINVAL);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 4), -EINVAL);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 4), -EINVAL);
    drey_sem_release(&shared.sem, 0);
    drey_sem_deinit(&shared.sem);
    return 0;
}

/* R7: the large wish at the head holds back the small ones; a try does not overtake. */
DREY_TEST(r7_first_come_first_served)
{
    struct wish w[4];
    drey_sem_init(&shared.sem, 1, 10);
    DREY_SCOPE(scope);
    int rc = start(&scope, &w[0], 0, 3);
    for (int i = 1; i < 4 && rc == 0; i++)
        rc = start(&scope, &w[i], i, 1);
    int overtaking = drey_sem_try_acquire(&shared.sem, 1);
    int before = shared.n;
    drey_sem_release(&shared.sem, 3);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int after = shared.n;
    drey_sem_release(&shared.sem, 2);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(overtaking, -EAGAIN);
    DREY_CHECK_EQ(before, 0);
    DREY_CHECK_EQ(after, 2);
    DREY_CHECK_EQ(shared.n, 4);
    DREY_CHECK_EQ(shared.order[0], 0);
    DREY_CHECK_EQ(shared.order[1], 1);
    return rc;
}

DREY_TEST(r4_already_cancelled)
{
    drey_sem_init(&shared.sem, 1, 1);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int acquired = drey_sem_acquire(&shared.sem, 1);
    int tried = drey_sem_try_acquire(&shared.sem, 1);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(acquired, -ECANCELED);
    DREY_CHECK_EQ(tried, 0);
    return rc;
}

/* R5, R7: the head leaves, by request or by deadline; it took nothing, and the one behind it goes in. */
static DREY_ASYNC int leave(bool by_deadline)
{
    struct wish large, small;
    drey_sem_init(&shared.sem, 2, 10);
    DREY_SCOPE(outer);
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0);
    int rc = start(&inner, &large, 1, 5);
    if (rc == 0)
        rc = start(&outer, &small, 2, 1);
    int held_back = small.rc;
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    int closed = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(held_back, 1);
    DREY_CHECK_EQ(closed, 0);
    DREY_CHECK_EQ(large.rc, -ECANCELED);
    DREY_CHECK_EQ(small.rc, 0);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), 0);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), -EAGAIN);
    drey_sem_deinit(&shared.sem);
    return rc;
}

DREY_TEST(r5_cancelled_head_lets_the_next_in)
{
    return leave(false);
}

DREY_TEST(r5_deadline_of_the_head_lets_the_next_in)
{
    return leave(true);
}

/* R5: granted first, so kept. */
DREY_TEST(r5_granted_before_cancelled)
{
    struct wish w;
    drey_sem_init(&shared.sem, 0, 1);
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1, 1);
    drey_sem_release(&shared.sem, 1);
    drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w.rc, 0);
    return rc;
}

/* A release that meets a cancelled waiter in the queue passes on to the next. */
DREY_TEST(r7_cancelled_before_the_grant)
{
    struct wish first, second;
    drey_sem_init(&shared.sem, 0, 1);
    DREY_SCOPE(outer);
    DREY_SCOPE(inner);
    int rc = start(&inner, &first, 1, 1);
    if (rc == 0)
        rc = start(&outer, &second, 2, 1);
    drey_scope_cancel(&inner, 0, "test");
    drey_sem_release(&shared.sem, 1);
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK_EQ(second.rc, 0);
    return rc;
}

DREY_TEST(close_fails_waiters_and_later_calls)
{
    struct wish w[2];
    drey_sem_init(&shared.sem, 0, 4);
    DREY_SCOPE(scope);
    int rc = start(&scope, &w[0], 0, 1);
    if (rc == 0)
        rc = start(&scope, &w[1], 1, 2);
    drey_sem_close(&shared.sem);
    drey_sem_close(&shared.sem);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(w[0].rc, -EPIPE);
    DREY_CHECK_EQ(w[1].rc, -EPIPE);
    drey_sem_release(&shared.sem, 1);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 1), -EPIPE);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), -EPIPE);
    drey_sem_deinit(&shared.sem);
    return rc;
}

static DREY_ASYNC int select_permits(void *arg)
{
    struct wish *w = arg;
    drey_case cases[] = {drey_on_acquire(&shared.sem, w->count), drey_on_after(DREY_SEC(1))};
    w->rc = drey_select(cases, 2);
    if (w->rc == 0)
        w->rc = cases[0].result;
    return 0;
}

DREY_TEST(r6_select)
{
    struct wish given = {.rc = -1, .count = 2}, late = {.rc = -1, .count = 8};
    drey_sem_init(&shared.sem, 1, 10);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, select_permits, &given);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_sem_release(&shared.sem, 1);
    if (rc == 0)
        rc = drey_go(&scope, select_permits, &late); /* holds back who comes behind until its second is over */
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_sem_release(&shared.sem, 1);
    drey_time before = drey_now();
    if (rc == 0)
        rc = drey_sem_acquire(&shared.sem, 1);
    drey_time waited = drey_now() - before;
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(given.rc, 0);
    DREY_CHECK_EQ(late.rc, 1);
    DREY_CHECK_EQ(waited, DREY_SEC(1) - DREY_MS(1));
    drey_case now = drey_on_acquire(&shared.sem, 1);
    DREY_CHECK_EQ(drey_try_select(&now, 1), -EAGAIN);
    drey_sem_close(&shared.sem);
    DREY_CHECK_EQ(drey_select(&now, 1), 0);
    DREY_CHECK_EQ(now.result, -EPIPE);
    return rc;
}

static DREY_ASYNC int pass_through(void *arg)
{
    uint32_t count = 1 + (uint32_t)(uintptr_t)arg % 3;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = drey_sem_acquire(&shared.sem, count);
        if (rc < 0)
            return rc;
        int inside = atomic_fetch_add(&shared.inside, (int)count) + (int)count;
        if (i % 3 == 0)
            rc = drey_yield();
        atomic_fetch_sub(&shared.inside, (int)count);
        drey_sem_release(&shared.sem, count);
        if (inside > 3 || rc < 0)
            return inside > 3 ? -EBADMSG : rc;
    }
    return 0;
}

static DREY_ASYNC int crowd(void)
{
    drey_sem_init(&shared.sem, 3, 3);
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (uintptr_t i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, pass_through, (void *)i);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 3), 0);
    drey_sem_deinit(&shared.sem);
    return 0;
}

DREY_TEST(never_more_inside_than_permits)
{
    return crowd();
}

DREY_TEST(never_more_inside_than_permits_with_2_workers, .workers = 2, .schedules = 3)
{
    return crowd();
}

DREY_TEST(never_more_inside_than_permits_with_4_workers, .workers = 4, .schedules = 3)
{
    return crowd();
}

/* R5: waits that time out race with grants; afterwards every permit is there. */
static DREY_ASYNC int impatient(void *arg)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        struct wish w = {.rc = -1, .count = 1 + (uint32_t)(uintptr_t)arg % 3};
        DREY_SCOPE(scope, .timeout = DREY_US(20));
        w.rc = drey_sem_acquire(&shared.sem, w.count);
        if (w.rc == 0) {
            int slept = drey_sleep(DREY_US(7));
            drey_sem_release(&shared.sem, w.count);
            w.rc = slept;
        }
        int rc = drey_scope_close(&scope, w.rc);
        if (rc < 0 && rc != -ETIMEDOUT)
            return rc;
    }
    return 0;
}

DREY_TEST(r5_no_permit_is_lost_to_cancellation, .workers = 4, .real_clock = true)
{
    drey_sem_init(&shared.sem, 3, 3);
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (uintptr_t i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, impatient, (void *)i);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 3), 0);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_sem_init(&shared.sem, 1, 1);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 1), -EPERM);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), -EPERM);
    return 0;
}

static DREY_ASYNC int release_too_many(void *arg)
{
    (void)arg;
    drey_sem_init(&shared.sem, 1, 2);
    drey_sem_release(&shared.sem, 2);
    return 0;
}

static DREY_ASYNC int init_badly(void *arg)
{
    (void)arg;
    drey_sem_init(&shared.sem, 3, 2);
    return 0;
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    struct wish w;
    (void)arg;
    drey_sem_init(&shared.sem, 0, 1);
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, 1, 1);
    drey_sem_deinit(&shared.sem);
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

static void release_outside(void)
{
    drey_sem_init(&shared.sem, 0, 1);
    drey_sem_release(&shared.sem, 1);
}

DREY_TEST(misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(release_too_many, "are above the semaphore's maximum of 2"), 1);
    DREY_CHECK_EQ(dies(init_badly, "drey_sem_init: 3 permits of at most 2"), 1);
    DREY_CHECK_EQ(dies(end_with_waiters, "is being waited for (R7)"), 1);
    DREY_CHECK_EQ(drey_test_dies(release_outside, "drey_sem_release is for tasks only"), 1);
    return 0;
}

DREY_TEST_MAIN()
