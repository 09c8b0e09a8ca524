/* SPDX-License-Identifier: MIT */
/* Readers-writer locks: order (R7), cancellation (R4), misuse (R10, R12). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>

#include "sched/worker.h"

enum { TASKS = 8, ROUNDS = 1000, EVENTS = 64 };

static struct {
    drey_rwlock rwlock;
    char log[EVENTS];
    int n;
    uint64_t a, b;
    int read, write, rc;
} shared;

/* What one task does: after `delay` ms it locks, notes its letter, holds for `hold` ms, and notes the small letter. */
struct visit {
    char letter;
    bool write;
    int delay, hold;
};

static void note(char letter)
{
    static drey_mutex lock; /* readers note side by side */
    DREY_LOCKED(&lock);
    if (shared.n < EVENTS - 1)
        shared.log[shared.n++] = letter;
}

static DREY_ASYNC int visit(void *arg)
{
    const struct visit *v = arg;
    int rc = drey_sleep(DREY_MS(v->delay));
    if (rc == 0)
        rc = v->write ? drey_rwlock_lock_write(&shared.rwlock) : drey_rwlock_lock_read(&shared.rwlock);
    if (rc < 0)
        return rc;
    note(v->letter);
    rc = drey_sleep(DREY_MS(v->hold));
    note((char)(v->letter + 'a' - 'A'));
    drey_rwlock_unlock(&shared.rwlock);
    return rc;
}

static DREY_ASYNC int visit_all(struct visit *visits, int n)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, visit, &visits[i]);
    rc = drey_scope_close(&scope, rc);
    drey_rwlock_deinit(&shared.rwlock);
    return rc;
}

DREY_TEST(readers_share_and_writers_do_not)
{
    struct visit visits[] = {{'A', false, 1, 10}, {'B', false, 2, 10}, {'C', true, 3, 10}, {'D', true, 4, 10}};
    int rc = visit_all(visits, 4);
    DREY_CHECK_STR(shared.log, "ABabCcDd");
    return rc;
}

DREY_TEST(r7_a_queued_writer_holds_back_later_readers)
{
    struct visit visits[] = {{'A', false, 1, 10}, {'W', true, 2, 10}, {'B', false, 3, 10},
                             {'C', false, 4, 12}, {'X', true, 5, 10}, {'D', false, 6, 10}};
    int rc = visit_all(visits, 6);
    DREY_CHECK_STR(shared.log, "AaWwBCbcXxDd"); /* B and C are let in together, D queues behind X */
    return rc;
}

static DREY_ASYNC int downgrader(void *arg)
{
    (void)arg;
    int rc = drey_rwlock_lock_write(&shared.rwlock);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(10));
    note('1');
    drey_rwlock_downgrade(&shared.rwlock);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(10));
    note('2');
    drey_rwlock_unlock(&shared.rwlock);
    return rc;
}

DREY_TEST(r7_downgrade_lets_in_readers_up_to_the_first_writer)
{
    struct visit visits[] = {{'A', false, 1, 5}, {'B', false, 2, 5}, {'W', true, 3, 5}, {'C', false, 4, 5}};
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, downgrader, NULL);
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = drey_go(&scope, visit, &visits[i]);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_STR(shared.log, "1ABab2WwCc");
    drey_rwlock_deinit(&shared.rwlock);
    return rc;
}

static DREY_ASYNC int try_both(void *arg)
{
    (void)arg;
    shared.read = drey_rwlock_try_lock_read(&shared.rwlock);
    if (shared.read == 0)
        drey_rwlock_unlock(&shared.rwlock);
    shared.write = drey_rwlock_try_lock_write(&shared.rwlock);
    if (shared.write == 0)
        drey_rwlock_unlock(&shared.rwlock);
    return 0;
}

static DREY_ASYNC int try_elsewhere(void)
{
    DREY_SCOPE(scope);
    return drey_scope_close(&scope, drey_go(&scope, try_both, NULL));
}

