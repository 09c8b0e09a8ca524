/* SPDX-License-Identifier: MIT */
/* Deadlock detection (R10): every cycle is refused, nothing else is. The invariants are those of sync/deadlock.c. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

#include "sched/worker.h"

enum { LOCKS = 6, TASKS = 8, ROUNDS = 1000 };

static struct {
    drey_mutex mutex[LOCKS];
    drey_rwlock rwlock[LOCKS];
    _Atomic int refused, granted;
    int rc;
} shared;

/* One lock of either kind. */
struct want {
    enum { NOTHING, MUTEX, READ, WRITE } how;
    int which;
};

static DREY_ASYNC int take(struct want w)
{
    if (w.how == MUTEX)
        return drey_mutex_lock(&shared.mutex[w.which]);
    if (w.how == READ)
        return drey_rwlock_lock_read(&shared.rwlock[w.which]);
    return w.how == WRITE ? drey_rwlock_lock_write(&shared.rwlock[w.which]) : 0;
}

static void give(struct want w)
{
    if (w.how == MUTEX)
        drey_mutex_unlock(&shared.mutex[w.which]);
    else if (w.how != NOTHING)
        drey_rwlock_unlock(&shared.rwlock[w.which]);
}

/* Takes `first`, sleeps until all have theirs, and takes `second`. */
struct player {
    int delay; /* ms before it takes the second */
    struct want first, second;
    int rc;
};

static DREY_ASYNC int play(void *arg)
{
    struct player *p = arg;
    int rc = take(p->first);
    if (rc < 0)
        return rc;
    rc = drey_sleep(DREY_MS(p->delay));
    p->rc = rc < 0 ? rc : take(p->second);
    if (p->rc == 0)
        give(p->second);
    give(p->first);
    return rc;
}

static DREY_ASYNC int play_all(struct player *players, int n)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, play, &players[i]);
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < LOCKS; i++) {
        drey_mutex_deinit(&shared.mutex[i]);
        drey_rwlock_deinit(&shared.rwlock[i]);
    }
    return rc;
}

static DREY_ASYNC int two_mutexes(void)
{
    struct player p[] = {{1, {MUTEX, 0}, {MUTEX, 1}, 1}, {2, {MUTEX, 1}, {MUTEX, 0}, 1}};
    int rc = play_all(p, 2);
    DREY_CHECK_EQ(p[0].rc, 0);
    DREY_CHECK_EQ(p[1].rc, -EDEADLK);
    return rc;
}

DREY_TEST(r10_two_tasks)
{
    return two_mutexes();
}

DREY_TEST(r10_two_tasks_with_2_workers, .workers = 2)
{
    return two_mutexes();
}

DREY_TEST(r10_three_tasks_and_the_last_closes_the_cycle)
{
    struct player p[] = {
        {3, {MUTEX, 0}, {MUTEX, 1}, 1}, {1, {MUTEX, 1}, {MUTEX, 2}, 1}, {2, {MUTEX, 2}, {MUTEX, 0}, 1}};
    int rc = play_all(p, 3);
    DREY_CHECK_EQ(p[0].rc, -EDEADLK);
    DREY_CHECK_EQ(p[1].rc, 0);
    DREY_CHECK_EQ(p[2].rc, 0);
    return rc;
}

DREY_TEST(r10_itself)
{
    DREY_CHECK_EQ(drey_mutex_lock(&shared.mutex[0]), 0);
    DREY_CHECK_EQ(drey_mutex_lock(&shared.mutex[0]), -EDEADLK);
    drey_mutex_unlock(&shared.mutex[0]);
    drey_mutex_deinit(&shared.mutex[0]);
    return 0;
}

DREY_TEST(r10_readers_that_both_want_to_write_elsewhere)
{
    struct player p[] = {{1, {READ, 0}, {WRITE, 1}, 1}, {2, {READ, 1}, {WRITE, 0}, 1}};
    int rc = play_all(p, 2);
    DREY_CHECK_EQ(p[0].rc, 0);
    DREY_CHECK_EQ(p[1].rc, -EDEADLK);
    return rc;
}

DREY_TEST(r10_a_writer_waits_for_any_of_the_readers)
{
    struct player p[] = {{4, {READ, 0}, {NOTHING, 0}, 1},
                         {1, {READ, 0}, {MUTEX, 0}, 1},
                         {4, {READ, 0}, {NOTHING, 0}, 1},
                         {2, {MUTEX, 0}, {WRITE, 0}, 1}};
    int rc = play_all(p, 4);
    DREY_CHECK_EQ(p[1].rc, 0);
    DREY_CHECK_EQ(p[3].rc, -EDEADLK);
    return rc;
}

/* The reader could share the lock with the present reader, but queues behind a writer who cannot. */
DREY_TEST(r10_a_reader_behind_a_queued_writer)
{
    struct player p[] = {
        {3, {READ, 0}, {MUTEX, 0}, 1}, {1, {NOTHING, 0}, {WRITE, 0}, 1}, {2, {MUTEX, 0}, {READ, 0}, 1}};
    int rc = play_all(p, 3);
    DREY_CHECK_EQ(p[0].rc, -EDEADLK);
    DREY_CHECK_EQ(p[1].rc, 0);
    DREY_CHECK_EQ(p[2].rc, 0);
    return rc;
}

