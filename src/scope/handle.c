/* SPDX-License-Identifier: MIT */
/*
 * Children with a handle: spawn, join, cancel.
 *
 * handle.lock orders the three who may meet at a handle: the joiner, whoever cancels, and the end of the task.
 *   join    under the lock: ended? then consume; else become the joiner.
 *   cancel  under the lock: mark; if the task is linked, mail its worker (the mail is pushed under the lock, so that
 *           the task's end, which looks under the lock, finds it in the box).
 *   end     on its worker: no cancel mail may be left; then at home: ended, wake the joiner.
 * A record is freed by its scope's home once it is ended and its handle consumed, or when the scope closes.
 */
#include "base/list.h"
#include "scope/child.h"
#include "scope/scope.h"
#include "scope/shutdown.h"
#include "wait/case.h"

int drey_spawn(drey_scope *s, drey_fn *fn, void *arg, drey_task **out_task)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    drey_task *t = drey__child_new(self, s, fn, arg, DREY__HANDLE);
    if (unlikely(t == NULL))
        return -ENOMEM;
    atomic_store_explicit(&t->handle.lock.held, 0, memory_order_relaxed);
    atomic_store_explicit(&t->handle.cancelled, false, memory_order_relaxed);
    t->handle.ended = t->handle.joined = t->handle.mailed = false;
    t->handle.joiner = NULL;
    t->handle.runs_on = NULL;
    rc = drey__child_start(drey__scope_of(s), self, t, true, DREY__CALLER);
    if (rc == 0)
        *out_task = t;
    return rc;
}

void drey__handle_settle(struct drey__worker *w, drey_task *t)
{
    for (;;) {
        drey__spin_lock(&t->handle.lock);
        bool mailed = t->handle.mailed;
        t->handle.runs_on = NULL; /* no further mail: whoever cancels now only marks */
        drey__spin_unlock(&t->handle.lock);
        if (!mailed)
            return;
        drey__collect_mail(w);
    }
}

void drey__scope_task_cancelled(struct drey__worker *w, void *mail)
{
    drey_task *t = drey__container(mail, drey_task, handle.mail);
    drey__spin_lock(&t->handle.lock);
    t->handle.mailed = false;
    drey__spin_unlock(&t->handle.lock);
    if (t->state != DREY__ENDED)
        drey__scope_visit_task(w, t);
}

void drey_task_cancel(drey_task *t, const char *why)
{
    drey__current_or_die("drey_task_cancel");
    struct drey__worker *visit_on = NULL;
    drey__spin_lock(&t->handle.lock);
    if (!atomic_load_explicit(&t->handle.cancelled, memory_order_relaxed) && !t->handle.ended) {
        t->handle.why = why;
        atomic_store_explicit(&t->handle.cancelled, true, memory_order_release);
        drey__epoch_raise();
        visit_on = t->handle.runs_on;
        if (visit_on != NULL && visit_on != drey__self) {
            t->handle.mailed = true;
            drey__mail_push(&visit_on->mail, &t->handle.mail, DREY__MAIL_CANCEL);
        }
    }
    drey__spin_unlock(&t->handle.lock);
    if (visit_on == drey__self)
        drey__scope_visit_task(visit_on, t);
    else if (visit_on != NULL)
        drey__wake_worker(visit_on);
}

static void forget(scope *s, drey_task *t)
{
    if (drey__link_in_list(&t->sibling))
        drey__list_remove(&t->sibling);
    drey__task_free(s->home, t);
}

void drey__handle_ended(scope *s, drey_task *t)
{
    drey__spin_lock(&t->handle.lock);
    t->handle.ended = true;
    struct drey__waiter *joiner = t->handle.joiner;
    drey_task *wake = joiner != NULL && drey__claim(joiner) ? joiner->task : NULL;
    if (wake != NULL)
        joiner->result = t->result; /* all that it wants: the scope may close, and the record go, before it runs */
    drey__spin_unlock(&t->handle.lock);
    if (wake != NULL) {
        drey__task_free(s->home, t);
        drey__wake(wake);
    } else {
        drey__list_append(&s->ended, &t->sibling);
    }
}

