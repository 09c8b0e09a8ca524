/* SPDX-License-Identifier: MIT */
/*
 * A worker copies what it owns: the tasks that run here or wait here on a stack or dormant, and the scopes they opened.
 * The rows are their own list of what is still to be looked into, so nothing recurses: a task's row adds rows for its
 * scopes, a scope's row adds rows for the children linked at it.
 */
#include "sched/hooks.h"
#include "observe/observe.h"
#include "run/run.h"
#include "scope/scope.h"

static struct drey__row *add(struct drey__snapshot *out, struct drey__worker *w)
{
    if (out->count == out->room) {
        out->full = true;
        return NULL;
    }
    struct drey__row *row = &out->rows[out->count++];
    *row = (struct drey__row){.worker = (uint16_t)w->index};
    return row;
}

static void add_task(struct drey__snapshot *out, struct drey__worker *w, drey_task *t)
{
    struct drey__row *row = add(out, w);
    if (row == NULL)
        return;
    row->self = t;
    row->above = t->parent;
    row->state = t->state;
    if (t->stack == NULL || t->state == DREY__FRESH || t->state == DREY__DORMANT) {
        row->fn = (t->flags & DREY__STEP) != 0 ? drey__dormant_place(t) : NULL;
        return;
    }
    row->fn = (const void *)(uintptr_t)t->stack->fn;
    row->text = t->stack->wait_what;
    row->object = t->stack->wait_object;
    row->place = t->stack->wait_place;
    row->held_count = t->held;
    for (unsigned i = 0; i < t->held && i < DREY__ROW_LOCKS; i++) {
        row->held[i] = t->stack->held[i].lock;
        row->held_at[i] = t->stack->held[i].place;
    }
}

static void add_scope(struct drey__snapshot *out, struct drey__worker *w, scope *s)
{
    struct drey__row *row = add(out, w);
    if (row == NULL)
        return;
    row->self = s;
    row->above = s->owner;
    row->is_scope = true;
    row->text = s->name;
    row->text2 = s->place;
    row->deadline = atomic_load_explicit(&s->deadline, memory_order_relaxed);
    row->cause = drey__scope_cause(s);
    row->live = drey__scope_live(s);
    row->limit = s->limit;
    row->failed = atomic_load_explicit(&s->failed, memory_order_relaxed);
    if (s->limit == 0)
        return;
    drey__spin_lock(&s->lock);
    row->running = s->running;
    drey__spin_unlock(&s->lock);
}

static void add_list(struct drey__snapshot *out, struct drey__worker *w, struct drey__link *list)
{
    for (struct drey__link *l = list->next; l != list && !out->full; l = l->next)
        add_task(out, w, drey__container(l, drey_task, sibling));
}

/* Where the rows begin: the root scope, what others' scopes have here, and what has neither parked nor opened a scope
 * yet and so is linked nowhere. */
static void add_roots(struct drey__snapshot *out, struct drey__worker *w)
{
    scope *root = drey__scope_of(&drey__root.scope);
    if (root->home == w)
        add_scope(out, w, root);
    for (unsigned i = 0; i < DREY__FOREIGN_BUCKETS; i++)
        add_list(out, w, &w->foreign[i]);
    if (w->current != NULL && (w->current->flags & DREY__LINKED) == 0)
        add_task(out, w, w->current);
    for (uint32_t i = w->ready.head; i != w->ready.tail; i++) {
        drey_task *t = w->ready.slots[i & w->ready.mask];
        if ((t->flags & DREY__LINKED) == 0 && t != w->current)
            add_task(out, w, t);
    }
}

static void look_into(struct drey__snapshot *out, struct drey__worker *w, const struct drey__row *row)
{
    if (row->is_scope) {
        scope *s = (scope *)(uintptr_t)row->self;
        add_list(out, w, &s->children);
        return;
    }
    const drey_task *t = row->self;
    if (t->state == DREY__FRESH || t->state == DREY__DORMANT)
        return;
    for (scope *s = drey__scope_of(t->scope); s != drey__scope_of(t->parent) && !out->full;
         s = drey__scope_of(s->outer))
        add_scope(out, w, s);
}

void drey__snapshot_take(struct drey__worker *w, void *snapshot)
{
    struct drey__snapshot *out = snapshot;
    out->current = w->current != NULL ? w->current->stack->fn : NULL;
    out->ready = drey__ready_count(&w->ready);
    out->fresh = drey__fresh_count(&w->fresh);
    out->timers = w->timers.pending;
    add_roots(out, w);
    for (uint32_t i = 0; i < out->count; i++)
        look_into(out, w, &out->rows[i]);
    drey__frames_take(w, out);
}
