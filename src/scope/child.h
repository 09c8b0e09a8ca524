/* SPDX-License-Identifier: MIT */
/* Making and joining children: what go, spawn and dormant tasks share. */
#pragma once

#include "scope/scope.h"

/* Stop with a sentence unless `self` is inside `s` (R3). */
void drey__child_check_inside(drey_task *self, drey_scope *s);
/* Room under the configured max_tasks, if there is one; drey__task_free gives it back. */
bool drey__child_reserve(void);
void drey__child_unreserve(void);
/* Count a child away from home, or take one back. */
void drey__child_count(scope *s, const drey_task *t, int by);
/* Take back a child that was made and not started. */
void drey__child_drop(drey_task *t);
/* The rare ways to start: from afar, from an inner scope, under a limit, spread, a daemon. */
int drey__child_start_slow(scope *s, drey_task *self, drey_task *t, bool wait, const void *place);

/* A fresh child of `parent`, made by `self`; neither counted nor queued. NULL: no memory, or max_tasks reached. */
static inline drey_task *drey__child_new(drey_task *self, drey_scope *parent, drey_fn *fn, void *arg, unsigned flags)
{
    struct drey__worker *w = drey__self;
    if (unlikely(self->scope != parent))
        drey__child_check_inside(self, parent);
    if (unlikely(drey__rt.max_tasks != 0) && !drey__child_reserve())
        return NULL;
    drey_task *t = drey__record_get(&w->records);
    if (unlikely(t == NULL)) {
        if (drey__rt.max_tasks != 0)
            drey__child_unreserve();
        return NULL;
    }
    t->fn = fn;
    t->arg = arg;
    t->scope = t->parent = parent;
    t->stack = NULL;
    t->sibling.next = NULL;
    atomic_store_explicit(&t->claim, DREY__IDLE, memory_order_relaxed);
    t->result = 0;
    t->state = DREY__FRESH;
    t->flags = (uint8_t)flags;
    t->held = 0;
    t->stack_class = drey__scope_of(parent)->stack_class;
    w->spawned++;
    return t;
}

/* Count it and queue it, waiting for room if the scope has a limit and `wait`. On failure it is freed. */
static inline int drey__child_start(scope *s, drey_task *self, drey_task *t, bool wait, const void *place)
{
    struct drey__worker *w = drey__self;
    if (unlikely(s->home != w || self->scope != t->parent || s->choosy || (t->flags & DREY__DAEMON) != 0))
        return drey__child_start_slow(s, self, t, wait, place);
    s->live++;
    drey__queue_fresh(w, t);
    return 0;
}

/* handle.c: a child with a handle has ended. On its worker: no CANCEL mail for it is under way any more. */
void drey__handle_settle(struct drey__worker *w, drey_task *t);
/* At home: it can be joined from now on. */
void drey__handle_ended(scope *s, drey_task *t);
/* At home, on close by `self`: count what nobody joined, and free the records. Returns the first such failure or 0. */
int drey__handle_collect(scope *s, drey_task *self);
