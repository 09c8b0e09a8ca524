/* SPDX-License-Identifier: MIT */
/* R8: where tasks run. R11: fairness. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "sched/worker.h"

enum { CHILDREN = 100, WORKERS = 4 };

static struct {
    _Atomic int n;
    int order[CHILDREN];
    _Atomic int on[WORKERS];
} shared;

static unsigned here(void)
{
    return drey__self->index;
}

static DREY_ASYNC int note_order(void *arg)
{
    shared.order[shared.n++] = (int)(intptr_t)arg;
    return 0;
}

DREY_TEST(r8_oldest_first, .workers = 1)
{
    DREY_SCOPE(scope);
    for (intptr_t i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, note_order, (void *)i), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(shared.order[i], i);
    return 0;
}

static DREY_ASYNC int run_order(void *arg)
{
    (void)arg;
    shared.n = 0;
    DREY_SCOPE(scope);
    int rc = 0;
    for (intptr_t i = 0; i < CHILDREN && rc == 0; i++)
        rc = drey_go(&scope, note_order, (void *)i);
    return drey_scope_close(&scope, rc);
}

static uint64_t order_of(uint64_t seed)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .seed = seed};
    uint64_t hash = drey_run(&config, run_order, NULL) == 0 ? 1 : 0;
    for (int i = 0; i < CHILDREN; i++)
        hash = hash * 31 + (uint64_t)shared.order[i];
    return hash;
}

DREY_TEST(r8_a_seed_draws_the_order, .no_runtime = true)
{
    DREY_CHECK(order_of(1) == order_of(1));
    DREY_CHECK(order_of(1) != order_of(2));
    return 0;
}

static DREY_ASYNC int stay(void *arg)
{
    pthread_t thread = pthread_self();
    int *volatile address = &errno;
    (void)arg;
    for (int i = 0; i < 50; i++) {
        int rc = i % 2 != 0 ? drey_sleep(DREY_US(i)) : drey_yield();
        if (rc < 0)
            return rc;
        if (!pthread_equal(thread, pthread_self()) || address != &errno)
            return -EPROTO;
    }
    shared.on[here()]++;
    return 0;
}

DREY_TEST(r8_a_started_task_stays_on_its_thread, .workers = WORKERS)
{
    DREY_SCOPE(scope);
    DREY_SCOPE(spread, .spread = true);
    for (int i = 0; i < CHILDREN; i++) {
        DREY_CHECK_EQ(drey_go(&scope, stay, NULL), 0);
        DREY_CHECK_EQ(drey_go(&spread, stay, NULL), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&spread, 0), 0);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r8_spread_uses_more_than_one_worker, .workers = WORKERS)
{
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, stay, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < WORKERS; i++)
        DREY_CHECK(shared.on[i] < CHILDREN); /* how many each gets is the operating system's to say, too */
    return 0;
}

static DREY_ASYNC int count(void *arg)
{
    (void)arg;
    shared.on[here()]++;
    shared.n++;
    return 0;
}

/* Without a suspension point: only other workers can run the children. The limit is there to end a broken test. */
static bool wait_without_suspending(int wanted)
{
    drey_time end = drey_now() + DREY_SEC(20);
    while (shared.n < wanted && drey_now() < end) {
    }
    return shared.n == wanted;
}

DREY_TEST(r8_idle_workers_steal, .workers = 2, .real_clock = true)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, count, NULL), 0);
    DREY_CHECK(wait_without_suspending(CHILDREN));
    DREY_CHECK_EQ(shared.on[here()], 0);
    return drey_scope_close(&scope, 0);
}

/* Holds its worker until another has run one; the limit is there to end a broken test. */
static DREY_ASYNC int wait_for_one_elsewhere(void *arg)
{
    shared.on[here()]++;
    for (int i = 0; i < 20000 && shared.on[1] == 0; i++)
        usleep(100);
    return shared.on[1] > 0 ? 0 : (int)(intptr_t)arg;
}

/* R8, R17: time stands still, workers do not. */
DREY_TEST(r8_r17_idle_workers_steal_under_the_virtual_clock, .workers = 2, .timeout_seconds = 10)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, wait_for_one_elsewhere, (void *)(intptr_t)-EPROTO), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(shared.on[1] > 0);
    return 0;
}

static DREY_ASYNC int trivial(void *arg)
{
    (void)arg;
    return 0;
}

/* After many tasks that are not worth moving an idle worker asks for no more for a while, and no longer than that. */
DREY_TEST(r8_long_ones_after_many_small_ones, .workers = 2, .real_clock = true)
{
    enum { SMALL = 20000 };
    DREY_SCOPE(scope);
    for (int i = 0; i < SMALL; i++)
        DREY_CHECK_EQ(drey_go(&scope, trivial, NULL), 0);
    for (int i = 0; i < CHILDREN; i++)
        DREY_CHECK_EQ(drey_go(&scope, wait_for_one_elsewhere, (void *)(intptr_t)-EPROTO), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(shared.on[1] > 0);
    return 0;
}

/* One alone behind a task that computes: a sleeping worker is woken for it. */
DREY_TEST(r8_one_behind_a_long_one, .workers = 2, .real_clock = true)
{
    for (int i = 0; i < 5; i++) {
        DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0); /* the other worker sleeps by now */
        shared.n = 0;
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_go(&scope, count, NULL), 0);
        DREY_CHECK(wait_without_suspending(1));
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    return 0;
}

