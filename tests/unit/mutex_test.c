/* SPDX-License-Identifier: MIT */
/* Mutexes: order (R7), cancellation (R4), misuse (R10, R12). The lock rule is off where a holder is made to wait. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

#include "sched/worker.h"

enum { WAITERS = 5, TASKS = 8, ROUNDS = 2000 };

static struct {
    drey_mutex mutex;
    int order[2 * WAITERS], n;
    int tried, rc;
    uint64_t counter;
} shared;

static DREY_ASYNC int hold_a_second(void *arg)
{
    drey_mutex *mutex = arg;
    int rc = drey_mutex_lock(mutex);
    if (rc == 0)
        rc = drey_sleep(DREY_SEC(1));
    drey_mutex_unlock(mutex);
    return rc;
}

static DREY_ASYNC int lock_and_note(void *arg)
{
    int rc = drey_mutex_lock(&shared.mutex);
    if (rc < 0)
        return rc;
    shared.order[shared.n++] = *(int *)arg;
    drey_mutex_unlock(&shared.mutex);
    return 0;
}

static DREY_ASYNC int try_from_elsewhere(void *arg)
{
    shared.tried = drey_mutex_try_lock(arg);
    return 0;
}

DREY_TEST(lock_try_and_unlock)
{
    drey_mutex mutex = {0};
    DREY_SCOPE(scope);
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    int locked = drey_mutex_lock(&mutex);
    int again = drey_mutex_try_lock(&mutex);
    int rc = drey_go(&scope, try_from_elsewhere, &mutex);
    rc = drey_scope_close(&scope, rc);
    drey_mutex_unlock(&mutex);
    int free = drey_mutex_try_lock(&mutex);
    drey_mutex_unlock(&mutex);
    drey_mutex_deinit(&mutex);
    DREY_CHECK_EQ(locked, 0);
    DREY_CHECK_EQ(again, -EDEADLK);
    DREY_CHECK_EQ(shared.tried, -EAGAIN);
    DREY_CHECK_EQ(free, 0);
    return rc;
}

/* R7: in the order of coming, and the one who unlocks cannot overtake who waits. */
DREY_TEST(r7_first_come_first_served)
{
    int id[WAITERS];
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope);
    int rc = drey_mutex_lock(&shared.mutex);
    for (int i = 0; i < WAITERS && rc == 0; i++) {
        id[i] = i;
        rc = drey_go(&scope, lock_and_note, &id[i]);
        if (rc == 0)
            rc = drey_sleep(DREY_MS(1));
    }
    drey_mutex_unlock(&shared.mutex);
    int overtaken = drey_mutex_try_lock(&shared.mutex);
    if (overtaken == 0)
        drey_mutex_unlock(&shared.mutex);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK(overtaken == -EAGAIN || drey__rt.count > 1);
    DREY_CHECK_EQ(shared.n, WAITERS);
    for (int i = 0; i < WAITERS; i++)
        DREY_CHECK_EQ(shared.order[i], i);
    drey_mutex_deinit(&shared.mutex);
    return rc;
}

DREY_TEST(r4_lock_is_not_refused_by_cancellation)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int locked = drey_mutex_lock(&shared.mutex);
    if (locked == 0)
        drey_mutex_unlock(&shared.mutex);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(locked, 0);
    return rc;
}

/* R4: a wait for a lock goes on, whether its scope is cancelled or its time is up. */
static DREY_ASYNC int wait_is_uncut(bool by_deadline)
{
    int id = 7;
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    drey_time before = drey_now();
    DREY_SCOPE(outer);
    int rc = drey_go(&outer, hold_a_second, &shared.mutex);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0);
    if (rc == 0)
        rc = drey_go(&inner, lock_and_note, &id);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    rc = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_EQ(shared.n, 1);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(1));
    return rc;
}

DREY_TEST(r4_cancelled_while_waiting)
{
    return wait_is_uncut(false);
}

DREY_TEST(r4_deadline_while_waiting)
{
    return wait_is_uncut(true);
}

static DREY_ASYNC int count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        {
            DREY_LOCKED(&shared.mutex);
            shared.counter++;
        }
        if (i % 64 == 0 && drey_yield() < 0)
            return -ECANCELED;
    }
    return 0;
}

static DREY_ASYNC int exclude(void)
{
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, count_up, NULL);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(shared.counter, TASKS * ROUNDS);
    drey_mutex_deinit(&shared.mutex);
    return rc;
}

