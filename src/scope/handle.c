/* SPDX-License-Identifier: MIT */
/*
 * Children with a handle: spawn and cancel; join.c has the join.
 *
 * handle.lock orders the three who may meet at a handle: the joiner, whoever cancels, and the end of the task.
 *   join    under the lock: ended? then consume; else become the joiner.
 *   cancel  under the lock: mark; if the task is linked, mail its worker (the mail is pushed under the lock, so that
 *           the task's end, which looks under the lock, finds it in the box).
 *   end     on its worker: no cancel mail may be left; then at home: ended, wake the joiner.
 * A record is freed by its scope's home once it is ended and its handle consumed, or when the scope closes.
 */
#include <stddef.h>
#include <string.h>

#include "base/list.h"
#include "scope/child.h"
#include "scope/scope.h"
#include "scope/shutdown.h"

static inline void init_handle(drey_task *t)
{
    memset(&t->handle.lock, 0, offsetof(drey_task, handle.joiner) - offsetof(drey_task, handle.lock));
}

static __attribute__((noinline)) int spawn_slow(drey_scope *s, drey_fn *fn, void *arg, drey_task **out_task,
                                                const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0)
        return rc;
    drey_task *t = drey__child_new(self, s, fn, arg, DREY__HANDLE);
    if (t == NULL)
        return -ENOMEM;
    init_handle(t);
    rc = drey__child_start(drey__scope_of(s), self, t, true, place);
    if (rc == 0)
        *out_task = t;
    return rc;
}

int drey_spawn(drey_scope *s, drey_fn *fn, void *arg, drey_task **out_task)
{
    drey_task *t = drey__child_quick(s, fn, arg, DREY__HANDLE);
    if (unlikely(t == NULL))
        return spawn_slow(s, fn, arg, out_task, DREY__CALLER);
    init_handle(t);
    *out_task = t;
    return drey__queue_fresh_quick(drey__self, t, true);
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
    drey__handle_forget(s, t);
    s->live--; /* the letter counted as a child, so that the scope stayed open for it */
    drey__scope_recheck_close(s);
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
        drey__handle_forget(s, t);
    }
    return first;
}
