/* SPDX-License-Identifier: MIT */
/*
 * The queue of tasks that have not started: first in, first out, a ring that feeds idle workers too.
 *
 * The owner pays no atomic read-modify-write. It announces itself by a plain store to `owner_in` and looks at
 * `request`.
 *
 *   An idle worker asks     request: 0 -> its number. The owner, at its next push or pop, takes the request back to 0
 *                           and mails half of its tasks. That costs the idle worker no barrier and the owner no
 *   waiting. If nobody answers       for 50 us, the owner is busy in one long task. The idle worker then takes the
 *                           half itself: request -> TAKING, a barrier on every processor of the process (membarrier),
 *                           wait until the owner is out, take, request -> 0. Dekker's algorithm with the owner's
 *                           fence moved to the rare side; where membarrier is refused the owner's store is seq_cst
 * instead.
 *
 * I1  slots, mask, head and tail are touched only by who is in: the owner with request not TAKING, or the one thief
 *     that has set TAKING and has seen owner_in 0 after its barrier. `count` is a hint for everybody else.
 * I2  A thief is in no other queue while it is in this one, its own included: no two wait for each other.
 * I3  A hole (NULL) is a task that a joiner took out of the middle.
 *
 * Rejected: a Chase-Lev deque, whose owner takes the newest (R8 wants the oldest first); stealing at once, where each
 * steal interrupts a processor for a handful of tasks (20 times slower on batches of small ones); answering requests
 * only, where a task that computes for long gives nothing away.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/spin.h"
#include "task/task.h"

enum { DREY__FRESH_TAKING = INT32_MIN };

struct drey__fresh {
    struct drey_task **slots;
    uint32_t mask, head, tail;
    _Atomic uint32_t count;  /* tasks in the ring, written by who is in */
    struct drey_task *spill; /* owner only: tasks for which the ring could not grow, newest first */
    _Atomic uint32_t owner_in;
    _Alignas(64) _Atomic int32_t request; /* 0; the number + 1 of the worker that asks; or TAKING */
};

/* Ask for membarrier once a process; decides drey__fresh_fences. */
void drey__fresh_setup(void);
extern DREY__HIDDEN bool drey__fresh_fences;

int drey__fresh_init(struct drey__fresh *q);
void drey__fresh_deinit(struct drey__fresh *q);

void drey__fresh_enter_slow(struct drey__fresh *q);
void drey__fresh_push_slow(struct drey__fresh *q, struct drey_task *t); /* the ring is full; the owner is in */
void drey__fresh_refill(struct drey__fresh *q);

/* The n-th (0 is the oldest) instead of the first, for seeded schedules. Owner only. */
struct drey_task *drey__fresh_pop_at(struct drey__fresh *q, uint32_t n);
/* Up to `max` of the oldest half, by the owner, into `loot`. At least one stays. */
uint32_t drey__fresh_share(struct drey__fresh *q, struct drey_task **loot, uint32_t max);

/* Another worker: put the request; take it back; take half without being answered. */
bool drey__fresh_ask(struct drey__fresh *victim, unsigned worker);
void drey__fresh_withdraw(struct drey__fresh *victim, unsigned worker);
uint32_t drey__fresh_steal(struct drey__fresh *victim, unsigned worker, struct drey_task **loot, uint32_t max);

static inline uint32_t drey__fresh_count(const struct drey__fresh *q)
{
    return atomic_load_explicit(&q->count, memory_order_relaxed);
}

/* Somebody asks: the owner should answer (loop.c). */
static inline bool drey__fresh_asked(const struct drey__fresh *q)
{
    return unlikely(atomic_load_explicit(&q->request, memory_order_relaxed) > 0);
}

static inline void drey__fresh_enter(struct drey__fresh *q)
{
    if (!drey__multi)
        return;
    if (unlikely(drey__fresh_fences))
        atomic_exchange_explicit(&q->owner_in, 1, memory_order_seq_cst);
    else
        atomic_store_explicit(&q->owner_in, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (unlikely(atomic_load_explicit(&q->request, memory_order_seq_cst) == DREY__FRESH_TAKING))
        drey__fresh_enter_slow(q);
}

static inline void drey__fresh_leave(struct drey__fresh *q)
{
    atomic_store_explicit(&q->owner_in, 0, memory_order_release);
}

/* For who is in. */
static inline void drey__fresh_count_add(struct drey__fresh *q, uint32_t n)
{
    atomic_store_explicit(&q->count, drey__fresh_count(q) + n, memory_order_relaxed);
}

/* Owner only. Push never fails: without memory the task goes to the spill list. */
static inline void drey__fresh_push(struct drey__fresh *q, struct drey_task *t)
{
    drey__fresh_enter(q);
    if (likely(q->tail - q->head <= q->mask)) {
        atomic_store_explicit(&t->slot, q->tail, memory_order_relaxed);
        q->slots[q->tail++ & q->mask] = t;
        drey__fresh_count_add(q, 1);
    } else {
        drey__fresh_push_slow(q, t);
    }
    drey__fresh_leave(q);
}

static inline struct drey_task *drey__fresh_pop(struct drey__fresh *q)
{
    struct drey_task *t = NULL;
    drey__fresh_enter(q);
    while (q->head != q->tail && t == NULL)
        t = q->slots[q->head++ & q->mask];
    if (t != NULL)
        drey__fresh_count_add(q, (uint32_t)-1);
    if (unlikely(q->spill != NULL))
        drey__fresh_refill(q);
    drey__fresh_leave(q);
    return t;
}

/* Drop the holes at both ends. */
static inline void drey__fresh_trim(struct drey__fresh *q)
{
    while (q->head != q->tail && q->slots[(q->tail - 1) & q->mask] == NULL)
        q->tail--;
    while (q->head != q->tail && q->slots[q->head & q->mask] == NULL)
        q->head++;
}

/* Take this very task out if it is still here. */
static inline bool drey__fresh_take(struct drey__fresh *q, struct drey_task *t)
{
    drey__fresh_enter(q);
    uint32_t i = atomic_load_explicit(&t->slot, memory_order_relaxed);
    bool here = i - q->head < q->tail - q->head && q->slots[i & q->mask] == t;
    if (likely(here)) {
        q->slots[i & q->mask] = NULL;
        drey__fresh_count_add(q, (uint32_t)-1);
        drey__fresh_trim(q);
    }
    drey__fresh_leave(q);
    return here;
}