DREY_TEST(try_lock)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_CHECK_EQ(try_elsewhere(), 0);
    DREY_CHECK_EQ(shared.read, 0);
    DREY_CHECK_EQ(shared.write, 0);
    DREY_CHECK_EQ(drey_rwlock_lock_read(&shared.rwlock), 0);
    DREY_CHECK_EQ(try_elsewhere(), 0);
    DREY_CHECK_EQ(shared.read, 0);
    DREY_CHECK_EQ(shared.write, -EAGAIN);
    DREY_CHECK_EQ(drey_rwlock_try_lock_read(&shared.rwlock), -EDEADLK);
    DREY_CHECK_EQ(drey_rwlock_try_lock_write(&shared.rwlock), -EDEADLK);
    drey_rwlock_unlock(&shared.rwlock);
    DREY_CHECK_EQ(drey_rwlock_try_lock_write(&shared.rwlock), 0);
    DREY_CHECK_EQ(try_elsewhere(), 0);
    DREY_CHECK_EQ(shared.read, -EAGAIN);
    DREY_CHECK_EQ(shared.write, -EAGAIN);
    drey_rwlock_unlock(&shared.rwlock);
    return 0;
}

DREY_TEST(r10_holding_it_already)
{
    DREY_CHECK_EQ(drey_rwlock_lock_read(&shared.rwlock), 0);
    DREY_CHECK_EQ(drey_rwlock_lock_read(&shared.rwlock), -EDEADLK);
    DREY_CHECK_EQ(drey_rwlock_lock_write(&shared.rwlock), -EDEADLK);
    drey_rwlock_unlock(&shared.rwlock);
    DREY_CHECK_EQ(drey_rwlock_lock_write(&shared.rwlock), 0);
    DREY_CHECK_EQ(drey_rwlock_lock_read(&shared.rwlock), -EDEADLK);
    DREY_CHECK_EQ(drey_rwlock_lock_write(&shared.rwlock), -EDEADLK);
    drey_rwlock_unlock(&shared.rwlock);
    drey_rwlock_deinit(&shared.rwlock);
    return 0;
}

DREY_TEST(r4_locks_are_not_refused_by_cancellation)
{
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int read = drey_rwlock_lock_read(&shared.rwlock);
    drey_rwlock_unlock(&shared.rwlock);
    int write = drey_rwlock_lock_write(&shared.rwlock);
    drey_rwlock_unlock(&shared.rwlock);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(read, 0);
    DREY_CHECK_EQ(write, 0);
    return rc;
}

/* R4: a wait for a lock goes on, whether its scope is cancelled or its time is up. */
static DREY_ASYNC int wait_is_uncut(bool write, bool by_deadline)
{
    struct visit holder = {'H', true, 0, 100}, waiter = {'W', write, 0, 0};
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(outer);
    int rc = drey_go(&outer, visit, &holder);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_MS(10) : 0, .keep_going = true);
    if (rc == 0)
        rc = drey_go(&inner, visit, &waiter);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    int closed = drey_scope_close(&inner, rc);
    rc = drey_scope_close(&outer, rc);
    DREY_CHECK_STR(shared.log, "HhWw");
    DREY_CHECK_EQ(closed, by_deadline ? -ETIMEDOUT : 0);
    return rc;
}

DREY_TEST(r4_reader_cancelled_while_waiting)
{
    return wait_is_uncut(false, false);
}

DREY_TEST(r4_reader_deadline_while_waiting)
{
    return wait_is_uncut(false, true);
}

DREY_TEST(r4_writer_cancelled_while_waiting)
{
    return wait_is_uncut(true, false);
}

DREY_TEST(r4_writer_deadline_while_waiting)
{
    return wait_is_uncut(true, true);
}

