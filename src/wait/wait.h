/* SPDX-License-Identifier: MIT */
/*
 * The waiter protocol: everything that a task can wait for is a client of this page.
 *
 * A blocking call has one silhouette:
 *
 *     drey__enter           outside a task? cancelled? budget spent? a lock held?     -> an error, or go on
 *     lock the object; if it can be had now: take it, unlock, return
 *     drey__arm             from here on the task can be claimed
 *     push the waiter onto the object's queue; unlock the object
 *     drey__park            -> claimed by a waker (the result is in the waiter), or by cancellation
 *     if by cancellation: lock the object, remove the waiter if it is still queued, unlock; return -ECANCELED
 *
 * and a waker, holding the object's lock:
 *
 *     pop a waiter; drey__claim it     -> false: it was claimed by another; go on with the next waiter
 *     write what it waited for through it, and waiter->result
 *     drey__wake it                    (may be after the unlock: the waiter is not touched any more)
 *
 * I1  A claim changes ARMED to CLAIMED exactly once a wait; only the winner wakes. So exactly one case of a select
 *     takes effect, and a message is never given to somebody who was cancelled.
 * I2  A waiter's memory is the waiting task's frame (or a dormant task's block). A waker may touch it from popping it
 *     under the object's lock until drey__wake; a waker that loses the claim may touch it only under that lock.
 *     The waiter's owner takes the object's lock before its frame ends, unless it saw itself claimed by that object.
 * I3  A task is woken by its own worker (pinned, R8), so it cannot run before it has switched away: there is no race
 *     between parking and waking.
 * I4  claim is changed by a plain store while there is one worker and no foreign thread may claim; by CAS otherwise.
 *     acq_rel: the winner's later writes to the frame are published by the push that readies the task.
 *
 * Rejected: a wake flag a task (spurious returns), condition-variable style re-checking (lost fairness), select by
 * claiming oneself and a peer in turn (needs un-claiming; see select/select.c for what is done instead).
 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/spin.h"
#include "sched/leaf.h"
#include "sched/worker.h"
#include "task/task.h"

struct drey__waiter {
    struct drey__waiter *next, *prev; /* under the object's lock */
    struct drey_task *task;
    void *data;      /* where a message comes from or goes to; whatever the object needs */
    uint32_t index;  /* which case of a select */
    uint32_t amount; /* permits wanted, access wanted */
    int32_t result;  /* written by the winning waker */
    bool queued;     /* under the object's lock */
};

/* First come, first served. All zero is an empty queue, so objects can be initialised statically. */
struct drey__queue {
    struct drey__waiter *first, *last;
};

static inline void drey__queue_push(struct drey__queue *q, struct drey__waiter *w)
{
    w->next = NULL;
    w->prev = q->last;
    if (q->last != NULL)
        q->last->next = w;
    else
        q->first = w;
    q->last = w;
    w->queued = true;
}

static inline void drey__queue_remove(struct drey__queue *q, struct drey__waiter *w)
{
    if (!w->queued)
        return;
    *(w->prev != NULL ? &w->prev->next : &q->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &q->last) = w->prev;
    w->queued = false;
}

/* The first one, w, leaves the queue. */
static inline void drey__queue_shift(struct drey__queue *q, struct drey__waiter *w)
{
    struct drey__waiter *next = w->next;
    q->first = next;
    if (next != NULL)
        next->prev = NULL;
    else
        q->last = NULL;
    w->queued = false;
}

static inline struct drey__waiter *drey__queue_pop(struct drey__queue *q)
{
    struct drey__waiter *w = q->first;
    if (w != NULL)
        drey__queue_shift(q, w);
    return w;
}

/* The task's claimed case index when cancellation claimed it. */
#define DREY__BY_CANCEL UINT32_MAX

enum drey__entry {
    DREY__CUT_POINT,   /* refuses in a cancelled scope */
    DREY__UNCUT_POINT, /* scope close, I/O that must finish */
    DREY__LOCK_POINT,  /* uncut, and exempt from the lock rule */
};

int drey__enter_slow(struct drey_task *self, enum drey__entry entry, const void *place);

/* Whether a task is neither cancelled nor holds a lock: most are. It may pass, if it has budget left. */
static inline __attribute__((always_inline)) bool drey__is_clear(const struct drey_task *self)
{
    uint64_t epoch = atomic_load_explicit(&drey__epoch.now, memory_order_relaxed);
    return likely(self->clear_at == epoch && !drey__task_holds(self));
}

