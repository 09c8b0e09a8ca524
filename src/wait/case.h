/* SPDX-License-Identifier: MIT */
/*
 * What a select (and a dormant task) asks of an object: the steps of the silhouette in wait.h, one function each.
 * Every object that can be a case defines one of these tables in its own file; select/select.c lists them by kind.
 */
#pragma once

#include <drey/select.h>

#include "wait/wait.h"

struct drey__case_ops {
    const char *what;   /* for the dump */
    uint32_t arm_flags; /* DREY__FOREIGN if threads that are no workers may claim */

    /* The task is not armed. If the case can happen now, make it happen (outputs and c->result written): true. */
    bool (*attempt)(drey_case *c);

    /* The task is armed. Under the object's lock: if the case could happen now, change nothing: true. Otherwise queue
     * the waiter (drey__waiter_init has been done; set w->data and w->amount here): false. */
    bool (*enlist)(drey_case *c, struct drey__waiter *w);

    /* Under the object's lock: remove the waiter if it is still queued. Called for every enlisted waiter but the one
     * that was claimed. */
    void (*withdraw)(drey_case *c, struct drey__waiter *w);

    /* This case's waiter was claimed: finish on the waiter's own side (NULL: c->result = w->result is all). */
    void (*finish)(drey_case *c, struct drey__waiter *w);
};

extern const struct drey__case_ops drey__case_token, drey__case_fd, drey__case_join, drey__case_send, drey__case_recv,
    drey__case_acquire, drey__case_notify, drey__case_gate, drey__case_broadcast, drey__case_watch,
    drey__case_signal;
