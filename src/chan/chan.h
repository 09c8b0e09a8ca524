/* SPDX-License-Identifier: MIT */
/*
 * A channel: a ring of messages and two queues of waiters, all under one spin lock.
 *
 * I1  A sender that can be claimed is queued only while the ring is full; a receiver only while it is empty. So who
 *     comes later never overtakes (R7), and a new message need only look at one queue and one count.
 * I2  A message moves exactly once (R5): from the sender's memory into a claimed receiver's, or into the ring, or from
 *     a claimed sender's memory; always by the side that is running, under the lock, after the claim.
 * I3  Who takes a message out of the ring moves the first waiting sender's into the slot.
 *
 * Queued waiters may have been claimed by another case of their select, or by cancellation: the claim tells.
 */
#pragma once

#include <drey/chan.h>

#include "chan/ring.h"
#include "wait/wait.h"

struct drey_chan {
    drey__spin lock;
    bool foreign;                 /* constant: threads that are no workers come too, so the lock is always taken */
    bool plain;                   /* under lock: messages of 8 bytes, for tasks only, and not closed */
    bool closed;                  /* under lock; set once */
    uint8_t pauses;               /* constant: how long to keep away from what another thread is at (linger.c) */
    struct drey__ring ring;       /* under lock */
    struct drey__queue senders;   /* under lock; data: the message to send */
    struct drey__queue receivers; /* under lock; data: where a message goes */
    _Atomic uint32_t refs;        /* anybody; acq_rel on the way down, so the last one sees all that was done */
    const char *name;
    _Alignas(8) char first[]; /* the ring's first slots */
};

/* Whether this is a test, where what may be a leak aborts: the lock rule at abort is its mark. */
static inline bool drey__strict(void)
{
    return drey__rt.config.lock_rule == DREY_LOCK_RULE_ABORT;
}

static inline void drey__chan_lock(drey_chan *c)
{
    if (drey__multi || c->foreign)
        drey__spin_lock_apart(&c->lock, c->pauses);
}

static inline void drey__chan_unlock(drey_chan *c)
{
    if (drey__multi || c->foreign)
        drey__spin_unlock_always(&c->lock);
}

/* `woken` is what put and take gave. The channel may be gone once that task runs. */
static inline void drey__chan_unlock_and_wake(drey_chan *c, struct drey_task *woken)
{
    drey__chan_unlock(c);
    if (woken != NULL)
        drey__wake(woken);
}

/* While senders wait the ring must not grow past them: it could not before (I1). */
static inline bool drey__chan_has_room(drey_chan *c)
{
    struct drey__ring *r = &c->ring;
    uint32_t count = drey__ring_count(r);
    if (count >= r->capacity)
        return false;
    return likely(count <= r->mask) || (c->senders.first == NULL && drey__ring_grow(r));
}

/* Under the lock: send if that needs no waiting. 0, -EPIPE, or -EAGAIN. *woken: to be woken after the unlock. */
static inline int drey__chan_put(drey_chan *c, const void *message, struct drey_task **woken)
{
    *woken = NULL;
    if (unlikely(c->closed))
        return -EPIPE;
    struct drey__waiter *receiver = drey__queue_claim(&c->receivers);
    if (receiver != NULL) {
        drey__message_copy(receiver->data, message, c->ring.bytes);
        receiver->result = 0;
        *woken = receiver->task;
        return 0;
    }
    if (!drey__chan_has_room(c))
        return -EAGAIN;
    drey__ring_push(&c->ring, message);
    return 0;
}

/* Under the lock: receive if that needs no waiting; as drey__chan_put. */
static inline int drey__chan_take(drey_chan *c, void *out_message, struct drey_task **woken)
{
    bool held = drey__ring_count(&c->ring) > 0;
    if (held)
        drey__ring_pop(&c->ring, out_message);
    struct drey__waiter *sender = drey__queue_claim(&c->senders);
    *woken = sender != NULL ? sender->task : NULL;
    if (sender != NULL) {
        if (held)
            drey__ring_push(&c->ring, sender->data); /* I3 */
        else
            drey__message_copy(out_message, sender->data, c->ring.bytes);
        sender->result = 0;
        return 0;
    }
    if (held) {
        if (drey__ring_count(&c->ring) == 0 && c->ring.mask != c->ring.first_mask)
            drey__ring_idle(&c->ring);
        return 0;
    }
    return c->closed ? -EPIPE : -EAGAIN;
}
