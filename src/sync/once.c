/* SPDX-License-Identifier: MIT */
/*
 * Once: done for good as soon as one run has succeeded.
 *
 *     idle --first comer--> running --success--> done
 *      ^----nobody waits------'  '--failure: the first waiter is made the runner; running goes on
 */
#include <drey/sync.h>

#include "wait/claimed.h"

/* What a waiter is woken with. */
enum { SUCCEEDED = 0, YOUR_TURN };

struct once {
    _Atomic bool done; /* set under spin, with release: who sees it sees what fn did */
    drey__spin spin;
    struct drey_task *runner;   /* under spin; NULL: idle or done */
    struct drey__queue waiters; /* under spin */
} __attribute__((may_alias));

_Static_assert(sizeof(struct once) <= sizeof(drey_once), "drey_once is too small");

static inline struct once *self_of(drey_once *once)
{
    return (struct once *)once;
}

static int run(struct once *o, drey_fn *fn, void *arg)
{
    int rc = fn(arg);
    struct drey__queue claimed = {NULL, NULL};
    struct drey__waiter *next;
    drey__spin_lock(&o->spin);
    o->runner = NULL;
    if (rc >= 0) {
        drey__claimed_add_all(&claimed, &o->waiters, SUCCEEDED);
        atomic_store_explicit(&o->done, true, memory_order_release);
    } else if ((next = drey__queue_claim(&o->waiters)) != NULL) {
        o->runner = next->task;
        next->result = YOUR_TURN;
        drey__queue_push(&claimed, next);
    }
    drey__spin_unlock(&o->spin);
    drey__claimed_wake(&claimed);
    return rc;
}

/* Queue and wait; the lock is held, and released. SUCCEEDED, YOUR_TURN or -ECANCELED. */
static int wait_for_runner(struct once *o, struct drey_task *self, const void *place)
{
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    drey__arm(self, 0);
    drey__queue_push(&o->waiters, &w);
    drey__spin_unlock(&o->spin);
    if (drey__park_at(self, "once", o, place))
        return w.result;
    drey__spin_lock(&o->spin);
    drey__queue_remove(&o->waiters, &w);
    drey__spin_unlock(&o->spin);
    return -ECANCELED;
}

int drey_once_do(drey_once *once, drey_fn *fn, void *arg)
{
    struct once *o = self_of(once);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (likely(atomic_load_explicit(&o->done, memory_order_acquire)))
        return 0;
    drey__spin_lock(&o->spin);
    if (o->runner == self)
        drey__panic("drey_once_do: called by the function that it runs, and would wait for itself");
    if (o->runner != NULL) {
        rc = wait_for_runner(o, self, DREY__CALLER);
    } else {
        bool done = atomic_load_explicit(&o->done, memory_order_relaxed);
        o->runner = done ? NULL : self;
        rc = done ? SUCCEEDED : YOUR_TURN;
        drey__spin_unlock(&o->spin);
    }
    return rc == YOUR_TURN ? run(o, fn, arg) : rc;
}

void drey_once_deinit(drey_once *once)
{
    struct once *o = self_of(once);
    drey__spin_lock(&o->spin); /* the last runner may be on its way out */
    if (o->runner != NULL)
        drey__panic("drey_once_deinit: the function of once %p is running", (void *)once);
    if (o->waiters.first != NULL)
        drey__panic("drey_once_deinit: once %p is being waited for (R7)", (void *)once);
    drey__spin_unlock(&o->spin);
}
