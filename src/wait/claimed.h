/* SPDX-License-Identifier: MIT */
/*
 * Waiters that were claimed under an object's lock, to be woken when it is released. The first one to run may end the
 * object's life; the others stay valid until they are woken themselves.
 */
#pragma once

#include "wait/wait.h"

/* Claim every waiter, with the same result for all. Under the object's lock. */
static inline void drey__claimed_add_all(struct drey__queue *claimed, struct drey__queue *waiters, int32_t result)
{
    struct drey__waiter *w;
    while ((w = drey__queue_claim(waiters)) != NULL) {
        w->result = result;
        drey__queue_push(claimed, w);
    }
}

/* Send dormant tasks to their workers: all that sleep on one worker by one operation (claimed.c). */
void drey__claimed_wake_dormant(struct drey__queue *dormant);

static inline void drey__claimed_wake(struct drey__queue *claimed)
{
    struct drey__queue dormant = {NULL, NULL};
    struct drey__waiter *w;
    while ((w = drey__queue_pop(claimed)) != NULL) {
        if (likely(w->task->stack != NULL))
            drey__ready_task(w->task);
        else
            drey__queue_push(&dormant, w);
    }
    if (unlikely(dormant.first != NULL))
        drey__claimed_wake_dormant(&dormant);
}
