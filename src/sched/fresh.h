/* SPDX-License-Identifier: MIT */
/*
 * The queue of tasks that have not started: first in, first out, a ring that feeds idle workers too.
 *
 * The owner pays no atomic read-modify-write. It announces itself by a plain store to `owner_in` and looks at
 * `request`.
 *
 *   An idle worker asks     request: 0 -> its number. The owner, at its next push or pop, takes the request back to 0
 *                           and hands out half of its tasks. That costs the idle worker no barrier and the owner no
 *                           waiting.
 *   If nobody answers       for 50 us, the owner is busy in one long task. The idle worker then takes the half itself:
 *                           request -> TAKING, a barrier on every processor of the process (membarrier), wait until the
 *                           owner is out, take, request -> 0. Dekker's algorithm with the owner's fence moved to the
 *                           rare side; where membarrier is refused the owner's store is seq_cst instead.
 *
 * I1  slots, mask, head and tail are written only by who is in: the owner with request not TAKING, or the one thief
 *     that has set TAKING and has seen owner_in 0 after its barrier. Everybody may read head and tail, for a hint.
 * I2  A thief is in no other queue while it is in this one, its own included: no two wait for each other.
 * I3  A hole (NULL) is a task that a joiner took out of the middle. There is none at either end, so the ring is empty
 *     exactly if head == tail. All slots outside of head to tail are NULL, so a slot that names a task holds it.
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
    uint32_t mask;
    uint32_t limit;              /* owner only: up to here `tail` may go without a look at `head` */
    _Atomic uint32_t head, tail; /* relaxed: who is in is ordered by owner_in and request */
    struct drey_task *spill;     /* owner only: tasks for which the ring could not grow, newest first */
    _Atomic uint32_t owner_in;
    _Alignas(64) _Atomic int32_t request; /* 0; the number + 1 of the worker that asks; or TAKING */
};

/* Ask for membarrier once a process; decides drey__fresh_fences. */
void drey__fresh_setup(void);
extern DREY__HIDDEN bool drey__fresh_fences;

int drey__fresh_init(struct drey__fresh *q);
void drey__fresh_deinit(struct drey__fresh *q);

__attribute__((noinline, cold)) void drey__fresh_enter_slow(struct drey__fresh *q);
void drey__fresh_refill(struct drey__fresh *q);

/* The n-th (0 is the oldest) instead of the first, for seeded schedules. Owner only. */
struct drey_task *drey__fresh_pop_at(struct drey__fresh *q, uint32_t n);
/* Up to `max` of the oldest half, by the owner, into `loot`. At least one stays. */
uint32_t drey__fresh_share(struct drey__fresh *q, struct drey_task **loot, uint32_t max);

/* Another worker: put the request; take it back; take half without being answered. The last two return false if it has
 * been answered meanwhile. */
bool drey__fresh_ask(struct drey__fresh *victim, unsigned worker);
bool drey__fresh_withdraw(struct drey__fresh *victim, unsigned worker);
bool drey__fresh_steal(struct drey__fresh *victim, unsigned worker, struct drey_task **loot, uint32_t max,
                       uint32_t *out_taken);

static inline uint32_t drey__fresh_head(const struct drey__fresh *q)
{
    return atomic_load_explicit(&q->head, memory_order_relaxed);
}

static inline uint32_t drey__fresh_tail(const struct drey__fresh *q)
{
    return atomic_load_explicit(&q->tail, memory_order_relaxed);
}

/* The tasks in the ring and the holes between them; for who is not in, a hint. */
static inline uint32_t drey__fresh_count(const struct drey__fresh *q)
{
    return drey__fresh_tail(q) - drey__fresh_head(q);
}

/* Somebody asks: the owner should answer (loop.c). */
static inline bool drey__fresh_asked(const struct drey__fresh *q)
{
    return unlikely(atomic_load_explicit(&q->request, memory_order_relaxed) > 0);
}

