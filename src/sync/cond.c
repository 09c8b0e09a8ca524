/* SPDX-License-Identifier: MIT */
/*
 * A condition is a queue. A task queues itself while it still holds the mutex, so a change made under the mutex, and
 * the wake that follows it, cannot fall between its test and its wait.
 */
#include "wait/claimed.h"
#include "sync/mutex.h"
#include "wait/report.h"

struct cond {
    struct drey__queue waiters; /* under spin */
    drey__spin spin;
} __attribute__((may_alias));

_Static_assert(sizeof(struct cond) <= sizeof(drey_cond), "drey_cond is too small");

static inline struct cond *self_of(drey_cond *cond)
{
    return (struct cond *)cond;
}

/* The mutex is let go by the wait and so is not held across it; whatever else is held is. */
static void check_other_locks(drey_mutex *mutex, struct drey_task *self, const void *place)
{
    if (self->held < 2)
        return;
    const void *taken = drey__held_find(self, mutex)->place;
    drey__held_drop(self, mutex);
    drey__report_lock_rule(self, place);
    drey__held_push(self, mutex, taken);
}

int drey_cond_wait(drey_cond *cond, drey_mutex *mutex)
{
    struct cond *c = self_of(cond);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__LOCK_POINT); /* the mutex is no breach of the rule; cancellation follows below */
    if (rc < 0)
        return rc;
    if (!drey__mutex_owned(mutex, self))
        drey__panic("drey_cond_wait: the caller does not hold mutex %p (R10)", (void *)mutex);
    check_other_locks(mutex, self, DREY__CALLER);
    if (drey__scope_marked(self))
        return -ECANCELED;
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    drey__spin_lock(&c->spin);
    drey__arm(self, 0);
    drey__queue_push(&c->waiters, &w);
    drey__spin_unlock(&c->spin);
    drey__mutex_release(mutex, self);
    bool woken = drey__park(self, "condition", cond);
    if (!woken) {
        drey__spin_lock(&c->spin);
        drey__queue_remove(&c->waiters, &w);
        drey__spin_unlock(&c->spin);
    }
    if (drey__mutex_acquire(mutex, self, DREY__CALLER) < 0)
        drey__panic("drey_cond_wait: taking mutex %p again is a deadlock with the other locks held (R10)",
                    (void *)mutex);
    return woken ? 0 : -ECANCELED;
}

void drey_cond_one(drey_cond *cond)
{
    struct cond *c = self_of(cond);
    drey__current_or_die("drey_cond_one");
    drey__spin_lock(&c->spin);
    struct drey__waiter *w = drey__queue_claim(&c->waiters);
    drey__spin_unlock(&c->spin);
    if (w != NULL)
        drey__wake(w->task);
}

void drey_cond_all(drey_cond *cond)
{
    struct cond *c = self_of(cond);
    struct drey__queue claimed = {NULL, NULL};
    drey__current_or_die("drey_cond_all");
    drey__spin_lock(&c->spin);
    drey__claimed_add_all(&claimed, &c->waiters, 0);
    drey__spin_unlock(&c->spin);
    drey__claimed_wake(&claimed);
}

void drey_cond_deinit(drey_cond *cond)
{
    struct cond *c = self_of(cond);
    drey__spin_lock(&c->spin);
    if (c->waiters.first != NULL)
        drey__panic("drey_cond_deinit: condition %p is being waited for (R7)", (void *)cond);
    drey__spin_unlock(&c->spin);
}
