/* SPDX-License-Identifier: MIT */
/*
 * The lock rule in warn mode says each pair of places (where the lock was taken, where the task suspends) once: a
 * breach in a loop would flood the log otherwise.
 */
#include "wait/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <drey/run.h>

#include "sched/hooks.h"
#include "wait/wait.h"

enum { PAIRS = 256, NAME_BYTES = 192 };

/* scope/: the name that the scope was opened with, or NULL. */
extern const char *drey__scope_name(const drey_scope *scope);

_Atomic uint64_t drey__lock_rule_reports;

/* Pairs said already, as hashes; 0: free. Filled by any worker, by CAS; nothing else depends on them. */
static _Atomic uint64_t said[PAIRS];
static _Atomic unsigned said_count;

static uint64_t hash_pair(const void *taken, const void *suspended)
{
    uint64_t z = (uint64_t)(uintptr_t)taken * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)(uintptr_t)suspended;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z ^= z >> 27;
    return z != 0 ? z : 1;
}

/* True the first time. When the table is full nothing more is new. */
static bool is_new(const void *taken, const void *suspended)
{
    uint64_t hash = hash_pair(taken, suspended);
    for (unsigned i = 0; i < PAIRS; i++) {
        _Atomic uint64_t *slot = &said[(hash + i) % PAIRS];
        uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
        if (seen == 0 &&
            atomic_compare_exchange_strong_explicit(slot, &seen, hash, memory_order_relaxed, memory_order_relaxed)) {
            if (atomic_fetch_add_explicit(&said_count, 1, memory_order_relaxed) + 1 == PAIRS)
                drey__report("lock rule: reported at %d pairs of places; further ones are only counted", PAIRS);
            return true;
        }
        if (seen == hash)
            return false;
    }
    return false;
}

void drey__report_lock_rule(struct drey_task *self, const void *place)
{
    char name[NAME_BYTES], taken[NAME_BYTES], suspended[NAME_BYTES];
    if (drey__rt.lock_rule == DREY_LOCK_RULE_OFF)
        return;
    bool stop = drey__rt.lock_rule == DREY_LOCK_RULE_ABORT;
    atomic_fetch_add_explicit(&drey__lock_rule_reports, 1, memory_order_relaxed);
    drey__task_name(self, name, sizeof name);
    drey__place_name(place, suspended, sizeof suspended);
    for (unsigned i = 0; i < self->held; i++) {
        const struct drey__held *held = &self->stack->held[i];
        if (stop || is_new(held->place, place))
            drey__report("lock rule: task %s may suspend at %s while it holds the lock %p taken at %s (R10)", name,
                         suspended, held->lock, drey__place_name(held->place, taken, sizeof taken));
    }
    if (stop)
        drey__panic("lock rule: a lock is held at a suspension point, see above; release it first, or use a semaphore "
                    "of one permit (R10)");
}

void drey__report_deaf(struct drey_task *self, const void *place)
{
    char name[NAME_BYTES], where[NAME_BYTES];
    drey__report("task %s was cancelled and has been refused %" PRIu32 " times, last at %s: it does not look at "
                 "-ECANCELED (R4)",
                 drey__task_name(self, name, sizeof name), self->stack->refusals,
                 drey__place_name(place, where, sizeof where));
}

const char *drey__task_name(const struct drey_task *t, char *buffer, unsigned long bytes)
{
    char fn[NAME_BYTES];
    const struct drey__stack *stack = t->stack; /* not its state: the task may be another worker's */
    const char *scope = t->parent != NULL ? drey__scope_name(t->parent) : NULL;
    if (stack != NULL)
        drey__function_name((const void *)(uintptr_t)stack->fn, fn, sizeof fn);
    else if ((t->flags & DREY__STEP) != 0)
        drey__function_name(drey__dormant_place(t), fn, sizeof fn);
    else
        drey__function_name((const void *)(uintptr_t)t->fn, fn, sizeof fn);
    if (scope != NULL)
        snprintf(buffer, bytes, "%.110s in scope %.60s", fn, scope);
    else
        snprintf(buffer, bytes, "%s", fn);
    return buffer;
}