/* Writers keep a == b; some hold across a yield, so that others queue. */
static DREY_ASYNC int mix(void *arg)
{
    unsigned random = (unsigned)(uintptr_t)arg + 1;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245u + 12345u;
        bool write = (random >> 16) % 4 == 0, yield = (random >> 20) % 4 == 0;
        int rc = write ? drey_rwlock_lock_write(&shared.rwlock) : drey_rwlock_lock_read(&shared.rwlock);
        if (rc < 0)
            return rc;
        if (write)
            shared.a++;
        if (yield && drey_yield() < 0)
            return -ECANCELED;
        if (write)
            shared.b++;
        if (write && (random >> 24) % 2 == 0)
            drey_rwlock_downgrade(&shared.rwlock);
        bool same = shared.a == shared.b;
        drey_rwlock_unlock(&shared.rwlock);
        if (!same)
            return -EBADMSG;
    }
    return 0;
}

static DREY_ASYNC int exclude(void)
{
    drey__rt.lock_rule = DREY_LOCK_RULE_OFF;
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (uintptr_t i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, mix, (void *)i);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(rc, 0);
    drey_rwlock_deinit(&shared.rwlock);
    return 0;
}

DREY_TEST(readers_see_whole_writes)
{
    return exclude();
}

DREY_TEST(readers_see_whole_writes_with_2_workers, .workers = 2, .schedules = 3)
{
    return exclude();
}

DREY_TEST(readers_see_whole_writes_with_4_workers, .workers = 4, .schedules = 3)
{
    return exclude();
}

DREY_TEST(guards)
{
    {
        DREY_READING(&shared.rwlock);
        DREY_CHECK_EQ(drey_rwlock_try_lock_write(&shared.rwlock), -EDEADLK);
    }
    {
        DREY_WRITING(&shared.rwlock);
        DREY_CHECK_EQ(drey_rwlock_try_lock_read(&shared.rwlock), -EDEADLK);
    }
    drey_rwlock_deinit(&shared.rwlock);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_rwlock_lock_read(&shared.rwlock), -EPERM);
    DREY_CHECK_EQ(drey_rwlock_lock_write(&shared.rwlock), -EPERM);
    DREY_CHECK_EQ(drey_rwlock_try_lock_read(&shared.rwlock), -EPERM);
    DREY_CHECK_EQ(drey_rwlock_try_lock_write(&shared.rwlock), -EPERM);
    return 0;
}

static DREY_ASYNC int unlock_unheld(void *arg)
{
    (void)arg;
    drey_rwlock_unlock(&shared.rwlock);
    return 0;
}

static DREY_ASYNC int unlock_of_another(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope);
    shared.rc = drey_rwlock_lock_read(&shared.rwlock);
    return drey_scope_close(&scope, drey_go(&scope, unlock_unheld, NULL));
}

static DREY_ASYNC int downgrade_reader(void *arg)
{
    (void)arg;
    shared.rc = drey_rwlock_lock_read(&shared.rwlock);
    drey_rwlock_downgrade(&shared.rwlock);
    return 0;
}

static DREY_ASYNC int end_read_locked(void *arg)
{
    (void)arg;
    shared.rc = drey_rwlock_lock_read(&shared.rwlock);
    drey_rwlock_deinit(&shared.rwlock);
    return 0;
}

static DREY_ASYNC int end_with_waiters(void *arg)
{
    struct visit waiter = {'W', true, 0, 0};
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_rwlock_lock_read(&shared.rwlock);
    if (rc == 0)
        rc = drey_go(&scope, visit, &waiter);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_rwlock_deinit(&shared.rwlock);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int guard_twice(void *arg)
{
    (void)arg;
    DREY_READING(&shared.rwlock);
    DREY_WRITING(&shared.rwlock);
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

DREY_TEST(r10_misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(dies(unlock_unheld, "only a holder may unlock it (R10)"), 1);
    DREY_CHECK_EQ(dies(unlock_of_another, "only a holder may unlock it (R10)"), 1);
    DREY_CHECK_EQ(dies(downgrade_reader, "drey_rwlock_downgrade: the caller does not hold"), 1);
    DREY_CHECK_EQ(dies(end_read_locked, "is locked (R10)"), 1);
    DREY_CHECK_EQ(dies(end_with_waiters, "is being waited for (R10)"), 1);
    DREY_CHECK_EQ(dies(guard_twice, "DREY_WRITING: waiting for rwlock"), 1);
    return 0;
}

DREY_TEST_MAIN()