/* Start of every DREY_ASYNC function: 0, -EPERM, or -ECANCELED (CUT_POINT only). *out_self is set on 0. */
static inline __attribute__((always_inline)) int drey__enter_at(struct drey_task **out_self, enum drey__entry entry,
                                                                const void *place)
{
    struct drey__worker *w = drey__self;
    struct drey_task *self = likely(w != NULL) ? w->current : NULL;
    if (unlikely(self == NULL)) {
        if (w == NULL || (self = drey__leaf_settle(w)) == NULL)
            return -EPERM;
    }
    *out_self = self;
    uint64_t epoch = atomic_load_explicit(&drey__epoch.now, memory_order_relaxed);
    if (likely(--w->budget > 0 && self->clear_at == epoch && self->held == 0))
        return 0;
    return drey__enter_slow(self, entry, place);
}

/* The same where nothing stands against it: the current task, or NULL, and then drey__enter_at tells. It calls nothing,
 * so a function that leaves all else to others needs no frame for it. */
static inline __attribute__((always_inline)) struct drey_task *drey__enter_plainly(void)
{
    struct drey__worker *w = drey__self;
    struct drey_task *self = likely(w != NULL) ? w->current : NULL;
    if (unlikely(self == NULL || --w->budget <= 0 ||
                 self->clear_at != atomic_load_explicit(&drey__epoch.now, memory_order_relaxed) || self->held != 0))
        return NULL;
    return self;
}

/* For use directly in a public function: the place is that function's caller. */
#define drey__enter(out_self, entry) drey__enter_at((out_self), (entry), __builtin_return_address(0))

/* The current task, or NULL outside one. */
static inline struct drey_task *drey__current(void)
{
    struct drey__worker *w = drey__self;
    if (unlikely(w == NULL))
        return NULL;
    return likely(w->current != NULL) ? w->current : drey__leaf_settle(w);
}

/* The current task; stops the process with a sentence that names `function` if there is none (R12). */
struct drey_task *drey__current_or_die(const char *function);

static inline void drey__waiter_init(struct drey__waiter *w, struct drey_task *self, void *data, uint32_t index)
{
    w->task = self;
    w->data = data;
    w->index = index;
    w->result = 0;
    w->queued = false;
}

/* From here on the task can be claimed. flags: DREY__UNCUT, DREY__FOREIGN. Release is not needed: the object's lock
 * publishes it together with the waiter. */
static inline void drey__arm(struct drey_task *self, uint32_t flags)
{
    atomic_store_explicit(&self->claim, DREY__ARMED | flags, memory_order_relaxed);
}

/* Try to become the one who wakes `t`, for case `index`. */
static inline bool drey__claim_task(struct drey_task *t, uint32_t index)
{
    uint32_t seen = atomic_load_explicit(&t->claim, memory_order_relaxed);
    if ((seen & DREY__ARMED) == 0)
        return false;
    if (drey__multi || (seen & DREY__FOREIGN) != 0) {
        if (!atomic_compare_exchange_strong_explicit(&t->claim, &seen, DREY__CLAIMED, memory_order_acq_rel,
                                                     memory_order_relaxed))
            return false;
    } else {
        atomic_store_explicit(&t->claim, DREY__CLAIMED, memory_order_relaxed);
    }
    atomic_store_explicit(&t->slot, index, memory_order_relaxed);
    return true;
}

static inline bool drey__claim(struct drey__waiter *w)
{
    return drey__claim_task(w->task, w->index);
}

/* Take back an arming that nobody has claimed: false if somebody has. */
static inline bool drey__disarm(struct drey_task *self)
{
    return drey__claim_task(self, DREY__BY_CANCEL);
}

/* Make a claimed task run again: a parked one goes on, a dormant one (it has no stack) is started. Any thread. Once a
 * waker has claimed a task, the task must park, exactly once: this wake will come. */
static inline void drey__wake(struct drey_task *t)
{
    if (unlikely(t->stack == NULL))
        drey__mail_fresh(t);
    else
        drey__ready_task(t);
}

/* Claim and wake for one worker without a function call. False: nothing was done, drey__claim or drey__wake has to. */
static inline bool drey__claim_plainly(struct drey_task *t, uint32_t index)
{
    uint32_t seen = atomic_load_explicit(&t->claim, memory_order_relaxed);
    if (unlikely((seen & (DREY__ARMED | DREY__FOREIGN)) != DREY__ARMED))
        return false;
    atomic_store_explicit(&t->claim, DREY__CLAIMED, memory_order_relaxed);
    atomic_store_explicit(&t->slot, index, memory_order_relaxed);
    return true;
}

