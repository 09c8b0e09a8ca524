/* SPDX-License-Identifier: MIT */
/* The marks of cancellation: who latches one, and how a suspension point finds it (scope.h). */
#include "scope/child.h"
#include "scope/scope.h"
#include "scope/shutdown.h"
#include "task/job.h"
#include "scope/token.h"

_Atomic bool drey__grace_over;

/* seq_cst: the epoch rises after the mark is visible, so whoever reads the new epoch finds the mark. */
void drey__epoch_raise(void)
{
    atomic_fetch_add_explicit(&drey__epoch.now, 1, memory_order_seq_cst);
}

bool drey__scope_latch(scope *s, const struct drey__latch *latch)
{
    uint32_t none = DREY_CAUSE_NONE;
    if (!atomic_compare_exchange_strong_explicit(&s->cause, &none, DREY__CAUSE_LATCHING, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    s->code = latch->code;
    s->why = latch->why;
    s->culprit = latch->culprit;
    s->cause_place = latch->place;
    atomic_store_explicit(&s->cause, latch->cause, memory_order_release); /* I3 */
    atomic_fetch_add_explicit(&drey__rt.cancels, 1, memory_order_relaxed);
    drey__epoch_raise();
    if (drey__self == s->home && s->home != NULL)
        drey__scope_visit(s->home, s);
    else
        drey__scope_post(s);
    return true;
}

/* The scope's own mark; a fired token is found even before somebody has latched it. */
static bool marked_here(scope *s)
{
    if (drey__scope_cause(s) != DREY_CAUSE_NONE)
        return true;
    return s->token != NULL && drey_token_cancelled(s->token);
}

bool drey__scope_cancelled(scope *s, drey_task *inside, scope **out_by, drey_task **out_task)
{
    drey_task *task = inside;
    *out_by = NULL;
    *out_task = NULL;
    for (;;) {
        bool leaves_task = task != NULL && s == drey__scope_of(task->parent);
        if (leaves_task && (task->flags & DREY__HANDLE) != 0 &&
            atomic_load_explicit(&task->handle.cancelled, memory_order_acquire)) {
            *out_task = task;
            return true;
        }
        if (marked_here(s)) {
            *out_by = s;
            return true;
        }
        if (s->owner == NULL)
            return false; /* the root */
        if (s->shield && !atomic_load_explicit(&drey__grace_over, memory_order_relaxed))
            return false;
        if (leaves_task)
            task = s->owner;
        s = drey__scope_of(s->outer);
    }
}

bool drey__scope_marked(drey_task *t)
{
    scope *by;
    drey_task *task;
    return drey__scope_cancelled(drey__scope_of(t->scope), t, &by, &task);
}

bool drey__scope_settle(scope *s)
{
    scope *by;
    drey_task *task;
    if (drey__scope_cause(s) != DREY_CAUSE_NONE)
        return true;
    if (!drey__scope_cancelled(s, s->owner, &by, &task))
        return false;
    bool own_token = by == s;
    struct drey__latch latch = {.cause = own_token ? DREY_CAUSE_TOKEN : DREY__CAUSE_OUTER, .code = -ECANCELED};
    if (own_token)
        latch.why = drey__token_why(s->token);
    drey__scope_latch(s, &latch);
    return true;
}

static drey_task *task_in_charge(void)
{
    drey_task *self = drey__current();
    return self != NULL ? self : drey__job_task;
}

bool drey_cancelled(void)
{
    drey_task *self = task_in_charge();
    return self != NULL && drey__scope_marked(self);
}

static const char *task_function_name(drey_fn *fn)
{
    return drey__symbol_name((const void *)(uintptr_t)fn);
}

static bool reason_of_handle(const drey_task *t, drey_reason *out)
{
    *out = (drey_reason){
        .cause = DREY_CAUSE_REQUEST, .code = -ECANCELED, .why = t->handle.why, .scope = drey__scope_name(t->parent)};
    return true;
}

static uint32_t settled_cause(scope *s)
{
    uint32_t cause;
    while ((cause = drey__scope_cause(s)) == DREY__CAUSE_LATCHING)
        drey__relax();
    return cause;
}

bool drey_cancel_reason(drey_reason *out)
{
    drey_task *self = task_in_charge(), *task;
    scope *by;
    if (self == NULL || !drey__scope_cancelled(drey__scope_of(self->scope), self, &by, &task))
        return false;
    if (by == NULL)
        return reason_of_handle(task, out);
    uint32_t cause = settled_cause(by);
    while (cause == DREY__CAUSE_OUTER && by->owner != NULL) {
        scope *further;
        if (!drey__scope_cancelled(drey__scope_of(by->outer), by->owner, &further, &task))
            break;
        if (further == NULL)
            return reason_of_handle(task, out);
        by = further;
        cause = settled_cause(by);
    }
    *out = (drey_reason){
        .cause = (drey_cause)cause, .code = by->code, .why = by->why, .scope = drey__scope_name((drey_scope *)by)};
    if (cause == DREY_CAUSE_NONE) { /* a token that fired a moment ago */
        out->cause = DREY_CAUSE_TOKEN;
        out->code = -ECANCELED;
        out->why = drey__token_why(by->token);
    } else if (cause == DREY__CAUSE_FINISH) {
        out->cause = DREY_CAUSE_REQUEST;
        out->why = "all other work in the scope has ended";
    }
    out->task = by->culprit != NULL ? task_function_name(by->culprit) : NULL;
    out->place = (void *)(uintptr_t)by->cause_place;
    return true;
}

drey_time drey_deadline(void)
{
    drey_task *self = task_in_charge();
    int64_t nearest = 0;
    for (scope *s = self != NULL ? drey__scope_of(self->scope) : NULL; s != NULL;) {
        int64_t d = atomic_load_explicit(&s->deadline, memory_order_relaxed);
        if (d != 0 && (nearest == 0 || d < nearest))
            nearest = d;
        s = s->shield || s->owner == NULL ? NULL : drey__scope_of(s->outer);
    }
    return nearest;
}

static scope *open_scope(drey_task *self, drey_scope *s, const char *function)
{
    if (drey__scope_of(s)->home == NULL)
        drey__panic("%s: the scope is not open (R1)", function);
    drey__child_check_inside(self, s);
    return drey__scope_of(s);
}

void drey_scope_set_deadline(drey_scope *public_scope, drey_time when)
{
    scope *s = open_scope(drey__current_or_die("drey_scope_set_deadline"), public_scope, "drey_scope_set_deadline");
    if (s->shield && when == 0)
        drey__panic("drey_scope_set_deadline: a shield must keep a deadline (R4)");
    atomic_store_explicit(&s->deadline, when, memory_order_relaxed); /* published by the mail, if there is any */
    if (s->home == drey__self)
        drey__scope_follow_deadline(s, drey__clock_now());
    else
        drey__scope_post(s);
}

void drey_scope_cancel(drey_scope *public_scope, int result, const char *why)
{
    drey_task *self = drey__current_or_die("drey_scope_cancel");
    scope *s = open_scope(self, public_scope, "drey_scope_cancel");
    if (drey__scope_settle(s))
        return; /* the first cause wins */
    struct drey__latch latch = {
        .cause = DREY_CAUSE_REQUEST, .code = result, .why = why, .culprit = self->stack->fn, .place = DREY__CALLER};
    drey__scope_latch(s, &latch);
}
