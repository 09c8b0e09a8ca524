/* SPDX-License-Identifier: MIT */
#include "scope/token.h"

#include "base/alloc.h"
#include "scope/scope.h"
#include "scope/shutdown.h"

int drey_token_new(drey_token *parent, drey_token **out)
{
    drey_token *t = drey__alloc_zero(sizeof *t);
    if (t == NULL)
        return -ENOMEM;
    atomic_store_explicit(&t->refs, 1, memory_order_relaxed);
    drey__list_init(&t->children);
    drey__list_init(&t->scopes);
    if (parent != NULL) {
        t->parent = drey_token_ref(parent);
        drey__spin_lock_always(&parent->lock);
        drey__list_append(&parent->children, &t->sibling);
        drey__spin_unlock_always(&parent->lock);
    }
    *out = t;
    return 0;
}

drey_token *drey_token_ref(drey_token *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed); /* the caller holds one: it cannot reach zero now */
    return t;
}

/* A reference, unless the last one has gone already. */
static bool ref_if_alive(drey_token *t)
{
    uint32_t refs = atomic_load_explicit(&t->refs, memory_order_relaxed);
    while (refs != 0)
        if (atomic_compare_exchange_weak_explicit(&t->refs, &refs, refs + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    return false;
}

void drey_token_unref(drey_token *t)
{
    while (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) {
        drey_token *parent = t->parent;
        if (t->waiters.first != NULL || !drey__list_empty(&t->scopes))
            drey__panic("drey_token_unref: the last reference went while tasks wait for the token or scopes use it");
        if (parent != NULL) {
            drey__spin_lock_always(&parent->lock);
            drey__list_remove(&t->sibling);
            drey__spin_unlock_always(&parent->lock);
        }
        drey__free(t);
        t = parent;
    }
}

bool drey_token_cancelled(const drey_token *t)
{
    for (; t != NULL; t = t->parent)
        if (atomic_load_explicit(&t->fired, memory_order_acquire))
            return true;
    return false;
}

const char *drey__token_why(drey_token *t)
{
    for (; t != NULL; t = t->parent)
        if (atomic_load_explicit(&t->fired, memory_order_acquire))
            return atomic_load_explicit(&t->why, memory_order_relaxed);
    return NULL;
}

/* Under the token's lock: cancel its scopes. They cannot close meanwhile, since detaching takes the lock. */
static void cancel_scopes(drey_token *t)
{
    struct drey__link *next;
    for (struct drey__link *l = t->scopes.next; l != &t->scopes; l = next) {
        scope *s = drey__container(l, scope, token_link);
        next = l->next;
        struct drey__latch latch = {.cause = s->owner == NULL ? DREY_CAUSE_SHUTDOWN : DREY_CAUSE_TOKEN,
                                    .code = -ECANCELED,
                                    .why = drey__token_why(t)};
        drey__scope_latch(s, &latch);
    }
}

/* Spread one token; its children join the work, each with a reference. */
static void spread_one(drey_token *t, drey_token **work)
{
    drey__spin_lock_always(&t->lock);
    cancel_scopes(t);
    struct drey__waiter *w;
    while ((w = drey__queue_claim(&t->waiters)) != NULL)
        drey__wake(w->task);
    for (struct drey__link *l = t->children.next; l != &t->children; l = l->next) {
        drey_token *child = drey__container(l, drey_token, sibling);
        if (!atomic_exchange_explicit(&child->spread, true, memory_order_acq_rel) && ref_if_alive(child)) {
            child->next_work = *work;
            *work = child;
        }
    }
    drey__spin_unlock_always(&t->lock);
}

/* The caller has set `spread`, and holds a reference that is consumed. */
static void spread(drey_token *t)
{
    drey_token *work = t;
    t->next_work = NULL;
    while (work != NULL) {
        drey_token *next = work;
        work = next->next_work;
        spread_one(next, &work);
        drey_token_unref(next);
    }
}

void drey_token_cancel(drey_token *t, const char *why)
{
    const char *none = NULL;
    if (!atomic_load_explicit(&t->fired, memory_order_relaxed))
        atomic_compare_exchange_strong_explicit(&t->why, &none, why, memory_order_relaxed, memory_order_relaxed);
    atomic_store_explicit(&t->fired, true, memory_order_seq_cst);
    drey__epoch_raise();
    if (!atomic_exchange_explicit(&t->spread, true, memory_order_acq_rel))
        spread(drey_token_ref(t));
}

/*
 * From a signal handler only what is lock-free is allowed: mark, push the token onto a list (with a reference), raise
 * the epoch, and wake worker 0 by one write. A worker spreads the token soon after.
 */
static _Atomic(drey_token *) signalled;

void drey_token_cancel_from_signal(drey_token *t)
{
    int saved_errno = errno;
    atomic_store_explicit(&t->fired, true, memory_order_seq_cst);
    drey__epoch_raise();
    if (!atomic_exchange_explicit(&t->signalled, true, memory_order_acq_rel)) {
        drey_token_ref(t);
        drey_token *head = atomic_load_explicit(&signalled, memory_order_relaxed);
        do {
            t->next_signalled = head;
        } while (
            !atomic_compare_exchange_weak_explicit(&signalled, &head, t, memory_order_seq_cst, memory_order_relaxed));
        drey__wake_for_signal();
    }
    errno = saved_errno;
}

bool drey__token_signals_waiting(void)
{
    return atomic_load_explicit(&signalled, memory_order_seq_cst) != NULL;
}

void drey__token_spread_signals(void)
{
    if (likely(atomic_load_explicit(&signalled, memory_order_relaxed) == NULL))
        return;
    drey_token *t = atomic_exchange_explicit(&signalled, NULL, memory_order_acquire);
    while (t != NULL) {
        drey_token *next = t->next_signalled;
        if (!atomic_exchange_explicit(&t->spread, true, memory_order_acq_rel))
            spread(drey_token_ref(t));
        drey_token_unref(t);
        t = next;
    }
}

void drey__token_attach(drey_token *t, scope *s)
{
    s->token = drey_token_ref(t);
    drey__spin_lock_always(&t->lock);
    drey__list_append(&t->scopes, &s->token_link);
    drey__spin_unlock_always(&t->lock);
    /* Fired before the scope was on the list: nobody else will tell it. After: both may, and the latch takes one. */
    if (drey_token_cancelled(t)) {
        struct drey__latch latch = {.cause = s->owner == NULL ? DREY_CAUSE_SHUTDOWN : DREY_CAUSE_TOKEN,
                                    .code = -ECANCELED,
                                    .why = drey__token_why(t)};
        drey__scope_latch(s, &latch);
    }
}

void drey__token_detach(drey_token *t, scope *s)
{
    drey__spin_lock_always(&t->lock);
    drey__list_remove(&s->token_link);
    drey__spin_unlock_always(&t->lock);
    s->token = NULL;
    drey_token_unref(t);
}
