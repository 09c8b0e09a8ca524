/* SPDX-License-Identifier: MIT */
/* The one place that chooses which task runs next. First in first out, or drawn by the seed. */
#pragma once

#include "base/random.h"
#include "sched/worker.h"

struct drey_task *drey__choose_seeded(struct drey__worker *w);

/* The started task to resume next, or NULL: none is ready, or a fresh one has its turn. */
static inline struct drey_task *drey__choose_ready(struct drey__worker *w)
{
    if (unlikely(drey__rt.seeded))
        return drey__choose_seeded(w);
    if (unlikely(drey__fresh_count(&w->fresh) != 0) && !w->starved && (w->turn == 0 || --w->turn == 0))
        return NULL;
    return drey__ready_pop(&w->ready);
}

/* The fresh task to start next, or NULL. */
struct drey_task *drey__choose_fresh(struct drey__worker *w);
