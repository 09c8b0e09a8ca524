/* SPDX-License-Identifier: MIT */
/*
 * Scopes: the tree that owns every task.
 *
 * A scope lives in its opener's frame. Its home is the opener's worker, and since started tasks stay on their worker
 * that never changes: what a scope counts and lists is written by its home only, without atomics. Other workers send
 * mail (sched/mail.h). Three things are shared, each with a comment at its field: the cause, the room under a limit,
 * and what was added from afar.
 *
 * Cancellation has two halves.
 *   Mark (mark.c)   The first cause is latched in the scope by a CAS, and the cancel epoch rises. Whoever passes a
 *                   suspension point with an older epoch walks its scopes outwards and finds the cause. So a cancel is
 *                   seen at once everywhere, even by tasks that nobody can enumerate yet.
 *   Visit (visit.c) The scope's home, and then every other worker in turn (the tour), wakes the waiting tasks inside.
 * A task that is about to park has either seen the mark, or is found by the visit: both happen on its own worker's
 * thread, where nothing comes between its last look and its parking (R7).
 *
 * I1  live + remote_added is the number of children that have not been accounted as ended. It can only reach zero when
 *     no child is left: a remote spawner is itself inside, and its own end is sent after its additions.
 * I2  A child is linked (children, or the foreign list of the worker that runs it) from its first park or first scope
 *     to its end. One that is not linked does not wait and has no scopes.
 * I3  cause goes from NONE to LATCHING to its value once; code, why, culprit and place are written in between by the
 *     one who latched, and published by the final release store.
 * I4  A scope is visited once when it is cancelled, since everything inside is refused by the mark from then on; and
 *     once more when the runtime's grace is over and shields fall.
 * I5  Between posting VISIT or TOUR mail and its receipt the scope stays open: `posted` and `touring` hold its close.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <drey/scope.h>
#include <drey/token.h>

#include "sched/hooks.h"
#include "timer/wheel.h"
#include "wait/wait.h"

/* The causes that users see (drey_cause), and the internal ones. */
enum {
    DREY__CAUSE_OUTER = 100, /* something further out was cancelled first */
    DREY__CAUSE_FINISH,      /* only daemons are left, and they shall end */
    DREY__CAUSE_LATCHING,
};

typedef struct scope {
    struct drey__worker *home;     /* NULL: not open */
    struct drey__worker *quick;    /* home, or NULL if a new child takes thought: limit, spread, max_tasks */
    drey_task *joins_inline;       /* the owner, or NULL if a join takes thought: the same, other stacks, a seed */
    drey_task *owner;              /* the opener; NULL for the runtime's root scope */
    drey_scope *outer;             /* the opener's innermost scope when it opened this one */
    const char *name, *place;      /* static strings, may be NULL */
    struct drey_binding *bindings; /* what children inherit */
    struct drey__link children;    /* linked children that run at home */
    struct drey__link ended;       /* ended children whose handle nobody has consumed */
    uint32_t child_traits;         /* what a new child's begin with: its class of stacks */
    int32_t code;                  /* I3 */
    /* From here to `limit` all is zero when a scope is opened without options. */
    drey_token *token;
    struct drey__timer timer;      /* on the home's wheel while a deadline is set */
    _Atomic int64_t deadline;      /* 0: none; opener and tasks inside write, home follows with its timer */
    _Atomic uint64_t abroad;       /* a bit a worker (modulo 64) that has linked children; only set; visit.c */
    uint32_t live;                 /* home only; I1 */
    _Atomic uint32_t remote_added; /* other workers add, relaxed: ordered by the mail that follows; I1 */
    _Atomic uint32_t daemons;      /* of the live ones; added by spawners (release), subtracted by home */
    _Atomic uint32_t failed;       /* home adds; anyone reads */
    _Atomic uint32_t cause;        /* I3 */
    _Atomic bool posted;           /* VISIT mail is under way; set by the sender, cleared by home before acting */
    bool touring, closing, negative_after; /* home only */
    uint8_t visited;                       /* home only: 1 by its cancellation, 2 once shields protect no more */
    bool keep_going, shield, spread;
    uint32_t limit; /* 0: none */
    /* What most scopes never need is not touched when one is opened. */
    struct drey__link token_link; /* with a token; under the token's lock */
    struct drey__queue waiters;   /* from here to `lock`: with a limit, under lock. Spawners waiting for room, ... */
    uint32_t running;             /* ... whose waiter->data is the child; admitted children, at most limit */
    uint32_t placed;              /* how many were spread at the start */
    uint32_t blocked;             /* admitted children that wait for room here */
    drey__spin lock;
    const char *why;                 /* I3 */
    drey_fn *culprit;                /* I3: the function of the task that failed or cancelled */
    const void *cause_place;         /* I3 */
    uintptr_t visit_mail, tour_mail; /* links of VISIT and TOUR mail: both may be under way at once */
    struct scope *visit_next;        /* home, during a visit */
} __attribute__((may_alias)) scope;

