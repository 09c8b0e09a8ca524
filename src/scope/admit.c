/* SPDX-License-Identifier: MIT */
/*
 * Room under a scope's limit, and where a new child is put (R3, R8).
 *
 * `running` counts admitted children. Room that a child leaves goes to the first waiting spawner, together with the
 * place: the worker that freed it queues the waiting child itself. All of it is under the scope's lock, since children
 * end on any worker.
 */
#include "base/random.h"
#include "scope/scope.h"

static struct drey__worker *less_loaded(struct drey__worker *w)
{
    struct drey__worker *a = drey__rt.workers[drey__random_below(&w->rng, drey__rt.count)];
    struct drey__worker *b = drey__rt.workers[drey__random_below(&w->rng, drey__rt.count)];
    return atomic_load_explicit(&b->load, memory_order_relaxed) < atomic_load_explicit(&a->load, memory_order_relaxed)
               ? b
               : a;
}

/* The first `limit` children are spread over the workers. */
static struct drey__worker *spread_first(struct drey__worker *w, scope *s)
{
    drey__spin_lock(&s->lock);
    uint32_t n = s->placed < s->limit ? s->placed++ : UINT32_MAX;
    drey__spin_unlock(&s->lock);
    return n == UINT32_MAX ? w : drey__rt.workers[(w->index + n) % drey__rt.count];
}

void drey__scope_place(struct drey__worker *w, scope *s, drey_task *child)
{
    struct drey__worker *to = w;
    if (drey__multi && s->spread)
        to = less_loaded(w);
    else if (drey__multi && s->limit != 0 && s->limit != UINT32_MAX)
        to = spread_first(w, s);
    if (to == w)
        drey__queue_fresh(w, child);
    else
        drey__send_fresh(to, child);
}

/* Whether t takes a place of the limit while it waits for another. */
static bool is_admitted_here(scope *s, const drey_task *t)
{
    return drey__scope_of(t->parent) == s && (t->flags & DREY__ADMITTED) != 0;
}

/* Under the lock. True: `self` is a child here, and all the others wait for room too (R3). */
static bool would_deadlock(scope *s, drey_task *self)
{
    if (!is_admitted_here(s, self))
        return false;
    if (s->blocked + 1 == s->running)
        return true;
    s->blocked++;
    return false;
}

static int wait_for_room(scope *s, drey_task *self, drey_task *child, const void *place)
{
    struct drey__waiter waiter;
    drey__waiter_init(&waiter, self, child, 0);
    drey__arm(self, 0);
    drey__queue_push(&s->waiters, &waiter);
    drey__spin_unlock(&s->lock);
    bool admitted = drey__park_at(self, "room under the scope's limit", s, place);
    if (admitted)
        return 0;
    drey__spin_lock(&s->lock);
    drey__queue_remove(&s->waiters, &waiter);
    s->blocked -= is_admitted_here(s, self);
    drey__spin_unlock(&s->lock);
    return -ECANCELED;
}

int drey__scope_admit(scope *s, drey_task *self, drey_task *child, bool wait, const void *place)
{
    child->flags |= DREY__ADMITTED;
    drey__spin_lock(&s->lock);
    if (s->running < s->limit && s->waiters.first == NULL) {
        s->running++;
        drey__spin_unlock(&s->lock);
        drey__scope_place(drey__self, s, child);
        return 0;
    }
    if (!wait || would_deadlock(s, self)) {
        drey__spin_unlock(&s->lock);
        return wait ? -EDEADLK : -EAGAIN;
    }
    return wait_for_room(s, self, child, place);
}

void drey__scope_release(struct drey__worker *w, scope *s)
{
    drey__spin_lock(&s->lock);
    struct drey__waiter *next = drey__queue_claim(&s->waiters);
    drey_task *child = next != NULL ? next->data : NULL;
    drey_task *spawner = next != NULL ? next->task : NULL;
    if (next == NULL)
        s->running--;
    else
        s->blocked -= is_admitted_here(s, spawner);
    drey__spin_unlock(&s->lock);
    if (child == NULL)
        return;
    drey__queue_fresh(w, child);
    drey__wake(spawner);
}
