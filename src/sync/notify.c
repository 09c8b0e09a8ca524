/* SPDX-License-Identifier: MIT */
/*
 * A notify: a queue, and at most one stored wake. Threads that are no workers may wake, so the spin lock is taken with
 * one worker too, and waiters are armed as foreign.
 *
 * Invariant, whenever the lock is free: a wake is stored only while nobody queues who could be claimed.
 */
#include <drey/sync.h>

#include "wait/claimed.h"
#include "wait/case.h"

struct notify { /* all under spin */
    struct drey__queue waiters;
    drey__spin spin;
    bool stored;
} __attribute__((may_alias));

_Static_assert(sizeof(struct notify) <= sizeof(drey_notify), "drey_notify is too small");

static inline struct notify *self_of(drey_notify *notify)
{
    return (struct notify *)notify;
}

static void leave(struct notify *n, struct drey__waiter *w)
{
    drey__spin_lock_always(&n->spin);
    drey__queue_remove(&n->waiters, w);
    drey__spin_unlock_always(&n->spin);
}

void drey_notify_one(drey_notify *notify)
{
    struct notify *n = self_of(notify);
    drey__spin_lock_always(&n->spin);
    struct drey__waiter *w = drey__queue_claim(&n->waiters);
    if (w == NULL)
        n->stored = true;
    drey__spin_unlock_always(&n->spin);
    if (w != NULL)
        drey__wake(w->task);
}

void drey_notify_all(drey_notify *notify)
{
    struct notify *n = self_of(notify);
    struct drey__queue claimed = {NULL, NULL};
    drey__spin_lock_always(&n->spin);
    drey__claimed_add_all(&claimed, &n->waiters, 0);
    drey__spin_unlock_always(&n->spin);
    drey__claimed_wake(&claimed);
}

int drey_notify_wait(drey_notify *notify)
{
    struct notify *n = self_of(notify);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    drey__spin_lock_always(&n->spin);
    bool stored = n->stored;
    n->stored = false;
    if (!stored) {
        drey__arm(self, DREY__FOREIGN);
        drey__queue_push(&n->waiters, &w);
    }
    drey__spin_unlock_always(&n->spin);
    if (stored || drey__park(self, "notify", notify))
        return 0;
    leave(n, &w);
    return -ECANCELED;
}

void drey_notify_deinit(drey_notify *notify)
{
    struct notify *n = self_of(notify);
    drey__spin_lock_always(&n->spin); /* the last waker may be on its way out */
    if (n->waiters.first != NULL)
        drey__panic("drey_notify_deinit: notify %p is being waited for (R7)", (void *)notify);
    drey__spin_unlock_always(&n->spin);
}

static bool attempt(drey_case *c)
{
    struct notify *n = self_of(c->object);
    drey__spin_lock_always(&n->spin);
    bool stored = n->stored;
    n->stored = false;
    drey__spin_unlock_always(&n->spin);
    if (stored)
        c->result = 0;
    return stored;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct notify *n = self_of(c->object);
    drey__spin_lock_always(&n->spin);
    bool stored = n->stored;
    if (!stored)
        drey__queue_push(&n->waiters, w);
    drey__spin_unlock_always(&n->spin);
    return stored;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    leave(self_of(c->object), w);
}

const struct drey__case_ops drey__case_notify = {
    .what = "notify",
    .arm_flags = DREY__FOREIGN,
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
};