DREY_TEST(one_at_a_time)
{
    return exclude();
}

DREY_TEST(one_at_a_time_with_2_workers, .workers = 2)
{
    return exclude();
}

DREY_TEST(one_at_a_time_with_4_workers, .workers = 4)
{
    return exclude();
}

/* The holders park while holding, so that the mutex is handed over all the time. */
static DREY_ASYNC int hold_and_yield(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS / 10; i++) {
        DREY_LOCKED(&shared.mutex);
        uint64_t seen = shared.counter;
        if (drey_yield() < 0)
            return -ECANCELED;
        shared.counter = seen + 1;
    }
    return 0;
}

DREY_TEST(handed_over_with_4_workers, .workers = 4, .schedules = 3)
{
    shared.counter = 0;
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, hold_and_yield, NULL);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(shared.counter, TASKS * (ROUNDS / 10));
    return rc;
}

DREY_TEST(many_locks_in_any_order)
{
    drey_mutex mutexes[DREY__HELD_MAX] = {0};
    int rc = 0;
    for (int i = 0; i < DREY__HELD_MAX && rc == 0; i++)
        rc = drey_mutex_lock(&mutexes[i]);
    for (int i = 0; i < DREY__HELD_MAX; i++)
        drey_mutex_unlock(&mutexes[i * 5 % DREY__HELD_MAX]);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    for (int i = 0; i < DREY__HELD_MAX; i++)
        drey_mutex_deinit(&mutexes[i]);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_mutex mutex = {0};
    DREY_CHECK_EQ(drey_mutex_lock(&mutex), -EPERM);
    DREY_CHECK_EQ(drey_mutex_try_lock(&mutex), -EPERM);
    drey_mutex_deinit(&mutex);
    return 0;
}

/* What breaks the contract, each in a runtime of its own. */
static DREY_ASYNC int unlock_unlocked(void *arg)
{
    (void)arg;
    drey_mutex_unlock(&shared.mutex);
    return 0;
}

static DREY_ASYNC int unlock_of_another(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope);
    shared.rc = drey_mutex_lock(&shared.mutex);
    int rc = drey_go(&scope, unlock_unlocked, NULL);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int end_locked(void *arg)
{
    (void)arg;
    shared.rc = drey_mutex_lock(&shared.mutex);
    drey_mutex_deinit(&shared.mutex);
    return 0;
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    (void)arg;
    int id = 0;
    DREY_SCOPE(scope);
    int rc = drey_mutex_lock(&shared.mutex);
    if (rc == 0)
        rc = drey_go(&scope, lock_and_note, &id);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_mutex_deinit(&shared.mutex);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int hold_too_many(void *arg)
{
    static drey_mutex mutexes[DREY__HELD_MAX + 1];
    (void)arg;
    for (int i = 0; i <= DREY__HELD_MAX && shared.rc == 0; i++)
        shared.rc = drey_mutex_lock(&mutexes[i]);
    return 0;
}

static DREY_ASYNC int guard_twice(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.mutex);
    DREY_LOCKED(&shared.mutex);
    return 0;
}

static drey_fn *breach;

static void run_breach(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_OFF};
    shared.rc = drey_run(&config, breach, NULL);
}

static int dies(drey_fn *fn, const char *message_part)
{
    breach = fn;
    return drey_test_dies(run_breach, message_part);
}

static void guard_outside(void)
{
    drey__guard_unlock(&(drey_mutex *){drey__guard_lock(&shared.mutex)});
}

DREY_TEST(r10_misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(unlock_unlocked, "is not locked, and only its owner may unlock it (R10)"), 1);
    DREY_CHECK_EQ(dies(unlock_of_another, "is held by another task, and only its owner"), 1);
    DREY_CHECK_EQ(dies(end_locked, "drey_mutex_deinit: mutex"), 1);
    DREY_CHECK_EQ(dies(end_with_waiters, "is being waited for (R10)"), 1);
    DREY_CHECK_EQ(dies(hold_too_many, "may hold 16 locks at once"), 1);
    DREY_CHECK_EQ(dies(guard_twice, "DREY_LOCKED: waiting for mutex"), 1);
    DREY_CHECK_EQ(drey_test_dies(guard_outside, "DREY_LOCKED is for tasks only"), 1);
    return 0;
}

DREY_TEST_MAIN()
