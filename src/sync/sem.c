/* SPDX-License-Identifier: MIT */
/*
 * A semaphore: permits, and a queue of tasks that each want some number of them. The first in the queue holds back all
 * others until it can be served, so large wishes do not starve; a cancelled one lets the others on when it leaves.
 *
 * Invariant, whenever the lock is free: the queue is empty, or its first waiter wants more than there is, or it was
 * claimed by another (cancellation, another case of its select) and is on its way to leave.
 */
#include <drey/sync.h>

#include "wait/claimed.h"
#include "wait/case.h"

struct sem {                    /* all under spin, but for max, which is constant */
    struct drey__queue waiters; /* amount: permits wanted */
    uint32_t permits, max;
    drey__spin spin;
    bool closed;
} __attribute__((may_alias));

_Static_assert(sizeof(struct sem) <= sizeof(drey_sem), "drey_sem is too small");

static inline struct sem *self_of(drey_sem *sem)
{
    return (struct sem *)sem;
}

/* 0: taken. -EAGAIN: must wait. -EPIPE: closed. Under the lock. */
static inline int take(struct sem *s, uint32_t count)
{
    if (unlikely(s->closed))
        return -EPIPE;
    if (s->waiters.first != NULL || s->permits < count)
        return -EAGAIN;
    s->permits -= count;
    return 0;
}

static inline bool out_of_range(const struct sem *s, int64_t count)
{
    return count < 1 || count > s->max;
}

/* Serve the queue as far as the permits go. Under the lock. */
static void grant(struct sem *s, struct drey__queue *granted)
{
    struct drey__waiter *w;
    while ((w = s->waiters.first) != NULL && w->amount <= s->permits) {
        drey__queue_remove(&s->waiters, w);
        if (!drey__claim(w))
            continue;
        s->permits -= w->amount;
        drey__queue_push(granted, w);
    }
}

static void leave(struct sem *s, struct drey__waiter *w)
{
    struct drey__queue granted = {NULL, NULL};
    drey__spin_lock(&s->spin);
    drey__queue_remove(&s->waiters, w);
    grant(s, &granted); /* it may have held others back */
    drey__spin_unlock(&s->spin);
    drey__claimed_wake(&granted);
}

void drey_sem_init(drey_sem *sem, uint32_t permits, uint32_t max)
{
    if (max < 1 || max > DREY_SEM_MAX || permits > max)
        drey__panic("drey_sem_init: %u permits of at most %u: max must be 1 to %u, and permits 0 to max", permits, max,
                    (unsigned)DREY_SEM_MAX);
    *self_of(sem) = (struct sem){.permits = permits, .max = max};
}

int drey_sem_acquire(drey_sem *sem, uint32_t count)
{
    struct sem *s = self_of(sem);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    if (unlikely(out_of_range(s, count)))
        return -EINVAL;
    drey__spin_lock(&s->spin);
    rc = take(s, count);
    if (likely(rc != -EAGAIN)) {
        drey__spin_unlock(&s->spin);
        return rc;
    }
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    w.amount = count;
    drey__arm(self, 0);
    drey__queue_push(&s->waiters, &w);
    drey__spin_unlock(&s->spin);
    if (drey__park(self, "semaphore", sem))
        return w.result;
    leave(s, &w);
    return -ECANCELED;
}

int drey_sem_try_acquire(drey_sem *sem, uint32_t count)
{
    struct sem *s = self_of(sem);
    if (unlikely(drey__current() == NULL))
        return -EPERM;
    if (unlikely(out_of_range(s, count)))
        return -EINVAL;
    drey__spin_lock(&s->spin);
    int rc = take(s, count);
    drey__spin_unlock(&s->spin);
    return rc;
}

void drey_sem_release(drey_sem *sem, uint32_t count)
{
    struct sem *s = self_of(sem);
    if (unlikely(drey__current() == NULL))
        drey__current_or_die("drey_sem_release");
    drey__spin_lock(&s->spin);
    if (unlikely(count > s->max - s->permits))
        drey__panic("drey_sem_release: %u permits on top of %u are above the semaphore's maximum of %u", count,
                    s->permits, s->max);
    s->permits += count;
    if (likely(s->waiters.first == NULL)) {
        drey__spin_unlock(&s->spin);
        return;
    }
    struct drey__queue granted = {NULL, NULL};
    grant(s, &granted);
    drey__spin_unlock(&s->spin);
    drey__claimed_wake(&granted);
}

void drey_sem_close(drey_sem *sem)
{
    struct sem *s = self_of(sem);
    struct drey__queue failed = {NULL, NULL};
    drey__current_or_die("drey_sem_close");
    drey__spin_lock(&s->spin);
    s->closed = true;
    drey__claimed_add_all(&failed, &s->waiters, -EPIPE);
    drey__spin_unlock(&s->spin);
    drey__claimed_wake(&failed);
}

void drey_sem_deinit(drey_sem *sem)
{
    struct sem *s = self_of(sem);
    drey__spin_lock(&s->spin); /* the last release may be on its way out */
    if (s->waiters.first != NULL)
        drey__panic("drey_sem_deinit: semaphore %p is being waited for (R7)", (void *)sem);
    drey__spin_unlock(&s->spin);
}

static bool attempt(drey_case *c)
{
    struct sem *s = self_of(c->object);
    int rc = -EINVAL;
    if (!out_of_range(s, c->a)) {
        drey__spin_lock(&s->spin);
        rc = take(s, (uint32_t)c->a);
        drey__spin_unlock(&s->spin);
    }
    if (rc == -EAGAIN)
        return false;
    c->result = rc;
    return true;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct sem *s = self_of(c->object);
    if (out_of_range(s, c->a))
        return true;
    w->amount = (uint32_t)c->a;
    drey__spin_lock(&s->spin);
    bool ready = s->closed || (s->waiters.first == NULL && s->permits >= w->amount);
    if (!ready)
        drey__queue_push(&s->waiters, w);
    drey__spin_unlock(&s->spin);
    return ready;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    leave(self_of(c->object), w);
}

const struct drey__case_ops drey__case_acquire = {
    .what = "semaphore",
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
};
