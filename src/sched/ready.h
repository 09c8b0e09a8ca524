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

enum {
    DREY__PREFETCH_AHEAD = 8,  /* tasks */
    DREY__PREFETCH_FRAMES = 6, /* lines of a stack */
};

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

/* To the front: of a task whose turn goes on. */
static inline void drey__ready_push_front(struct drey__ready *q, struct drey_task *t)
{
    if (likely(q->tail - q->head <= q->mask && q->spill == NULL))
        q->slots[--q->head & q->mask] = t;
    else
        drey__ready_push_slow(q, t);
}

/*
 * Of `n` tasks the first is leaving, and more than a few are behind it: fetch what a task touches when it goes on. That
 * is its record, both lines where it was woken; its innermost frames; and the descriptor of its stack.
 *
 * Inlined by force: a function that does nothing but this is one without effect to gcc, which leaves out calls of it.
 */
static inline __attribute__((always_inline)) void drey__ready_prefetch(const struct drey__ready *q, uint32_t head,
                                                                       uint32_t n)
{
    if (n <= 2 * DREY__PREFETCH_AHEAD)
        return;
    const struct drey_task *far = q->slots[(head + 1 + DREY__PREFETCH_AHEAD) & q->mask];
    __builtin_prefetch(far, 1);
    __builtin_prefetch(&far->claim, 1);
    /* The record has arrived by now for the task half as far ahead. */
    const struct drey_task *near = q->slots[(head + 1 + DREY__PREFETCH_AHEAD / 2) & q->mask];
    const char *sp = near->sp, *stack = (const char *)near->stack;
    for (unsigned i = 0; i < DREY__PREFETCH_FRAMES; i++)
        __builtin_prefetch(sp + i * 64, 1);
    __builtin_prefetch(stack, 1);
    __builtin_prefetch(stack + 64, 1);
}

/* Whether there are tasks, all of them in the ring. */
static inline bool drey__ready_simple(const struct drey__ready *q)
{
    return q->tail != q->head && q->spill == NULL;
}

/* Then: the first one out. */
static inline struct drey_task *drey__ready_first(struct drey__ready *q)
{
    uint32_t head = q->head;
    struct drey_task *first = q->slots[head & q->mask];
    drey__ready_prefetch(q, head, q->tail - head);
    q->head = head + 1;
    return first;
}

/* Or: the first one out, t to the end. */
static inline struct drey_task *drey__ready_turn(struct drey__ready *q, struct drey_task *t)
{
    uint32_t head = q->head, tail = q->tail;
    struct drey_task *first = q->slots[head & q->mask];
    drey__ready_prefetch(q, head, tail - head);
    q->slots[tail & q->mask] = t; /* in a full ring this is the place that was left */
    q->head = head + 1;
    __atomic_store_n(&q->tail, tail + 1, __ATOMIC_RELAXED); /* not joined with head into one vector: that is slower */
    return first;
}

static inline struct drey_task *drey__ready_pop(struct drey__ready *q)
{
    if (q->tail == q->head)
        return NULL;
    struct drey_task *t = drey__ready_first(q);
    if (unlikely(q->spill != NULL))
        drey__ready_refill(q);
    return t;
}