void drey__scope_joined(struct drey__worker *w, drey_task *t)
{
    (void)w;
    scope *s = drey__scope_of(t->parent);
    forget(s, t);
    s->live--; /* the letter counted as a child, so that the scope stayed open for it */
    drey__scope_recheck_close(s);
}

/* The handle has been joined: the record goes back to its scope's home. */
static void consume(drey_task *t, int *out_result)
{
    scope *s = drey__scope_of(t->parent);
    if (out_result != NULL)
        *out_result = t->result;
    struct drey__worker *home = s->home;
    if (home == drey__self) {
        forget(s, t);
    } else {
        atomic_fetch_add_explicit(&s->remote_added, 1, memory_order_relaxed);
        drey__send(home, t, DREY__MAIL_JOINED);
    }
}

/* A joiner from outside that was cancelled, or chose another case, before the task ended has yet to take its name
 * off. */
static bool is_awaited(drey_task *t)
{
    drey__spin_lock(&t->handle.lock);
    bool awaited = t->handle.joiner != NULL;
    drey__spin_unlock(&t->handle.lock);
    return awaited;
}

int drey__handle_collect(scope *s, drey_task *self)
{
    int first = 0;
    while (!drey__list_empty(&s->ended)) {
        drey_task *t = drey__container(s->ended.next, drey_task, sibling);
        if (is_awaited(t)) {
            drey__yield_now(self);
            continue;
        }
        bool told = t->result == -ECANCELED && atomic_load_explicit(&t->handle.cancelled, memory_order_relaxed);
        if (t->result < 0 && !told) {
            first = first == 0 ? t->result : first;
            atomic_fetch_add_explicit(&s->failed, 1, memory_order_relaxed);
        }
        forget(s, t);
    }
    return first;
}

/* Whether enough of the stack is left for a child to run on it. */
static bool stack_has_room(const struct drey__stack *s)
{
    const char *here = __builtin_frame_address(0);
    return here - s->bottom > ((char *)s->top - s->bottom) / 2;
}

/* A child that ran on its joiner's stack has ended, and is joined. */
static void end_inline(struct drey__worker *w, scope *s, drey_task *t)
{
    if (likely(t->scope == t->parent && !drey__task_holds(t) && t->flags == DREY__HANDLE &&
               !drey__link_in_list(&t->sibling))) {
        w->completed++;
        s->live--;
        drey__task_free(w, t); /* never linked: nobody has mailed it */
    } else {
        t->handle.joined = true;
        drey__scope_task_ended(w, t);
        forget(s, t);
    }
}

/* R14: run an unstarted child here and now. The joiner waits for exactly this child, so nothing is lost by it. */
static bool join_inline(drey_task *self, drey_task *t, int *out_result)
{
    struct drey__worker *w = drey__self;
    scope *s = drey__scope_of(t->parent);
    struct drey__stack *stack = self->stack;
    if (self->scope != t->parent || s->owner != self || self->held != 0 || drey__rt.seeded ||
        t->stack_class > stack->size_class || !stack_has_room(stack) || !drey__fresh_take(&w->fresh, t))
        return false;
    drey_fn *fn = t->fn, *own_fn = stack->fn;
    struct drey_binding *own_bindings = stack->bindings;
    const char *own_scope_name = stack->scope_name;
    void *arg = t->arg;
    t->state = DREY__RUNNING;
    t->stack = stack;
    t->clear_at = 0;
    stack->task = t;
    stack->fn = fn;
    stack->bindings = s->bindings;
    w->current = t;
    t->result = fn(arg);
    w->current = self;
    stack->task = self;
    stack->fn = own_fn;
    stack->bindings = own_bindings;
    stack->scope_name = own_scope_name;
    if (out_result != NULL)
        *out_result = t->result;
    end_inline(w, s, t);
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

int drey_join(drey_task *t, int *out_result)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc == -EPERM))
        return rc;
    if (unlikely(t == self))
        drey__panic("drey_join: a task cannot join itself (R3)");
    if (likely(rc == 0) && join_inline(self, t, out_result))
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
    if (!drey__park(self, "join", t)) {
        withdraw(t, &waiter);
        return -ECANCELED;
    }
    if (out_result != NULL)
        *out_result = waiter.result;
    return 0;
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