DREY_TEST(r8_the_first_limit_children_are_spread, .workers = WORKERS, .real_clock = true)
{
    DREY_SCOPE(scope, .limit = WORKERS);
    for (int i = 0; i < WORKERS; i++)
        DREY_CHECK_EQ(drey_go(&scope, count, NULL), 0);
    DREY_CHECK(wait_without_suspending(WORKERS));
    return drey_scope_close(&scope, 0);
}

/* Two of these end only side by side. */
static DREY_ASYNC int meet(void *arg, int event)
{
    (void)arg;
    shared.n++;
    return event < 0 ? event : wait_without_suspending(2) ? 0 : -EPROTO;
}

enum { RELEASES = 20 };

/* R8: what a dormant task wakes to is an unstarted task, which an idle worker takes although it slept elsewhere. */
DREY_TEST(r8_woken_dormant_tasks_are_balanced, .workers = 2, .real_clock = true)
{
    static drey_sem sem;
    for (int i = 0; i < RELEASES; i++) {
        shared.n = 0;
        drey_sem_init(&sem, 0, 2);
        drey_case cases[] = {drey_on_acquire(&sem, 1)};
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_go_when(&scope, meet, NULL, cases, 1), 0);
        DREY_CHECK_EQ(drey_go_when(&scope, meet, NULL, cases, 1), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_US(i % 2 == 0 ? 10 : 200)), 0); /* looked for by then, or asleep */
        drey_sem_release(&sem, 2);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    return 0;
}

static DREY_ASYNC int set_flag(void *arg)
{
    *(bool *)arg = true;
    return 0;
}

/* R11: operations that complete at once spend the budget, and then others run. */
DREY_TEST(r11_no_task_owns_its_worker, .workers = 1)
{
    bool others_ran = false;
    drey_sem sem;
    int i = 0;
    drey_sem_init(&sem, 1, 1);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, set_flag, &others_ran), 0);
    for (; i < 100000 && !others_ran; i++) {
        DREY_CHECK_EQ(drey_sem_acquire(&sem, 1), 0);
        drey_sem_release(&sem, 1);
    }
    DREY_CHECK(others_ran);
    DREY_CHECK(i >= DREY__BUDGET / 2); /* but not at every operation either */
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r11_check_yields_when_the_budget_is_spent, .workers = 1)
{
    bool others_ran = false;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, set_flag, &others_ran), 0);
    DREY_CHECK_EQ(drey_check(), 0);
    bool at_once = others_ran;
    for (int i = 0; i < 100000 && !others_ran; i++)
        DREY_CHECK_EQ(drey_check(), 0);
    DREY_CHECK(!at_once);
    DREY_CHECK(others_ran);
    return drey_scope_close(&scope, 0);
}

enum { CHECK_EVERY_US = 100, MOST_CHECKS = 1000 };

static DREY_ASYNC int compute_and_check(void *arg)
{
    int rc = 0, *checks = arg;
    while (rc == 0 && *checks < MOST_CHECKS) {
        drey_time end = drey_now() + DREY_US(CHECK_EVERY_US);
        while (drey_now() < end) {
        }
        rc = drey_check();
        ++*checks;
    }
    return rc;
}

/* R11: who computes and calls drey_check lets timers fire after a while of time, not of calls. */
DREY_TEST(r11_check_sees_to_timers, .workers = 1, .real_clock = true)
{
    int checks = 0;
    DREY_CHECK_EQ(drey_timeout(DREY_MS(5), compute_and_check, &checks), -ETIMEDOUT);
    DREY_CHECK(checks < MOST_CHECKS);
    return 0;
}

/* R11: never while a lock is held. */
DREY_TEST(r11_no_yield_while_a_lock_is_held, .workers = 1)
{
    bool others_ran = false;
    drey_mutex held = {0}, other = {0};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, set_flag, &others_ran), 0);
    {
        DREY_LOCKED(&held);
        for (int i = 0; i < 10000; i++) {
            DREY_CHECK_EQ(drey_mutex_lock(&other), 0);
            drey_mutex_unlock(&other);
        }
    }
    bool meanwhile = others_ran;
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(!meanwhile);
    return 0;
}

static DREY_ASYNC int yield_many(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        int rc = drey_yield();
        if (rc < 0)
            return rc;
    }
    return *(bool *)arg ? 0 : -EPROTO;
}

/* R11: neither do started tasks starve the unstarted, nor the other way round. */
DREY_TEST(r11_started_and_unstarted_take_turns, .workers = 1)
{
    bool others_ran = false;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, yield_many, &others_ran), 0);
    DREY_CHECK_EQ(drey_go(&scope, yield_many, &others_ran), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_go(&scope, set_flag, &others_ran), 0);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
