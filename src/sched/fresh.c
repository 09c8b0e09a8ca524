/* SPDX-License-Identifier: MIT */
#include "sched/fresh.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

enum { FIRST_SLOTS = 256, PATIENCE = 2000 };

bool drey__fresh_fences;

void drey__fresh_setup(void)
{
    drey__fresh_fences = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0;
}

static void heavy_barrier(void)
{
    if (!drey__fresh_fences)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

int drey__fresh_init(struct drey__fresh *q)
{
    *q = (struct drey__fresh){.mask = FIRST_SLOTS - 1, .limit = FIRST_SLOTS};
    q->slots = drey__alloc_zero(FIRST_SLOTS * sizeof(struct drey_task *));
    return q->slots == NULL ? -ENOMEM : 0;
}

void drey__fresh_deinit(struct drey__fresh *q)
{
    drey__free(q->slots);
}

/* A thief is taking: step back until it is out. */
void drey__fresh_enter_slow(struct drey__fresh *q)
{
    do {
        atomic_store_explicit(&q->owner_in, 0, memory_order_release);
        for (unsigned i = 0; atomic_load_explicit(&q->request, memory_order_relaxed) == DREY__FRESH_TAKING; i++) {
            if (i < 64)
                drey__relax();
            else
                sched_yield();
        }
        atomic_exchange_explicit(&q->owner_in, 1, memory_order_seq_cst);
    } while (atomic_load_explicit(&q->request, memory_order_seq_cst) == DREY__FRESH_TAKING);
}

static bool grow(struct drey__fresh *q)
{
    uint32_t size = (q->mask + 1) * 2;
    struct drey_task **slots = size == 0 ? NULL : drey__alloc_zero(size * sizeof(struct drey_task *));
    if (slots == NULL)
        return false;
    struct drey_task **old = q->slots;
    uint32_t head = drey__fresh_head(q), tail = drey__fresh_tail(q), mask = q->mask;
    q->slots = slots;
    q->mask = size - 1;
    drey__fresh_set_head(q, 0);
    drey__fresh_set_tail(q, 0);
    for (uint32_t i = head; i != tail; i++)
        if (old[i & mask] != NULL)
            drey__fresh_append(q, old[i & mask], drey__fresh_may_be_joined(old[i & mask]));
    drey__free(old);
    return true;
}

void drey__fresh_push(struct drey__fresh *q, struct drey_task *t)
{
    drey__fresh_enter(q);
    if (drey__fresh_count(q) <= q->mask || grow(q)) {
        drey__fresh_append(q, t, drey__fresh_may_be_joined(t));
        q->limit = drey__fresh_head(q) + q->mask + 1;
    } else {
        t->next = q->spill;
        q->spill = t;
    }
    drey__fresh_leave(q);
}

void drey__fresh_refill(struct drey__fresh *q)
{
    while (q->spill != NULL && drey__fresh_count(q) <= q->mask) {
        struct drey_task *t = q->spill;
        q->spill = t->next;
        drey__fresh_append(q, t, drey__fresh_may_be_joined(t));
    }
    q->limit = drey__fresh_head(q) + q->mask + 1;
}

void drey__fresh_close_gap(struct drey__fresh *q)
{
    struct drey_task **slots = q->slots;
    uint32_t head = drey__fresh_head(q), tail = drey__fresh_tail(q), mask = q->mask;
    while (head != tail && slots[(tail - 1) & mask] == NULL)
        tail--;
    drey__fresh_set_tail(q, tail);
    drey__fresh_set_head(q, drey__fresh_skip_holes(q, head, tail));
}

struct drey_task *drey__fresh_pop_at(struct drey__fresh *q, uint32_t n)
{
    struct drey_task *t = NULL;
    drey__fresh_enter(q);
    for (uint32_t i = drey__fresh_head(q); i != drey__fresh_tail(q) && t == NULL; i++)
        if (q->slots[i & q->mask] != NULL && n-- == 0) {
            t = q->slots[i & q->mask];
            q->slots[i & q->mask] = NULL;
        }
    drey__fresh_close_gap(q);
    if (q->spill != NULL)
        drey__fresh_refill(q);
    drey__fresh_leave(q);
    return t;
}

/* For who is in: what is in the first `span` slots, `max` tasks at most. */
static uint32_t take_oldest(struct drey__fresh *q, uint32_t span, struct drey_task **loot, uint32_t max)
{
    uint32_t taken = 0, head = drey__fresh_head(q), tail = drey__fresh_tail(q);
    for (uint32_t end = head + span; head != end && taken < max; head++) {
        struct drey_task *t = q->slots[head & q->mask];
        q->slots[head & q->mask] = NULL;
        if (t != NULL)
            loot[taken++] = t;
    }
    drey__fresh_set_head(q, drey__fresh_skip_holes(q, head, tail));
    return taken;
}

uint32_t drey__fresh_share(struct drey__fresh *q, struct drey_task **loot, uint32_t max)
{
    drey__fresh_enter(q);
    uint32_t taken = take_oldest(q, drey__fresh_count(q) / 2, loot, max);
    drey__fresh_leave(q);
    return taken;
}

bool drey__fresh_ask(struct drey__fresh *victim, unsigned worker)
{
    int32_t nobody = 0; /* release: with the request, the place for the answer is the victim's to write (share.c) */
    return atomic_compare_exchange_strong_explicit(&victim->request, &nobody, (int32_t)worker + 1, memory_order_release,
                                                   memory_order_relaxed);
}

bool drey__fresh_withdraw(struct drey__fresh *victim, unsigned worker)
{
    int32_t mine = (int32_t)worker + 1;
    return atomic_compare_exchange_strong_explicit(&victim->request, &mine, 0, memory_order_relaxed,
                                                   memory_order_relaxed);
}

/* With TAKING set and the barrier passed: true once the owner is out. */
static bool owner_is_out(struct drey__fresh *victim)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (atomic_load_explicit(&victim->owner_in, memory_order_seq_cst) == 0)
            return true;
        drey__relax();
    }
    return false;
}

bool drey__fresh_steal(struct drey__fresh *victim, unsigned worker, struct drey_task **loot, uint32_t max,
                       uint32_t *out_taken)
{
    int32_t mine = (int32_t)worker + 1;
    *out_taken = 0;
    if (!atomic_compare_exchange_strong_explicit(&victim->request, &mine, DREY__FRESH_TAKING, memory_order_seq_cst,
                                                 memory_order_relaxed))
        return false;
    heavy_barrier();
    if (owner_is_out(victim))
        *out_taken = take_oldest(victim, (drey__fresh_count(victim) + 1) / 2, loot, max);
    atomic_store_explicit(&victim->request, 0, memory_order_release);
    return true;
}
