/* SPDX-License-Identifier: MIT */
/* Making and joining children: what go, spawn and dormant tasks share. */
#pragma once

#include "scope/scope.h"

/* Stop with a sentence unless `self` is inside `s` (R3). */
void drey__child_check_inside(drey_task *self, drey_scope *s);
/* Count a child away from home, or take one back. */
void drey__child_count(scope *s, const drey_task *t, int by);
/* Take back a child that was made and not started. */
void drey__child_drop(drey_task *t);

/* What a new record says but for its queue and its handle. The rest is said when it starts (sched/leaf.c). */
static inline void drey__child_init(drey_task *t, drey_scope *parent, drey_fn *fn, void *arg, unsigned flags)
{
    t->fn = fn;
    t->arg = arg;
    t->parent = parent;
    t->traits = drey__scope_of(parent)->child_traits | flags << 8;
}

/*
 * The common way to make a child and count it, without a call: the caller may pass, its innermost scope is at home and
 * asks for no thought, and a record is at hand. NULL: nothing has happened, go the long way.
 */
static inline __attribute__((always_inline)) drey_task *drey__child_quick(drey_scope *parent, drey_fn *fn, void *arg,
                                                                          unsigned flags)
{
    struct drey__worker *w = drey__self;
    drey_task *self = likely(w != NULL) ? w->current : NULL;
    if (unlikely(self == NULL || self->scope != parent))
        return NULL;
    scope *s = drey__scope_of(parent);
    if (unlikely(s->quick != w || w->records.free == NULL || !drey__is_clear(self) || --w->budget < 0))
        return NULL;
    drey_task *t = drey__record_take(&w->records);
    drey__child_init(t, parent, fn, arg, flags);
    w->spawned++;
    s->live++;
    return t;
}

/* A fresh child of `parent`, made by `self`; neither counted nor queued. NULL: no memory, or max_tasks reached. */
drey_task *drey__child_new(drey_task *self, drey_scope *parent, drey_fn *fn, void *arg, unsigned flags);
/* Count it and queue it, waiting for room if the scope has a limit and `wait`. On failure it is freed. */
int drey__child_start(scope *s, drey_task *self, drey_task *t, bool wait, const void *place);

/* handle.c: a child with a handle has ended. On its worker: no CANCEL mail for it is under way any more. */
void drey__handle_settle(struct drey__worker *w, drey_task *t);
/* At home: it can be joined from now on. */
void drey__handle_ended(scope *s, drey_task *t);
/* At home, on close by `self`: count what nobody joined, and free the records. Returns the first such failure or 0. */
int drey__handle_collect(scope *s, drey_task *self);
/* At home: it was joined, or its scope closes: the record is free. */
static inline void drey__handle_forget(scope *s, drey_task *t)
{
    if (drey__link_in_list(&t->sibling))
        drey__list_remove(&t->sibling);
    drey__task_free(s->home, t);
}
