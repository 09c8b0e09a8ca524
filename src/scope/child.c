/* SPDX-License-Identifier: MIT */
/*
 * The life of a child as its scope sees it: made, counted, ended, accounted for.
 *
 * A child that ends on its scope's home is accounted for at once. One that ends elsewhere is mailed home, alone or with
 * others (far.c): after DONE it belongs to the home worker. A failure is latched where it happens, so that siblings see
 * it without delay.
 */
#include "scope/child.h"
#include "scope/scope.h"
#include "wait/report.h"

struct drey_binding *drey__scope_bindings(const drey_task *t)
{
    return drey__scope_of(t->parent)->bindings;
}

/* The scope must be the task's own or one that it is inside of (R3). */
static bool is_inside(drey_task *self, drey_scope *s)
{
    for (drey_scope *o = self->scope; o != NULL; o = drey__scope_of(o)->outer)
        if (o == s)
            return true;
    return false;
}

void drey__child_check_inside(drey_task *self, drey_scope *s)
{
    if (!is_inside(self, s))
        drey__panic(
            "a scope is for its opener and for tasks inside it: only they may add children, cancel it or set its "
            "deadline (R3)");
}

/* Room under the configured max_tasks, if there is one; drey__task_free gives it back. */
static bool reserve(void)
{
    if (drey__rt.max_tasks == 0 ||
        atomic_fetch_add_explicit(&drey__rt.live, 1, memory_order_relaxed) < drey__rt.max_tasks)
        return true;
    atomic_fetch_sub_explicit(&drey__rt.live, 1, memory_order_relaxed);
    return false;
}

drey_task *drey__child_new(drey_task *self, drey_scope *parent, drey_fn *fn, void *arg, unsigned flags)
{
    struct drey__worker *w = drey__self;
    if (self->scope != parent)
        drey__child_check_inside(self, parent);
    if (!reserve())
        return NULL;
    drey_task *t = drey__record_get(&w->records);
    if (t == NULL) {
        if (drey__rt.max_tasks != 0)
            atomic_fetch_sub_explicit(&drey__rt.live, 1, memory_order_relaxed);
        return NULL;
    }
    drey__child_init(t, parent, fn, arg, flags);
    w->spawned++;
    return t;
}

void drey__child_count(scope *s, const drey_task *t, int by)
{
    if (s->home == drey__self)
        s->live += (uint32_t)by;
    else
        atomic_fetch_add_explicit(&s->remote_added, (uint32_t)by, memory_order_relaxed);
    if ((t->flags & DREY__DAEMON) != 0)
        atomic_fetch_add_explicit(&s->daemons, (uint32_t)by, memory_order_release); /* drey__scope_is_quiet */
}

void drey__child_drop(drey_task *t)
{
    struct drey__worker *w = drey__self;
    w->spawned--;
    drey__task_free(w, t);
}

int drey__child_start(scope *s, drey_task *self, drey_task *t, bool wait, const void *place)
{
    /* The caller's own scope is not cancelled, but this one, further out than a shield, may be. */
    if (wait && self->scope != t->parent && drey__scope_settle(s)) {
        drey__child_drop(t);
        return -ECANCELED;
    }
    drey__child_count(s, t, 1);
    if (likely(s->limit == 0 || (t->flags & DREY__DAEMON) != 0)) {
        drey__scope_place(drey__self, s, t);
        return 0;
    }
    int rc = drey__scope_admit(s, self, t, wait, place);
    if (rc < 0) {
        drey__child_count(s, t, -1);
        drey__child_drop(t);
    }
    return rc;
}

static bool was_told_to_stop(drey_task *t)
{
    return (t->flags & DREY__HANDLE) != 0 && t->result == -ECANCELED &&
           atomic_load_explicit(&t->handle.cancelled, memory_order_relaxed);
}

/* A daemon that answers the scope's end with -ECANCELED has not failed. */
static bool is_failure(scope *s, drey_task *t)
{
    if (likely(t->result >= 0) || was_told_to_stop(t))
        return false;
    return (t->flags & DREY__DAEMON) == 0 || t->result != -ECANCELED || drey__scope_cause(s) == DREY_CAUSE_NONE;
}

