/* SPDX-License-Identifier: MIT */
#include "sched/leaf.h"

#include "sched/hooks.h"
#include "stack/announce.h"

struct drey_task *drey__leaf_settle(struct drey__worker *w)
{
    struct drey_task *t = w->leaf;
    if (t == NULL)
        return w->current;
    struct drey__stack *s = w->stack;
    struct drey__leaf *at = w->leaf_at;
    if (unlikely(w->ended.scope != NULL))
        drey__scope_report_ended(w);
    if (at != NULL)
        *at = (struct drey__leaf){s->fn, s->bindings};
    else
        s->refusals = 0;
    s->fn = t->fn;
    s->bindings = drey__scope_bindings(t);
    t->traits |= DREY__RUNNING; /* from FRESH, 0 */
    t->scope = t->parent;
    t->worker = w;
    t->stack = s;
    t->clear_at = at != NULL ? drey__scope_joined_clear(t) : 0; /* where `arg` was */
    w->leaf = NULL;
    w->current = t;
    return t;
}

/* From any thread: a record stays mapped as long as the runtime, so what is read may at worst be out of date. */
DREY__UNTRACED __attribute__((noinline)) drey_fn *drey__peek_function(const struct drey__worker *worker)
{
    const volatile struct drey__worker *w = worker;
    const volatile struct drey_task *t = w->leaf;
    if (t != NULL)
        return t->fn;
    t = w->current;
    const volatile struct drey__stack *s = t != NULL ? t->stack : NULL;
    return s != NULL ? s->fn : NULL;
}

drey_fn *drey__leaf_function(void)
{
    const struct drey__worker *w = drey__self;
    return w != NULL && w->leaf != NULL ? w->leaf->fn : NULL;
}