/* With more than one worker: the owner goes in, and sees what is requested. If that is TAKING it must leave again. */
static inline int32_t drey__fresh_announce(struct drey__fresh *q)
{
    if (unlikely(drey__fresh_fences))
        atomic_exchange_explicit(&q->owner_in, 1, memory_order_seq_cst);
    else
        atomic_store_explicit(&q->owner_in, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return atomic_load_explicit(&q->request, memory_order_seq_cst);
}

static inline void drey__fresh_enter(struct drey__fresh *q)
{
    if (drey__multi && unlikely(drey__fresh_announce(q) == DREY__FRESH_TAKING))
        drey__fresh_enter_slow(q);
}

static inline void drey__fresh_leave(struct drey__fresh *q)
{
    if (drey__multi)
        atomic_store_explicit(&q->owner_in, 0, memory_order_release);
}

static inline void drey__fresh_set_head(struct drey__fresh *q, uint32_t head)
{
    atomic_store_explicit(&q->head, head, memory_order_relaxed);
}

static inline void drey__fresh_set_tail(struct drey__fresh *q, uint32_t tail)
{
    atomic_store_explicit(&q->tail, tail, memory_order_relaxed);
}

/* Only a task with a handle is ever looked for by its place. */
static inline bool drey__fresh_may_be_joined(const struct drey_task *t)
{
    return (t->flags & DREY__HANDLE) != 0;
}

/* For who is in, with room. */
static inline void drey__fresh_append(struct drey__fresh *q, struct drey_task *t, bool handle)
{
    uint32_t tail = drey__fresh_tail(q);
    if (handle)
        atomic_store_explicit(&t->slot, tail, memory_order_relaxed);
    q->slots[tail & q->mask] = t;
    drey__fresh_set_tail(q, tail + 1);
}

/* Owner only. False: the ring may be full, or somebody is taking or asks. */
static inline __attribute__((always_inline)) bool drey__fresh_try_push(struct drey__fresh *q, struct drey_task *t,
                                                                       bool handle)
{
    if (!drey__multi) {
        if (unlikely(drey__fresh_tail(q) == q->limit))
            return false;
        drey__fresh_append(q, t, handle);
        return true;
    }
    bool in = drey__fresh_announce(q) == 0 && likely(drey__fresh_tail(q) != q->limit);
    if (likely(in))
        drey__fresh_append(q, t, handle);
    drey__fresh_leave(q);
    return in;
}

/* Owner only. Never fails: without memory the task goes to the spill list. */
void drey__fresh_push(struct drey__fresh *q, struct drey_task *t);

/* I3, at the head. */
static inline uint32_t drey__fresh_skip_holes(const struct drey__fresh *q, uint32_t head, uint32_t tail)
{
    while (head != tail && q->slots[head & q->mask] == NULL)
        head++;
    return head;
}

static inline struct drey_task *drey__fresh_pop(struct drey__fresh *q)
{
    struct drey_task *t = NULL;
    drey__fresh_enter(q);
    uint32_t head = drey__fresh_head(q), tail = drey__fresh_tail(q);
    if (likely(head != tail)) {
        t = q->slots[head & q->mask];
        q->slots[head & q->mask] = NULL;
        __builtin_prefetch(q->slots[(head + 6) & q->mask], 1); /* a batch that was spawned a while ago */
        drey__fresh_set_head(q, drey__fresh_skip_holes(q, head + 1, tail));
    }
    if (unlikely(q->spill != NULL))
        drey__fresh_refill(q);
    drey__fresh_leave(q);
    return t;
}

void drey__fresh_close_gap(struct drey__fresh *q); /* I3, after a task was taken from one of the ends */

/* Take this very task, which has a handle, out if it is still here. */
static inline __attribute__((always_inline)) bool drey__fresh_take(struct drey__fresh *q, struct drey_task *t)
{
    drey__fresh_enter(q);
    uint32_t i = atomic_load_explicit(&t->slot, memory_order_relaxed);
    struct drey_task **slot = &q->slots[i & q->mask];
    bool here = *slot == t;
    if (likely(here)) {
        uint32_t head = drey__fresh_head(q);
        *slot = NULL;
        if (i + 1 == drey__fresh_tail(q)) {
            drey__fresh_set_tail(q, i);
            if (i != head)
                drey__fresh_close_gap(q);
        } else if (i == head) {
            drey__fresh_close_gap(q);
        }
    }
    drey__fresh_leave(q);
    return here;
}
