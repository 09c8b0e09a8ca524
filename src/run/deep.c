/* SPDX-License-Identifier: MIT */
/* drey_call_deep: a function that needs more stack than a task has, on a large one borrowed for the call (R15). */
#include "arch/arch.h"
#include "run/deep.h"
#include "stack/announce.h"
#include "wait/wait.h"

struct deep {
    drey_fn *fn;
    void *arg;
    struct drey__stack *from, *to;
};

static DREY__UNCHECKED DREY__UNTRACED int on_deep_stack(void *arg)
{
    struct deep *d = arg;
    drey__announce_arrive(d->to);
    int rc = d->fn(d->arg);
    drey__announce_leave(d->to, d->from, true);
    return rc;
}

int drey__on_deep_stack(struct drey__worker *w, drey_fn *fn, void *arg, int *out_result)
{
    struct drey__stack *to = drey__stack_get(&w->stacks, DREY__STACK_CLASS_DEEP);
    if (to == NULL)
        return -ENOMEM;
    to->fn = w->stack->fn; /* for the report of an overflow */
    struct deep d = {.fn = fn, .arg = arg, .from = w->stack, .to = to};
    w->stack = to;
    w->deep_stacks++;
    drey__announce_leave(d.from, to, false);
    *out_result = drey__arch_call_on(to->top, on_deep_stack, &d);
    drey__announce_arrive(d.from);
    w->stack = d.from;
    w->deep_stacks--;
    drey__stack_put(&w->stacks, to);
    return 0;
}

int drey_call_deep(drey_fn *fn, void *arg)
{
    drey_task *self = drey__current();
    if (self == NULL)
        return -EPERM;
    struct drey__worker *w = drey__self;
    if (w->deep)
        return fn(arg);
    int32_t budget = w->budget;
    w->budget = 0;      /* every suspension point takes the slow path, which refuses; */
    self->clear_at = 0; /* so does a join, which spends nothing */
    w->deep = true;
    int result = 0, rc = drey__on_deep_stack(w, fn, arg, &result);
    w->deep = false;
    w->budget = budget;
    return rc < 0 ? rc : result;
}
