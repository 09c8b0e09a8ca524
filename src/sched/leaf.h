/* SPDX-License-Identifier: MIT */
/*
 * A leaf: a task that runs and has called nothing of the runtime yet. Many never do.
 *
 * Who starts a task (the loop, or its joiner on its own stack) notes it as the worker's leaf and calls its function,
 * no more. The first call into the runtime finds no current task, comes here, and makes the leaf the current task:
 * only then do its record and the stack say of each other what others want to read. A leaf whose function returns
 * before that has touched nothing, so there is nothing to undo, and nothing of it to look for.
 *
 *   started ->  leaf -> ended                     w->leaf == t, w->current == NULL
 *                 `---> current -> ... -> ended   w->leaf == NULL
 *
 * I1  Only the worker's own thread writes `leaf`, `leaf_at` and `current`. Other threads peek at them for reports.
 * I2  At most one of `leaf` and `current` is set. When a function that was called as a leaf returns, `leaf` is still
 *     that task, or NULL; what ran in between, if it was settled and parked, had its own time as a leaf.
 * I3  A leaf's record says FRESH and has no stack and no scope, but is in no queue.
 */
#pragma once

#include "sched/worker.h"

/* In the frame of a joiner that called the leaf's function: what the stack said before; valid once it is settled. */
struct drey__leaf {
    drey_fn *fn;
    struct drey_binding *bindings;
};

/* Before and after the call of the function. `at` is NULL in the loop. */
static inline void drey__leaf_begin(struct drey__worker *w, struct drey_task *t, struct drey__leaf *at)
{
    w->current = NULL;
    w->leaf = t;
    w->leaf_at = at;
}

/* True if it is a leaf still; false: it was settled, and is the current task. */
static inline bool drey__leaf_end(struct drey__worker *w, const struct drey_task *t)
{
    bool still = likely(w->leaf == t);
    w->leaf = NULL;
    return still;
}

/* Make the leaf the current task, if there is one. The current task, or NULL. */
struct drey_task *drey__leaf_settle(struct drey__worker *w);
