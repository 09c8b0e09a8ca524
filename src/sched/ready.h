/* SPDX-License-Identifier: MIT */
/*
 * A worker's started tasks that can go on: first in, first out. An array ring, not a linked list, so that the record of
 * the task eight places ahead can be prefetched. Touched by its worker only. Push never fails: when the ring cannot
 * grow, tasks wait in the spill list.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "task/task.h"

struct drey__ready {
    struct drey_task **slots;
    uint32_t mask, head, tail;
    struct drey_task *spill;
};

enum { DREY__PREFETCH_AHEAD = 8 };

int drey__ready_init(struct drey__ready *q);
void drey__ready_deinit(struct drey__ready *q);
void drey__ready_push_slow(struct drey__ready *q, struct drey_task *t);
void drey__ready_refill(struct drey__ready *q);
struct drey_task *drey__ready_pop_at(struct drey__ready *q, uint32_t n);

static inline uint32_t drey__ready_count(const struct drey__ready *q)
{
    return q->tail - q->head;
}

static inline void drey__ready_push(struct drey__ready *q, struct drey_task *t)
{
    if (likely(q->tail - q->head <= q->mask && q->spill == NULL))
        q->slots[q->tail++ & q->mask] = t;
    else
        drey__ready_push_slow(q, t);
}

static inline struct drey_task *drey__ready_pop(struct drey__ready *q)
{
    uint32_t n = q->tail - q->head;
    if (n == 0)
        return NULL;
    struct drey_task *t = q->slots[q->head++ & q->mask];
    if (n > 2 * DREY__PREFETCH_AHEAD) {
        __builtin_prefetch(q->slots[(q->head + DREY__PREFETCH_AHEAD) & q->mask]);
        /* The record has arrived by now for the task four ahead: fetch its innermost frames. */
        const char *sp = q->slots[(q->head + DREY__PREFETCH_AHEAD / 2) & q->mask]->sp;
        __builtin_prefetch(sp);
        __builtin_prefetch(sp + 64);
        __builtin_prefetch(sp + 128);
    }
    if (unlikely(q->spill != NULL))
        drey__ready_refill(q);
    return t;
}
