/* SPDX-License-Identifier: MIT */
/* Waking all waiters of a queue: claimed under the object's lock, woken after it. */
#pragma once

#include "wait/wait.h"

/* The claimed waiters in their order, linked by `next`. */
struct drey__crowd {
    struct drey__waiter *first, *last;
};

/* Under the object's lock: empty the queue, and give all who were still waiting the result. */
static inline void drey__crowd_claim(struct drey__crowd *crowd, struct drey__queue *q, int result)
{
    struct drey__waiter *w;
    while ((w = drey__queue_claim(q)) != NULL) {
        w->result = result;
        w->next = NULL;
        *(crowd->last != NULL ? &crowd->last->next : &crowd->first) = w;
        crowd->last = w;
    }
}

/* After the unlock. A waiter is gone as soon as its task is woken. */
static inline void drey__crowd_wake(const struct drey__crowd *crowd)
{
    struct drey__waiter *w = crowd->first;
    while (w != NULL) {
        struct drey__waiter *next = w->next;
        drey__wake(w->task);
        w = next;
    }
}
