/* SPDX-License-Identifier: MIT */
/*
 * Cancellation tokens: a tree that any thread may hold and fire.
 *
 * `state` goes 0 -> FIRED once (any thread; seq_cst, together with the cancel epoch that rises after it). A descendant
 * of a fired token counts as fired at once: drey_token_cancelled walks to the root. What must be woken (attached
 * scopes, waiting tasks, children's) is spread by whoever fired it, or, after a signal handler, by a worker.
 *
 * Locks: token->lock protects its lists. A parent's lock may be held while a child's is taken, never the other way.
 * A child holds a reference on its parent; the parent's list of children does not count as one, a child leaves it,
 * under the parent's lock, when its last reference goes.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <drey/token.h>

#include "base/list.h"
#include "base/spin.h"
#include "wait/wait.h"

struct scope;

struct drey_token {
    _Atomic uint32_t refs;
    _Atomic bool fired;
    _Atomic bool spread;    /* set by the one who spreads it */
    _Atomic bool signalled; /* fired by a signal handler: on the list of signals once */
    drey__spin lock;
    drey_token *parent;
    _Atomic(const char *) why;  /* valid once fired, if not NULL */
    struct drey__link sibling;  /* under the parent's lock */
    struct drey__link children; /* under lock */
    struct drey__link scopes;   /* under lock */
    struct drey__queue waiters; /* under lock */
    drey_token *next_signalled; /* on the lock-free list of signals */
    drey_token *next_work;      /* with the one who spreads */
};

/* A scope that the token cancels. Detach waits for nothing; after it the token does not touch the scope. */
void drey__token_attach(drey_token *t, struct scope *s);
void drey__token_detach(drey_token *t, struct scope *s);
const char *drey__token_why(drey_token *t);
