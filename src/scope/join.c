/* SPDX-License-Identifier: MIT */
/* Joining a child that has a handle: on the joiner's own stack if it has not started (R14), else by waiting. handle.c
 * says who may meet at a handle. */
#include "base/list.h"
#include "scope/child.h"
#include "scope/scope.h"
#include "wait/case.h"

/* The handle has been joined: the record goes back to its scope's home. */
static void consume(drey_task *t, int *out_result)
{
    scope *s = drey__scope_of(t->parent);
    if (out_result != NULL)
        *out_result = t->result;
    struct drey__worker *home = s->home;
    if (home == drey__self) {
        drey__handle_forget(s, t);
    } else {
        atomic_fetch_add_explicit(&s->remote_added, 1, memory_order_relaxed);
        drey__send(home, t, DREY__MAIL_JOINED);
    }
}

/* Whether enough of the stack is left for a child to run on it. */
static inline bool stack_has_room(const struct drey__stack *s)
{
    return (const char *)__builtin_frame_address(0) > s->middle;
}

uint64_t drey__scope_joined_clear(const drey_task *t)
{
    /* In its joiner's scope it is as little cancelled as the joiner, unless by its handle. */
    bool cancelled = atomic_load_explicit(&t->handle.cancelled, memory_order_relaxed);
    return cancelled ? 0 : drey__scope_of(t->parent)->owner->clear_at;
}

/* The child has ended on its joiner's stack, and is joined. */
static __attribute__((noinline)) void end_inline_slow(struct drey__worker *w, drey_task *self, drey_task *t)
{
    scope *s = drey__scope_of(t->parent);
    self->stack->scope_name = drey__scope_name(t->parent); /* the child may have opened some */
    t->handle.joined = true;
    drey__scope_task_ended(w, t);
    drey__handle_forget(s, t);
}

/* The child was settled, and has ended: the stack is the joiner's again. Nobody waits for it but the joiner. */
static __attribute__((noinline)) void end_inline(struct drey__worker *w, drey_task *t, const struct drey__leaf *at)
{
    scope *s = drey__scope_of(t->parent);
    drey_task *self = s->owner;
    struct drey__stack *stack = self->stack;
    uint32_t known = DREY__RUNNING | DREY__HANDLE << 8, linked = DREY__LINKED << 8;
    w->current = self;
    stack->fn = at->fn;
    stack->bindings = at->bindings;
    if (unlikely(t->scope != t->parent || (t->traits & 0xffffff & ~linked) != known)) {
        end_inline_slow(w, self, t);
        return;
    }
    if ((t->traits & linked) != 0) {
        stack->scope_name = drey__scope_label(s); /* the child may have opened some */
        drey__scope_unlink_slow(t);
        drey__handle_settle(w, t);
    }
    w->completed++;
    s->live--;
    drey__task_free(w, t);
}

static __attribute__((noinline)) void end_inline_leaf(struct drey__worker *w, drey_task *t, struct drey__leaf *at)
{
    w->leaf = t;
    drey__leaf_settle(w);
    end_inline(w, t, at);
}

/* Run a child that was taken out of the queue on its joiner's stack, as a leaf at first. `plain`: what it counts
 * against is known to be its scope alone. */
static inline __attribute__((always_inline)) void run_inline(struct drey__worker *w, drey_task *self, drey_task *t,
                                                             int *out_result, bool plain)
{
    struct drey__leaf at;
    drey__leaf_begin(w, t, &at);
    int result = t->fn(t->arg);
    if (out_result != NULL)
        *out_result = result;
    bool leaf = drey__leaf_end(w, t);
    if (likely(leaf && plain)) {
        w->current = self;
        w->completed++;
        drey__scope_of(t->parent)->live--;
        drey__record_put(&w->records, t);
        return;
    }
    t->result = result;
    if (leaf)
        end_inline_leaf(w, t, &at);
    else
        end_inline(w, t, &at);
}

/*
 * R14: a child that nobody has started runs on its joiner's stack. The joiner waits for exactly this child, so nothing
 * is lost by it. False: it may not be, or has started.
 */