/* I4: without the writer the same is no deadlock. */
DREY_TEST(r10_readers_that_share_are_no_deadlock)
{
    struct player p[] = {{1, {READ, 0}, {MUTEX, 0}, 1}, {2, {MUTEX, 0}, {READ, 0}, 1}};
    int rc = play_all(p, 2);
    DREY_CHECK_EQ(p[0].rc, 0);
    DREY_CHECK_EQ(p[1].rc, 0);
    return rc;
}

DREY_TEST(r10_a_chain_is_no_cycle)
{
    struct player p[] = {{1, {MUTEX, 0}, {MUTEX, 1}, 1},
                         {2, {MUTEX, 1}, {MUTEX, 2}, 1},
                         {3, {MUTEX, 2}, {READ, 3}, 1},
                         {4, {READ, 3}, {WRITE, 4}, 1},
                         {9, {WRITE, 4}, {NOTHING, 0}, 1}};
    int rc = play_all(p, 5);
    for (int i = 0; i < 5; i++)
        DREY_CHECK_EQ(p[i].rc, 0);
    return rc;
}

/* Two random locks, each taken in a random way: in order no refusal may come, in any order nobody may hang. */
static struct want draw(unsigned *random)
{
    *random = *random * 1103515245u + 12345u;
    return (struct want){MUTEX + (*random >> 16) % 3, (int)((*random >> 20) % LOCKS)};
}

static int rank(struct want w)
{
    return w.which * 2 + (w.how == MUTEX);
}

static DREY_ASYNC int nest(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)arg;
    bool ordered = random % 2 == 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct want a = draw(&random), b = draw(&random);
        if (ordered && rank(a) >= rank(b))
            continue;
        int rc = take(a);
        if (rc < 0)
            return rc;
        if (random % 3 == 0)
            rc = drey_yield();
        int nested = take(b);
        if (nested == 0)
            give(b);
        give(a);
        atomic_fetch_add(nested == 0 ? &shared.granted : &shared.refused, 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int nest_all(bool ordered)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (uintptr_t i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, nest, (void *)(i * 2 + !ordered));
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK(shared.granted > 0);
    DREY_CHECK(!ordered || shared.refused == 0);
    for (int i = 0; i < LOCKS; i++) {
        drey_mutex_deinit(&shared.mutex[i]);
        drey_rwlock_deinit(&shared.rwlock[i]);
    }
    return 0;
}

DREY_TEST(r10_locks_in_order_are_never_refused, .schedules = 3)
{
    return nest_all(true);
}

DREY_TEST(r10_locks_in_order_are_never_refused_with_2_workers, .workers = 2, .schedules = 3)
{
    return nest_all(true);
}

DREY_TEST(r10_locks_in_order_are_never_refused_with_4_workers, .workers = 4, .schedules = 3)
{
    return nest_all(true);
}

DREY_TEST(r10_locks_in_any_order_never_hang)
{
    return nest_all(false);
}

DREY_TEST(r10_locks_in_any_order_never_hang_with_2_workers, .workers = 2)
{
    return nest_all(false);
}

DREY_TEST(r10_locks_in_any_order_never_hang_with_4_workers, .workers = 4)
{
    return nest_all(false);
}

/* Exported: they have names in reports. */
DREY_ASYNC int deadlock_guard_left(void *arg);
DREY_ASYNC int deadlock_guard_right(void *arg);

DREY_ASYNC int deadlock_guard_left(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.mutex[0]);
    int rc = drey_sleep(DREY_MS(1));
    DREY_LOCKED(&shared.mutex[1]);
    return rc;
}

DREY_ASYNC int deadlock_guard_right(void *arg)
{
    (void)arg;
    DREY_LOCKED(&shared.mutex[1]);
    int rc = drey_sleep(DREY_MS(2));
    DREY_LOCKED(&shared.mutex[0]);
    return rc;
}

static DREY_ASYNC int guards(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope, .name = "diners");
    int rc = drey_go(&scope, deadlock_guard_left, NULL);
    if (rc == 0)
        rc = drey_go(&scope, deadlock_guard_right, NULL);
    return drey_scope_close(&scope, rc);
}

static void run_guards(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_OFF};
    shared.rc = drey_run(&config, guards, NULL);
}

/* R10: the report names every task, lock and place on the cycle. */
DREY_TEST(r10_guards_abort_with_the_cycle, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(run_guards, "deadlock: task deadlock_guard_right in scope diners would wait for "
                                             "itself at deadlock_guard_right+"),
                  1);
    DREY_CHECK_EQ(drey_test_dies(run_guards, "task deadlock_guard_left in scope diners wants mutex"), 1);
    DREY_CHECK_EQ(drey_test_dies(run_guards, "task deadlock_guard_right in scope diners wants mutex"), 1);
    DREY_CHECK_EQ(drey_test_dies(run_guards, "task deadlock_guard_left in scope diners holds it since "
                                             "deadlock_guard_left+"),
                  1);
    DREY_CHECK_EQ(drey_test_dies(run_guards, "DREY_LOCKED: waiting for mutex"), 1);
    return 0;
}

DREY_TEST_MAIN()
