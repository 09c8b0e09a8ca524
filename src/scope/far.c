/* SPDX-License-Identifier: MIT */
/*
 * Leaves that end on another worker than their scope's home.
 *
 * A letter for each would cost more than most of them do. A leaf without a handle, a place under a limit or a failure
 * is nothing but one child less and a record to give back, so they are reported together: the worker links the records
 * of one scope, and sends them home as one letter, the first of them, which names the others.
 *
 * Nobody can tell. What holds a report back is only another such leaf of the same scope that runs in the meantime, for
 * whose end the scope waits as well. Before anything else runs here, and as soon as that leaf calls into the runtime,
 * the report is sent (sched/leaf.c, sched/loop.c).
 */
#include "scope/scope.h"

enum { PACK_MAX = 128 }; /* records go back in time to be used again */

void drey__scope_ended_far(struct drey__worker *w, drey_task *t)
{
    struct drey__ended *e = &w->ended;
    if (e->scope == NULL) {
        e->scope = t->parent;
        e->first = t;
        e->count = 0;
    } else {
        e->last->next = t;
    }
    e->last = t;
    if (++e->count == PACK_MAX)
        drey__scope_report_ended(w);
}

void drey__scope_report_ended(struct drey__worker *w)
{
    struct drey__ended *e = &w->ended;
    drey_task *letter = e->first;
    struct drey__worker *home = drey__scope_of(e->scope)->home;
    e->last->next = NULL;
    letter->pack = (struct drey__pack){.rest = letter->next, .last = e->last};
    letter->result = (int32_t)e->count;
    e->scope = NULL;
    drey__send(home, letter, DREY__MAIL_DONE); /* neither the records nor the scope may be touched after this */
}

void drey__scope_pack_done(struct drey__worker *w, drey_task *letter)
{
    scope *s = drey__scope_of(letter->parent);
    uint32_t count = (uint32_t)letter->result;
    if (unlikely(drey__rt.max_tasks != 0))
        atomic_fetch_sub_explicit(&drey__rt.live, count, memory_order_relaxed);
    if (letter->pack.rest != NULL) {
        letter->pack.last->next = w->records.free;
        w->records.free = letter->pack.rest;
    }
    drey__record_put(&w->records, letter);
    s->live -= count;
    drey__scope_recheck_close(s);
}