/* On the worker where the child ended: siblings shall see a failure now. */
static void latch_failure(scope *s, drey_task *t)
{
    if (s->keep_going || (t->flags & DREY__HANDLE) != 0 || !is_failure(s, t) || drey__scope_settle(s))
        return;
    struct drey__latch latch = {.cause = DREY_CAUSE_FAILURE,
                                .code = t->result,
                                .why = "a child failed",
                                .culprit = t->stack != NULL ? t->stack->fn : NULL};
    drey__scope_latch(s, &latch);
}

static void check_clean(drey_task *t)
{
    char name[192], place[192];
    if (likely(t->scope == t->parent && t->held == 0))
        return;
    drey__task_name(t, name, sizeof name);
    if (t->scope != t->parent)
        drey__panic("task %s ended with scope %s still open (R1)", name, t->stack->scope_name);
    const struct drey__held *held = &t->stack->held[t->held - 1];
    drey__panic("task %s ended while it held %u lock(s), the last one %p, taken at %s (R10)", name, t->held, held->lock,
                drey__place_name(held->place, place, sizeof place));
}

/* Everything about the end that is not needed for a plain child that never waited. */
static __attribute__((noinline)) void end_slow(struct drey__worker *w, scope *s, drey_task *t)
{
    check_clean(t);
    drey__scope_unlink(t);
    if (t->result < 0)
        latch_failure(s, t);
    if ((t->flags & DREY__HANDLE) != 0)
        drey__handle_settle(w, t);
    if ((t->flags & DREY__ADMITTED) != 0)
        drey__scope_release(w, s);
    struct drey__worker *home = s->home;
    if (home == w) {
        drey__scope_child_gone(s, t);
    } else {
        drey__send(home, t, DREY__MAIL_DONE); /* neither t nor s may be touched after this */
    }
}

void drey__scope_task_ended(struct drey__worker *w, drey_task *t)
{
    scope *s = drey__scope_of(t->parent);
    w->completed++;
    if (unlikely(t->scope != t->parent || !drey__task_is_plain(t, 0) || t->result < 0 || s->home != w)) {
        t->state = DREY__ENDED;
        end_slow(w, s, t);
        return;
    }
    s->live--;
    drey__task_free(w, t);
    drey__scope_recheck_close(s);
}

static __attribute__((noinline)) void leaf_ended_slow(struct drey__worker *w, drey_task *t, int result)
{
    w->leaf = t;
    drey__leaf_settle(w);
    w->current = NULL;
    t->result = result;
    drey__scope_task_ended(w, t);
}

void drey__scope_leaf_ended(struct drey__worker *w, drey_task *t, int result)
{
    scope *s = drey__scope_of(t->parent);
    if (unlikely(!drey__task_is_plain_leaf(t, 0) || result < 0)) {
        leaf_ended_slow(w, t, result);
        return;
    }
    w->completed++;
    if (unlikely(s->home != w)) {
        drey__scope_ended_far(w, t);
        return;
    }
    if (unlikely(drey__rt.max_tasks != 0))
        atomic_fetch_sub_explicit(&drey__rt.live, 1, memory_order_relaxed);
    s->live--;
    drey__record_put(&w->records, t);
    drey__scope_recheck_close(s);
}

void drey__scope_done(struct drey__worker *w, drey_task *t)
{
    if (t->state == DREY__FRESH)
        drey__scope_pack_done(w, t);
    else
        drey__scope_child_gone(drey__scope_of(t->parent), t);
}

void drey__scope_reopen_closer(scope *s)
{
    if (drey__scope_is_quiet(s)) {
        s->closing = false;
        if (drey__claim_task(s->owner, 0))
            drey__wake(s->owner);
    }
}

/* What a handle stands for is its joiner's, or counted when the scope closes (handle.c). */
static void count_failure(scope *s, drey_task *t)
{
    if ((t->flags & DREY__HANDLE) != 0 || !is_failure(s, t))
        return;
    if (drey__scope_settle(s))
        s->negative_after = true;
    atomic_fetch_add_explicit(&s->failed, 1, memory_order_relaxed);
}

void drey__scope_child_gone(scope *s, drey_task *t)
{
    if (unlikely(t->result < 0))
        count_failure(s, t);
    if ((t->flags & DREY__DAEMON) != 0)
        atomic_fetch_sub_explicit(&s->daemons, 1, memory_order_relaxed);
    s->live--;
    if (unlikely((t->flags & DREY__HANDLE) != 0))
        drey__handle_ended(s, t);
    else
        drey__task_free(s->home, t);
    drey__scope_recheck_close(s);
}
