/* SPDX-License-Identifier: MIT */
#include "io/io.h"
#include "observe/observe.h"
#include "offload/offload.h"
#include "sched/look.h"
#include "stack/announce.h"
#include "wait/report.h"

/* Workers count with plain additions; a sum over them may be a moment out of date, and no sanitizer need say so. */
static DREY__UNTRACED __attribute__((noinline)) uint64_t peek(const volatile uint64_t *counter)
{
    return *counter;
}

static DREY__UNTRACED __attribute__((noinline)) uint32_t peek_ready(const volatile struct drey__ready *q)
{
    return q->tail - q->head;
}

static DREY__UNTRACED __attribute__((noinline)) uint64_t peek_pool(const volatile struct drey__stack_pool *pool)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < DREY__STACK_CLASSES; i++)
        sum += pool->count[i];
    return sum;
}

static DREY__UNTRACED __attribute__((noinline)) bool peek_runs(const volatile struct drey__worker *w)
{
    return w->leaf != NULL || w->current != NULL;
}

static DREY__UNTRACED __attribute__((noinline)) uint32_t peek_deep(const volatile struct drey__worker *w)
{
    return w->deep_stacks;
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0; /* they were not read at one moment */
}

/* What one worker adds. Returns how many stacks it holds itself: deep ones, and its loop's while it runs no task. */
static uint64_t add_worker(const struct drey__worker *w, drey_counters *out)
{
    bool runs = peek_runs(w);
    out->spawned += peek(&w->spawned);
    out->completed += peek(&w->completed);
    out->switches += atomic_load_explicit(&w->switches, memory_order_relaxed);
    out->steals += peek(&w->steals);
    out->timers += peek(&w->timers.pending);
    out->tasks_unstarted += drey__fresh_count(&w->fresh);
    out->tasks_started += peek_ready(&w->ready) + runs;
    out->stacks_free += peek_pool(&w->stacks);
    return !runs + peek_deep(w);
}

void drey__counters_take(drey_counters *out)
{
    uint64_t cold, loops = 0;
    *out = (drey_counters){.workers = drey__rt.count, .io_backend = drey__io_name()};
    for (unsigned i = 0; i < drey__rt.count; i++)
        loops += add_worker(drey__rt.workers[i], out);
    drey__stack_counts(&out->stacks_mapped, &cold);
    out->stacks_free += cold;
    out->spawned++; /* the root task, which nobody spawned */
    out->tasks_live = above(out->spawned, out->completed);
    /* Who is on a stack, and neither runs nor is ready, waits there; who is none of these waits without one. */
    out->tasks_parked = above(out->stacks_mapped, out->stacks_free + loops + out->tasks_started);
    out->tasks_dormant = above(out->tasks_live, out->tasks_started + out->tasks_parked + out->tasks_unstarted);
    drey__offload_counts(&out->pool_running, &out->pool_queued);
    out->wakes = atomic_load_explicit(&drey__rt.wakes, memory_order_relaxed);
    out->scopes_cancelled = atomic_load_explicit(&drey__rt.cancels, memory_order_relaxed);
    out->io_inflight = drey__io_inflight();
    out->lock_rule_reports = atomic_load_explicit(&drey__lock_rule_reports, memory_order_relaxed);
}

void drey_counters_get(drey_counters *out)
{
    drey__look_begin();
    if (drey__rt.workers != NULL)
        drey__counters_take(out);
    else
        *out = (drey_counters){0};
    drey__look_end();
}