static inline bool drey__wake_plainly(struct drey_task *t)
{
    struct drey__ready *q = &t->worker->ready;
    if (unlikely(t->stack == NULL || q->tail - q->head > q->mask || q->spill != NULL))
        return false;
    t->state = DREY__READY;
    q->slots[q->tail++ & q->mask] = t;
    return true;
}

/* Pop waiters until one can be claimed: that one, or NULL. Under the object's lock. */
static inline struct drey__waiter *drey__queue_claim(struct drey__queue *q)
{
    struct drey__waiter *w;
    while ((w = drey__queue_pop(q)) != NULL && !drey__claim(w)) {
    }
    return w;
}

/* Leave the worker to others until claimed; `what` and `object` are for the dump. True: a waker claimed the task
 * (which case is in self->slot). False: cancellation did. */
bool drey__park_at(struct drey_task *self, const char *what, const void *object, const void *place);
#define drey__park(self, what, object) drey__park_at((self), (what), (object), __builtin_return_address(0))

/* Held locks (R10), kept at the base of the stack: written by the task itself only. Another thread may read them while
 * the task is registered as a parked holder (sync/deadlock.c).
 *
 * Nearly always the list goes from none to one and back. Those two write constants: counting up and down would make
 * each lock and unlock wait for the one before it, through the store buffer. sync/held.c has the rest. */
void drey__held_push_more(struct drey_task *self, const void *lock, const void *place);
bool drey__held_drop_inner(struct drey_task *self, const void *lock);

/* By a task that holds none. */
static inline void drey__held_push_first(struct drey_task *self, const void *lock, const void *place)
{
    self->stack->held[0] = (struct drey__held){.lock = lock, .place = place};
    self->held = 1;
}

static inline void drey__held_push(struct drey_task *self, const void *lock, const void *place)
{
    if (unlikely(self->held != 0))
        drey__held_push_more(self, lock, place);
    else
        drey__held_push_first(self, lock, place);
}

/* Whether it is the only lock that the task holds. */
static inline bool drey__held_only(const struct drey_task *self, const void *lock)
{
    return likely(self->held == 1 && self->stack->held[0].lock == lock);
}

/* False if the task does not hold it. */
static inline bool drey__held_drop(struct drey_task *self, const void *lock)
{
    if (unlikely(!drey__held_only(self, lock)))
        return drey__held_drop_inner(self, lock);
    self->held = 0;
    return true;
}

/* The same for a lock that the task is known to hold: if it is in a list of one, it is that one. */
static inline void drey__held_drop_owned(struct drey_task *self, const void *lock)
{
    if (likely(self->held == 1))
        self->held = 0;
    else
        drey__held_drop_inner(self, lock);
}

/* How the task holds it, or NULL. */
static inline const struct drey__held *drey__held_find(const struct drey_task *self, const void *lock)
{
    for (unsigned i = 0; i < self->held; i++)
        if (self->stack->held[i].lock == lock)
            return &self->stack->held[i];
    return NULL;
}

/* scope/mark.c: is the task cancelled now? Records that it is not. */
bool drey__scope_marked(struct drey_task *t);
/* scope/open.c: stop with a sentence if the innermost scope lies in a frame that has returned (R1). */
void drey__scope_check_left(struct drey_task *self);
/* scope/visit.c: link a task that can be found by cancellation from now on. */
void drey__scope_link(struct drey_task *t);

/* The two halves of drey__park_at, for where a call less counts. */
static inline __attribute__((always_inline)) void drey__park_leave(struct drey__worker *w, struct drey_task *self,
                                                                   const char *what, const void *object,
                                                                   const void *place)
{
    struct drey__stack *s = self->stack;
    s->wait_what = what;
    s->wait_object = object;
    s->wait_place = place;
    if (unlikely((self->flags & DREY__LINKED) == 0))
        drey__scope_link(self);
    if (self->scope != self->parent)
        drey__scope_check_left(self);
    /* A foreign waker may have claimed and readied the task already: its state is then for the mail to set. */
    self->state = DREY__PARKED;
    drey__switch_away(w, self);
}

static inline __attribute__((always_inline)) bool drey__park_return(struct drey_task *self)
{
    self->stack->wait_what = NULL;
    atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
    return atomic_load_explicit(&self->slot, memory_order_relaxed) != DREY__BY_CANCEL;
}

static inline __attribute__((always_inline)) bool drey__park_here(struct drey_task *self, const char *what,
                                                                  const void *object, const void *place)
{
    drey__park_leave(drey__self, self, what, object, place);
    return drey__park_return(self);
}
