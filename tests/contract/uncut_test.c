/* SPDX-License-Identifier: MIT */
/*
 * What cancellation does not reach (R4): locks, the re-lock of a condition wait, scope close. A waiter that is
 * cancelled, or whose deadline passes, goes on waiting and gets what it waits for.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

static struct {
    drey_mutex mutex;
    drey_rwlock rwlock;
    drey_cond cond;
    bool has_it;
} shared;

enum kind { MUTEX, READ, WRITE, CLOSE };

/* The holder sleeps while it holds, which the lock rule would abort for: these runtimes have it off. */
static int hold(enum kind kind)
{
    return kind == MUTEX ? drey_mutex_lock(&shared.mutex) : kind == CLOSE ? 0 : drey_rwlock_lock_write(&shared.rwlock);
}

static void let_go(enum kind kind)
{
    if (kind == MUTEX)
        drey_mutex_unlock(&shared.mutex);
    else if (kind != CLOSE)
        drey_rwlock_unlock(&shared.rwlock);
}

static DREY_ASYNC int protected_sleep(void *arg)
{
    (void)arg;
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(3600));
    int rc = drey_sleep(DREY_SEC(10));
    return drey_scope_close(&shield, rc);
}

static DREY_ASYNC int close_late(void)
{
    DREY_SCOPE(scope);
    int rc = drey_try_go(&scope, protected_sleep, NULL);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int wait_for(enum kind kind)
{
    int rc = kind == MUTEX   ? drey_mutex_lock(&shared.mutex)
             : kind == READ  ? drey_rwlock_lock_read(&shared.rwlock)
             : kind == WRITE ? drey_rwlock_lock_write(&shared.rwlock)
                             : close_late();
    shared.has_it = true;
    if (rc == 0)
        let_go(kind);
    return rc;
}

struct plan {
    enum kind kind;
    bool before, by_deadline;
};

static DREY_ASYNC int waiter(void *arg)
{
    struct plan *p = arg;
    return wait_for(p->kind);
}

static DREY_ASYNC int run_plan(void *arg)
{
    struct plan *p = arg;
    drey_time start = drey_now();
    DREY_CHECK_EQ(hold(p->kind), 0);
    DREY_SCOPE(scope, .timeout = p->by_deadline ? DREY_SEC(1) : 0);
    DREY_CHECK_EQ(drey_go(&scope, waiter, p), 0);
    if (p->before)
        drey_scope_cancel(&scope, 0, "before it waits");
    else if (!p->by_deadline)
        DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_scope_cancel(&scope, 0, "while it waits"); /* or after the deadline */
    DREY_CHECK_EQ(protected_sleep(NULL), 0);
    DREY_CHECK(p->kind == CLOSE || !shared.has_it);
    let_go(p->kind);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK(shared.has_it);
    DREY_CHECK(drey_now() - start >= DREY_SEC(10));
    return 0;
}

static int with_rule_off(struct plan plan)
{
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        drey_config config = {.workers = workers, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_OFF};
        shared.has_it = false;
        int rc = drey_run(&config, run_plan, &plan);
        if (rc < 0)
            return rc;
    }
    return 0;
}

#define UNCUT(name, kind)                                                                                           \
    DREY_TEST(r4_already_cancelled_##name, .no_runtime = true)                                                      \
    {                                                                                                               \
        return with_rule_off((struct plan){kind, true, false});                                                     \
    }                                                                                                               \
    DREY_TEST(r4_cancelled_while_waiting_##name, .no_runtime = true)                                                \
    {                                                                                                               \
        return with_rule_off((struct plan){kind, false, false});                                                    \
    }                                                                                                               \
    DREY_TEST(r4_deadline_while_waiting_##name, .no_runtime = true)                                                 \
    {                                                                                                               \
        return with_rule_off((struct plan){kind, false, true});                                                     \
    }

UNCUT(mutex, MUTEX)
UNCUT(read, READ)
UNCUT(write, WRITE)
UNCUT(close, CLOSE)

static DREY_ASYNC int cond_waiter(void *arg)
{
    int rc = drey_mutex_lock(&shared.mutex);
    if (rc < 0)
        return rc;
    *(int *)arg = drey_cond_wait(&shared.cond, &shared.mutex);
    shared.has_it = true;
    drey_mutex_unlock(&shared.mutex);
    return 0;
}

static DREY_ASYNC int run_relock(void *arg)
{
    int waited = 1;
    (void)arg;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, cond_waiter, &waited), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    DREY_CHECK_EQ(drey_mutex_lock(&shared.mutex), 0);
    drey_scope_cancel(&scope, 0, "while it waits");
    DREY_CHECK_EQ(protected_sleep(NULL), 0);
    DREY_CHECK(!shared.has_it);
    drey_mutex_unlock(&shared.mutex);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(waited, -ECANCELED);
    return 0;
}

/* It is refused, but holds the mutex again on return. */
DREY_TEST(r4_relock_of_a_cancelled_condition_wait, .no_runtime = true)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_OFF};
    return drey_run(&config, run_relock, NULL);
}

DREY_TEST_MAIN()
