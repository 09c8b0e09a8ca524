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
    *q = (struct drey__fresh){.mask = FIRST_SLOTS - 1};
    q->slots = drey__alloc(FIRST_SLOTS * sizeof(struct drey_task *));
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
    struct drey_task **slots = size == 0 ? NULL : drey__alloc(size * sizeof(struct drey_task *));
    if (slots == NULL)
        return false;
    uint32_t n = 0;
    for (uint32_t i = q->head; i != q->tail; i++) {
        struct drey_task *t = q->slots[i & q->mask];
        if (t != NULL) {
            atomic_store_explicit(&t->slot, n, memory_order_relaxed);
            slots[n++] = t;
        }
    }
    drey__free(q->slots);
    q->slots = slots;
    q->mask = size - 1;
    q->head = 0;
    q->tail = n;
    return true;
}

static void put(struct drey__fresh *q, struct drey_task *t)
{
    atomic_store_explicit(&t->slot, q->tail, memory_order_relaxed);
    q->slots[q->tail++ & q->mask] = t;
    drey__fresh_count_add(q, 1);
}

void drey__fresh_push_slow(struct drey__fresh *q, struct drey_task *t)
{
    if (grow(q)) {
        put(q, t);
    } else {
        t->next = q->spill;
        q->spill = t;
    }
}

void drey__fresh_refill(struct drey__fresh *q)
{
    while (q->spill != NULL && q->tail - q->head <= q->mask) {
        struct drey_task *t = q->spill;
        q->spill = t->next;
        put(q, t);
    }
}

struct drey_task *drey__fresh_pop_at(struct drey__fresh *q, uint32_t n)
{
    struct drey_task *t = NULL;
    drey__fresh_enter(q);
    for (uint32_t i = q->head; i != q->tail && t == NULL; i++)
        if (q->slots[i & q->mask] != NULL && n-- == 0) {
            t = q->slots[i & q->mask];
            q->slots[i & q->mask] = NULL;
            drey__fresh_count_add(q, (uint32_t)-1);
        }
    drey__fresh_trim(q);
    if (q->spill != NULL)
        drey__fresh_refill(q);
    drey__fresh_leave(q);
    return t;
}

/* For who is in: up to `want` of the oldest. */
static uint32_t take_oldest(struct drey__fresh *q, uint32_t want, struct drey_task **loot)
{
    uint32_t taken = 0;
    while (taken < want && q->head != q->tail) {
        struct drey_task *t = q->slots[q->head++ & q->mask];
        if (t != NULL)
            loot[taken++] = t;
    }
    drey__fresh_count_add(q, (uint32_t)-taken);
    return taken;
}

uint32_t drey__fresh_share(struct drey__fresh *q, struct drey_task **loot, uint32_t max)
{
    drey__fresh_enter(q);
    uint32_t half = drey__fresh_count(q) / 2;
    uint32_t taken = take_oldest(q, half < max ? half : max, loot);
    drey__fresh_leave(q);
    return taken;
}

bool drey__fresh_ask(struct drey__fresh *victim, unsigned worker)
{
    int32_t nobody = 0;
    return atomic_compare_exchange_strong_explicit(&victim->request, &nobody, (int32_t)worker + 1, memory_order_relaxed,
                                                   memory_order_relaxed);
}

void drey__fresh_withdraw(struct drey__fresh *victim, unsigned worker)
{
    int32_t mine = (int32_t)worker + 1;
    atomic_compare_exchange_strong_explicit(&victim->request, &mine, 0, memory_order_relaxed, memory_order_relaxed);
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

uint32_t drey__fresh_steal(struct drey__fresh *victim, unsigned worker, struct drey_task **loot, uint32_t max)
{
    int32_t mine = (int32_t)worker + 1;
    uint32_t taken = 0;
    if (!atomic_compare_exchange_strong_explicit(&victim->request, &mine, DREY__FRESH_TAKING, memory_order_seq_cst,
                                                 memory_order_relaxed))
        return 0; /* answered meanwhile */
    heavy_barrier();
    if (owner_is_out(victim)) {
        uint32_t half = (drey__fresh_count(victim) + 1) / 2;
        taken = take_oldest(victim, half < max ? half : max, loot);
    }
    atomic_store_explicit(&victim->request, 0, memory_order_release);
    return taken;
}
