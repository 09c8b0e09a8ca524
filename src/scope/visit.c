/* SPDX-License-Identifier: MIT */
/*
 * The visits of cancellation: waking the tasks that wait inside a cancelled scope (scope.h).
 *
 * A visit runs on the thread of the tasks it looks at. It is iterative: scopes still to be visited form a list through
 * visit_next. A scope that has had linked children on other workers goes on a tour of these: the scope itself is
 * the letter, posted from worker to worker until it is home again; each worker looks through its foreign list.
 */
#include "scope/scope.h"
#include "scope/shutdown.h"

static struct drey__link *list_of(struct drey__worker *w, scope *parent)
{
    if (parent->home == w)
        return &parent->children;
    uintptr_t hash = ((uintptr_t)parent >> 6) * 0x9E3779B97F4A7C15u;
    return &w->foreign[(hash >> 32) % DREY__FOREIGN_BUCKETS];
}

static void add_load(struct drey__worker *w, int by)
{
    uint64_t load = atomic_load_explicit(&w->load, memory_order_relaxed);
    atomic_store_explicit(&w->load, load + (uint64_t)by, memory_order_relaxed);
}

static uint64_t bit_of(const struct drey__worker *w)
{
    return (uint64_t)1 << (w->index % 64);
}

/* Announce the worker to the scope's tour, then look for a mark once more: whoever cancels marks first, then looks who
 * is abroad. One of the two sees the other. */
static void link_abroad(struct drey__worker *w, drey_task *t, scope *parent)
{
    if ((atomic_load_explicit(&parent->abroad, memory_order_relaxed) & bit_of(w)) == 0)
        atomic_fetch_or_explicit(&parent->abroad, bit_of(w), memory_order_seq_cst);
    if (drey__scope_marked(t))
        drey__scope_visit_task(w, t);
}

void drey__scope_link(drey_task *t)
{
    struct drey__worker *w = drey__self;
    scope *parent = drey__scope_of(t->parent);
    drey__list_append(list_of(w, parent), &t->sibling);
    t->flags |= DREY__LINKED;
    add_load(w, 1);
    if (parent->home != w)
        link_abroad(w, t, parent);
    if ((t->flags & DREY__HANDLE) == 0)
        return;
    drey__spin_lock(&t->handle.lock);
    t->handle.runs_on = w;
    bool cancelled = atomic_load_explicit(&t->handle.cancelled, memory_order_relaxed);
    drey__spin_unlock(&t->handle.lock);
    if (cancelled)
        drey__scope_visit_task(w, t); /* whoever cancelled it could not find it */
}

void drey__scope_unlink_slow(drey_task *t)
{
    drey__list_remove(&t->sibling);
    t->flags &= (uint8_t)~DREY__LINKED;
    add_load(drey__self, -1);
}

/*
 * The scopes that t has opened inside of `from`, the innermost first, are added to `work`, but for those that a shield
 * protects: the shield itself and what is inside it. True if t's own waiting is not protected.
 */
static bool add_scopes(drey_task *t, scope *from, scope **work)
{
    scope *last_shield = NULL;
    bool grace_over = atomic_load_explicit(&drey__grace_over, memory_order_relaxed);
    for (scope *s = drey__scope_of(t->scope); s != from; s = drey__scope_of(s->outer))
        if (s->shield && !grace_over)
            last_shield = s;
    scope *s = drey__scope_of(last_shield != NULL ? last_shield->outer : t->scope);
    for (; s != from; s = drey__scope_of(s->outer)) {
        s->visit_next = *work;
        *work = s;
    }
    return last_shield == NULL;
}

/* Wake t if it waits inside of `from`, which is its parent or a scope that it has opened. */
static void visit_task(drey_task *t, scope *from, scope **work)
{
    if (!add_scopes(t, from, work))
        return;
    uint32_t claim = atomic_load_explicit(&t->claim, memory_order_relaxed);
    if ((claim & DREY__UNCUT) == 0 && drey__claim_task(t, DREY__BY_CANCEL))
        drey__wake(t);
}

/* Visit the tasks of `parent` that are linked on this worker. */
static void visit_list(struct drey__worker *w, scope *parent, scope **work)
{
    struct drey__link *list = list_of(w, parent), *next;
    for (struct drey__link *l = list->next; l != list; l = next) {
        drey_task *t = drey__container(l, drey_task, sibling);
        next = l->next; /* a woken dormant task may leave the list */
        if (drey__scope_of(t->parent) == parent) {
            visit_task(t, parent, work);
        }
    }
}

/* To the next worker, from `w` on, that has had linked children of the scope; at last home. */
static void send_on(struct drey__worker *w, scope *s)
{
    uint64_t abroad = atomic_load_explicit(&s->abroad, memory_order_seq_cst);
    struct drey__worker *next = w;
    do {
        next = drey__rt.workers[(next->index + 1) % drey__rt.count];
    } while (next != s->home && (abroad & bit_of(next)) == 0);
    drey__send(next, &s->tour_mail, DREY__MAIL_TOUR);
}

static void visit_all(struct drey__worker *w, scope *work)
{
    while (work != NULL) {
        scope *s = work;
        work = s->visit_next;
        uint8_t visit = atomic_load_explicit(&drey__grace_over, memory_order_relaxed) ? 2 : 1;
        if (s->visited >= visit || s->touring) /* I4; a tour that comes home looks again */
            continue;
        s->visited = visit;
        visit_list(w, s, &work);
        if (atomic_load_explicit(&s->abroad, memory_order_seq_cst) != 0) {
            s->touring = true;
            send_on(w, s);
        }
    }
}

void drey__scope_visit_task(struct drey__worker *w, drey_task *t)
{
    scope *work = NULL;
    visit_task(t, drey__scope_of(t->parent), &work);
    visit_all(w, work);
}

void drey__scope_post(scope *s)
{
    if (!atomic_exchange_explicit(&s->posted, true, memory_order_acq_rel)) {
        drey__send(s->home, &s->visit_mail, DREY__MAIL_VISIT);
    }
}

void drey__scope_visit(struct drey__worker *w, scope *s)
{
    if (drey__scope_cause(s) == DREY_CAUSE_NONE)
        return;
    if (s->owner == NULL)
        drey__shutdown_begin();
    s->visit_next = NULL;
    scope *work = s;
    if (s->owner != NULL && s->visited == 0)
        visit_task(s->owner, s, &work); /* the opener is no child of it */
    visit_all(w, work);
}

void drey__scope_visit_mail(struct drey__worker *w, void *mail)
{
    scope *s = drey__container(mail, scope, visit_mail);
    atomic_store_explicit(&s->posted, false, memory_order_release); /* before looking: what comes later posts again */
    if (s->timer.when != atomic_load_explicit(&s->deadline, memory_order_relaxed))
        drey__scope_follow_deadline(s, drey__clock_now());
    drey__scope_visit(w, s);
}

void drey__scope_visit_everything(scope *root)
{
    root->visit_next = NULL;
    visit_all(root->home, root);
}

void drey__scope_tour(struct drey__worker *w, void *mail)
{
    scope *s = drey__container(mail, scope, tour_mail);
    if (s->home == w) {
        s->touring = false;
        s->visit_next = NULL;
        visit_all(w, s);
        drey__scope_recheck_close(s);
        return;
    }
    scope *work = NULL;
    visit_list(w, s, &work);
    send_on(w, s); /* s may be gone after this */
    visit_all(w, work);
}