static bool join_inline(struct drey__worker *w, drey_task *self, drey_task *t, int *out_result)
{
    scope *s = drey__scope_of(t->parent);
    struct drey__stack *stack = self->stack;
    /* of the record only what nobody changes, since the task may have started elsewhere */
    if (self->scope != t->parent || s->owner != self || drey__rt.seeded ||
        drey__traits_class(s->child_traits) > stack->size_class || !stack_has_room(stack) ||
        !drey__fresh_take(&w->fresh, t))
        return false;
    run_inline(w, self, t, out_result, false);
    return true;
}

/* The same by the short way, for a caller that may pass, in a scope without a limit and the like. */
static inline __attribute__((always_inline)) bool join_quickly(struct drey__worker *w, drey_task *self, drey_task *t,
                                                               int *out_result)
{
    if (unlikely(self->scope != t->parent || drey__scope_of(t->parent)->joins_inline != self ||
                 !stack_has_room(self->stack) || !drey__fresh_take(&w->fresh, t)))
        return false;
    run_inline(w, self, t, out_result, true);
    return true;
}

/* True if it has ended; otherwise the waiter is its joiner now. */
static bool ended_or_enlist(drey_task *t, struct drey__waiter *waiter, bool enlist)
{
    drey__spin_lock(&t->handle.lock);
    bool ended = t->handle.ended;
    if (t->handle.joiner != NULL || (ended && t->handle.joined))
        drey__panic("drey_join: the task has a joiner already (R3)");
    if (ended)
        t->handle.joined = true;
    else if (enlist)
        t->handle.joiner = waiter;
    drey__spin_unlock(&t->handle.lock);
    return ended;
}

static void withdraw(drey_task *t, struct drey__waiter *waiter)
{
    drey__spin_lock(&t->handle.lock);
    if (t->handle.joiner == waiter)
        t->handle.joiner = NULL;
    drey__spin_unlock(&t->handle.lock);
}

/* The child has started, or may not run here. */
static __attribute__((noinline)) int join_wait(drey_task *t, int *out_result, const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (unlikely(rc == -EPERM))
        return rc;
    if (unlikely(t == self))
        drey__panic("drey_join: a task cannot join itself (R3)");
    if (rc == 0 && !drey__task_holds(self) && join_inline(drey__self, self, t, out_result))
        return 0;
    struct drey__waiter waiter;
    drey__waiter_init(&waiter, self, NULL, 0);
    if (rc == 0)
        drey__arm(self, 0);
    if (ended_or_enlist(t, &waiter, rc == 0)) { /* never refused */
        if (rc == 0)
            atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
        consume(t, out_result);
        return 0;
    }
    if (rc < 0)
        return rc;
    if (!drey__park_at(self, "join", t, place)) {
        withdraw(t, &waiter);
        return -ECANCELED;
    }
    if (out_result != NULL)
        *out_result = waiter.result;
    return 0;
}

int drey_join(drey_task *t, int *out_result)
{
    struct drey__worker *w = drey__self;
    drey_task *self = likely(w != NULL) ? w->current : NULL;
    if (likely(self != NULL && drey__is_clear(self) && join_quickly(w, self, t, out_result)))
        return 0;
    return join_wait(t, out_result, DREY__CALLER);
}

static bool join_attempt(drey_case *c)
{
    drey_task *t = c->object;
    if (!ended_or_enlist(t, NULL, false))
        return false;
    consume(t, c->out);
    c->result = 0;
    return true;
}

static bool join_enlist(drey_case *c, struct drey__waiter *w)
{
    drey_task *t = c->object;
    drey__spin_lock(&t->handle.lock);
    bool ended = t->handle.ended;
    if (!ended)
        t->handle.joiner = w;
    drey__spin_unlock(&t->handle.lock);
    return ended;
}

static void join_withdraw(drey_case *c, struct drey__waiter *w)
{
    withdraw(c->object, w);
}

static void join_finish(drey_case *c, struct drey__waiter *w)
{
    if (c->out != NULL)
        *(int *)c->out = w->result;
    c->result = 0;
}

const struct drey__case_ops drey__case_join = {
    .what = "join",
    .attempt = join_attempt,
    .enlist = join_enlist,
    .withdraw = join_withdraw,
    .finish = join_finish,
};