_Static_assert(sizeof(scope) <= sizeof(drey_scope), "the public type has room");

static inline scope *drey__scope_of(drey_scope *s)
{
    return (scope *)(void *)s;
}

static inline const char *drey__scope_label(const scope *s)
{
    return likely(s->name != NULL) ? s->name : s->place != NULL ? s->place : "a scope without a name";
}

static inline uint32_t drey__scope_cause(scope *s)
{
    return atomic_load_explicit(&s->cause, memory_order_acquire);
}

static inline uint32_t drey__scope_live(scope *s)
{
    return s->live + atomic_load_explicit(&s->remote_added, memory_order_relaxed);
}

/* Whether only what a closing opener does not wait for is left. The daemons are read first: a spawner elsewhere adds to
 * the live ones before it adds to these, so what is read here as a daemon is read as alive too. */
static inline bool drey__scope_is_quiet(scope *s)
{
    uint32_t daemons = atomic_load_explicit(&s->daemons, memory_order_acquire);
    return drey__scope_live(s) == daemons && !s->touring;
}

/* open.c; open.h has more */
void drey__scope_deadline_fired(struct drey__timer *timer);
const char *drey__scope_name(const drey_scope *s);
/* Home: set or clear the timer as `deadline` says; one that has passed fires at once. */
void drey__scope_follow_deadline(scope *s, int64_t now);
/* Stop with a sentence if the task's innermost scope lies below `frame`: in a frame that has returned (R1). */
void drey__scope_check_left_below(drey_task *self, const void *frame);

/* mark.c */
struct drey__latch {
    uint32_t cause;
    int32_t code;
    const char *why;
    drey_fn *culprit;
    const void *place;
};
/* Latch a cause, raise the epoch and see to the visit. Any thread that keeps the scope open. False: another was
 * first. */
bool drey__scope_latch(scope *s, const struct drey__latch *latch);
/* Whether `s`, seen as opened by its owner, is cancelled by itself or from further out; *out_by: by which scope, or
 * NULL if by drey_task_cancel of *out_task. */
bool drey__scope_cancelled(scope *s, drey_task *inside, scope **out_by, drey_task **out_task);
/* Latch OUTER if something further out was cancelled; true if s has a cause now. */
bool drey__scope_settle(scope *s);

/* visit.c */
void drey__scope_visit(struct drey__worker *w, scope *s); /* home: it was cancelled: wake what it holds */
void drey__scope_visit_everything(scope *root);           /* worker 0, when the grace is over */
void drey__scope_visit_task(struct drey__worker *w, drey_task *t);
void drey__scope_unlink_slow(drey_task *t);
static inline void drey__scope_unlink(drey_task *t)
{
    if ((t->flags & DREY__LINKED) != 0)
        drey__scope_unlink_slow(t);
}
void drey__scope_post(scope *s); /* have home look at the scope; any thread that keeps it open */

/* far.c */
void drey__scope_ended_far(struct drey__worker *w, drey_task *t); /* a plain leaf of a scope that lives elsewhere */
void drey__scope_pack_done(struct drey__worker *w, drey_task *letter); /* home */

/* child.c */
void drey__scope_child_gone(scope *s, drey_task *t); /* home: account for an ended child */
void drey__scope_reopen_closer(scope *s);            /* home: wake the closing opener if nothing holds it */
/* Home: something that may hold the close has gone. */
static inline void drey__scope_recheck_close(scope *s)
{
    if (unlikely(s->closing))
        drey__scope_reopen_closer(s);
}
/* Whatever the task has been through. */
static inline void drey__task_free(struct drey__worker *w, drey_task *t)
{
    if (unlikely(drey__rt.max_tasks != 0))
        atomic_fetch_sub_explicit(&drey__rt.live, 1, memory_order_relaxed);
    t->stack = NULL;
    if ((t->flags & (DREY__HANDLE | DREY__COPY | DREY__STEP)) != 0) {
        t->handle.joiner = NULL;
        t->handle.runs_on = NULL;
    }
    drey__record_put(&w->records, t);
}

/* admit.c */
int drey__scope_admit(scope *s, drey_task *self, drey_task *child, bool wait, const void *place);
void drey__scope_release(struct drey__worker *w, scope *s); /* an admitted child ended: let the next one in */
void drey__scope_place(struct drey__worker *w, scope *s, drey_task *child);
