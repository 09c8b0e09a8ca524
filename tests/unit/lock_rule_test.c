/* SPDX-License-Identifier: MIT */
/* The lock rule (R10): a lock held at a suspension point is reported with both places. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

#include "sched/worker.h"
#include "wait/report.h"

static struct {
    drey_mutex mutex, other;
    drey_rwlock rwlock;
    drey_sem sem;
    drey_cond cond;
    drey_notify notify;
    int rc;
} shared;

static uint64_t reports(void)
{
    return atomic_load(&drey__lock_rule_reports);
}

__attribute__((noinline)) DREY_ASYNC int lock_rule_yields_locked(void *arg); /* exported: it has a name in reports */

DREY_ASYNC int lock_rule_yields_locked(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.mutex);
    return drey_yield();
}

DREY_TEST(r10_warn_counts_and_goes_on)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_WARN;
    DREY_CHECK_EQ(lock_rule_yields_locked(NULL), 0);
    DREY_CHECK_EQ(reports(), 1);
    for (int i = 0; i < 5; i++)
        DREY_CHECK_EQ(lock_rule_yields_locked(NULL), 0);
    DREY_CHECK_EQ(reports(), 6);
    return 0;
}

DREY_TEST(r10_off)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_CHECK_EQ(lock_rule_yields_locked(NULL), 0);
    DREY_CHECK_EQ(reports(), 0);
    return 0;
}

/* Whether or not the call would really suspend. */
DREY_TEST(r10_points_that_complete_at_once)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_WARN;
    drey_sem_init(&shared.sem, 1, 1);
    drey_notify_one(&shared.notify);
    DREY_LOCKED(&shared.mutex);
    DREY_CHECK_EQ(drey_sem_acquire(&shared.sem, 1), 0);
    DREY_CHECK_EQ(reports(), 1);
    DREY_CHECK_EQ(drey_notify_wait(&shared.notify), 0);
    DREY_CHECK_EQ(reports(), 2);
    return 0;
}

/* The verbs of cleanup are no suspension points, and neither is the try of anything. */
DREY_TEST(r10_not_at_calls_that_never_suspend)
{
    drey_sem_init(&shared.sem, 1, 1);
    DREY_LOCKED(&shared.mutex);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, 1), 0);
    drey_sem_release(&shared.sem, 1);
    drey_cond_all(&shared.cond);
    drey_notify_all(&shared.notify);
    DREY_CHECK_EQ(reports(), 0);
    return 0;
}

DREY_TEST(r10_locks_are_exempt)
{
    DREY_LOCKED(&shared.mutex);
    DREY_READING(&shared.rwlock);
    DREY_LOCKED(&shared.other);
    DREY_CHECK_EQ(reports(), 0);
    return 0;
}

static DREY_ASYNC int wake(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.mutex);
    drey_cond_one(&shared.cond);
    return 0;
}

DREY_TEST(r10_a_condition_lets_its_mutex_go_and_no_other)
{
    DREY_SCOPE(scope);
    drey__rt.lock_rule = DREY_LOCK_RULE_WARN;
    int rc = drey_go(&scope, wake, NULL);
    if (rc == 0)
        rc = drey_mutex_lock(&shared.mutex);
    int waited = drey_cond_wait(&shared.cond, &shared.mutex);
    drey_mutex_unlock(&shared.mutex);
    uint64_t alone = reports();
    if (rc == 0)
        rc = drey_go(&scope, wake, NULL);
    if (rc == 0)
        rc = drey_mutex_lock(&shared.mutex);
    if (rc == 0)
        rc = drey_mutex_lock(&shared.other);
    int with_other = drey_cond_wait(&shared.cond, &shared.mutex);
    drey_mutex_unlock(&shared.mutex);
    drey_mutex_unlock(&shared.other);
    uint64_t both = reports();
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(waited, 0);
    DREY_CHECK_EQ(with_other, 0);
    DREY_CHECK_EQ(alone, 0);
    DREY_CHECK_EQ(both, 1);
    return rc;
}

static int mode;

static DREY_ASYNC int breach_twice(void *arg)
{
    int rc = lock_rule_yields_locked(arg);
    return rc == 0 ? lock_rule_yields_locked(arg) : rc;
}

static void run_breach(void)
{
    drey_config config = {.workers = 1, .lock_rule = mode};
    shared.rc = drey_run(&config, breach_twice, NULL);
    drey__panic("%llu reports, result %d", (unsigned long long)reports(), shared.rc);
}

DREY_TEST(r10_abort_names_task_and_both_places, .no_runtime = true)
{
    mode = DREY_LOCK_RULE_ABORT;
    DREY_CHECK_EQ(drey_test_dies(run_breach, "lock rule: a lock is held at a suspension point"), 1);
    DREY_CHECK_EQ(drey_test_dies(run_breach, "may suspend at lock_rule_yields_locked+"), 1);
    DREY_CHECK_EQ(drey_test_dies(run_breach, "taken at lock_rule_yields_locked+"), 1);
    mode = DREY_LOCK_RULE_WARN;
    DREY_CHECK_EQ(drey_test_dies(run_breach, "2 reports, result 0"), 1);
    DREY_CHECK_EQ(drey_test_dies(run_breach, "may suspend at lock_rule_yields_locked+"), 1);
    return 0;
}

DREY_TEST_MAIN()
