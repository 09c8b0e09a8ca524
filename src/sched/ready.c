/* SPDX-License-Identifier: MIT */
#include "sched/ready.h"

#include <errno.h>

#include "base/alloc.h"

enum { FIRST_SLOTS = 256 };

int drey__ready_init(struct drey__ready *q)
{
    *q = (struct drey__ready){.mask = FIRST_SLOTS - 1};
    q->slots = drey__alloc(FIRST_SLOTS * sizeof(struct drey_task *));
    return q->slots == NULL ? -ENOMEM : 0;
}

void drey__ready_deinit(struct drey__ready *q)
{
    drey__free(q->slots);
}

static bool grow(struct drey__ready *q)
{
    uint32_t size = (q->mask + 1) * 2;
    struct drey_task **slots = size == 0 ? NULL : drey__alloc(size * sizeof(struct drey_task *));
    if (slots == NULL)
        return false;
    uint32_t n = 0;
    for (uint32_t i = q->head; i != q->tail; i++)
        slots[n++] = q->slots[i & q->mask];
    drey__free(q->slots);
    *q = (struct drey__ready){.slots = slots, .mask = size - 1, .tail = n, .spill = q->spill};
    return true;
}

void drey__ready_push_slow(struct drey__ready *q, struct drey_task *t)
{
    if (q->spill == NULL && grow(q)) {
        q->slots[q->tail++ & q->mask] = t;
        return;
    }
    struct drey_task **end = &q->spill; /* memory is out: rare enough for a walk that keeps the order */
    while (*end != NULL)
        end = &(*end)->next;
    t->next = NULL;
    *end = t;
}

void drey__ready_refill(struct drey__ready *q)
{
    while (q->spill != NULL && q->tail - q->head <= q->mask) {
        struct drey_task *t = q->spill;
        q->spill = t->next;
        q->slots[q->tail++ & q->mask] = t;
    }
}

struct drey_task *drey__ready_pop_at(struct drey__ready *q, uint32_t n)
{
    uint32_t at = q->head + n;
    struct drey_task *t = q->slots[at & q->mask];
    for (; at + 1 != q->tail; at++)
        q->slots[at & q->mask] = q->slots[(at + 1) & q->mask];
    q->tail--;
    drey__ready_refill(q);
    return t;
}
