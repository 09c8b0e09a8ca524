/* SPDX-License-Identifier: MIT */
/*
 * Looking into a running program from any thread.
 *
 *   ask.c        have a worker run a function on its own thread, between two tasks: its lists need no locks
 *   snapshot.c   what it runs for a dump: copy its tasks and scopes into rows
 *   frames.c     and what each waiting task is in the middle of
 *   dump.c       whoever asked: merge the workers' rows into one tree, and print it
 *   counters.c   sums over the workers
 *
 * Rejected: stopping the world (a dump is most wanted when a worker does not answer), locks around the workers' lists
 * (every park would pay for them), and printing on the worker's thread (it may stand on a small stack, nearly full).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drey/observe.h>

#include "sched/worker.h"

enum { DREY__PATIENCE_MS = 100, DREY__ROWS_MAX = 65536, DREY__ROW_LOCKS = 4 };

enum { DREY__FRAMES_MAX = 16, DREY__STACKS_MAX = 4095, DREY__STACKS_BUCKETS = 8192 };

/* The calls that a task is in, innermost first: where each was made. */
struct drey__frames {
    const void *at[DREY__FRAMES_MAX];
    uint8_t count;
    enum { DREY__FRAMES_ALL, DREY__FRAMES_MORE, DREY__FRAMES_BROKEN } end;
};

/* The different ones of a dump. Tasks that wait in great numbers mostly wait alike. */
struct drey__stacks {
    bool full; /* there were more */
    uint32_t count;
    uint16_t bucket[DREY__STACKS_BUCKETS];          /* open hashing: indices of `kept`, 0 for none */
    struct drey__frames kept[DREY__STACKS_MAX + 1]; /* the first is not used, and those above `count` are undefined */
};

/* A task or a scope at the time of a snapshot. Pointers to either are names only, never followed afterwards. */
struct drey__row {
    const void *self;
    const void *above;  /* a task's parent scope; a scope's owner, NULL for the root's */
    const char *text;   /* a task: what it waits for; a scope: its name */
    const char *text2;  /* a scope: where it was opened */
    const void *object; /* a task: what it waits on */
    const void *place;  /* a task: where it waits */
    const void *fn;     /* a task's function, or a dormant task's step; NULL if it has not started */
    uint32_t frames;    /* index into the stacks, or 0 */
    const void *held[DREY__ROW_LOCKS];
    const void *held_at[DREY__ROW_LOCKS];
    int64_t deadline;                             /* a scope's, or 0 */
    uint32_t live, running, limit, failed, cause; /* a scope's */
    uint16_t worker;
    uint8_t state; /* a task's */
    uint8_t held_count;
    bool is_scope;
    /* For the printer: indices of rows, 0 for none (row 0 is not used). */
    uint32_t first, last, next, up;
};

struct drey__snapshot {
    struct drey__row *rows;
    struct drey__stacks *stacks;
    uint32_t count, room;
    bool full;        /* there was more */
    drey_fn *current; /* what the task runs that asked, or was about to leave, or NULL */
    uint32_t ready, fresh;
    uint64_t timers;
};

/* Run fn(w, arg) on the worker's thread: false if it did not begin within the patience; then it never will. One at a
 * time. Any thread. */
bool drey__ask(struct drey__worker *w, void (*fn)(struct drey__worker *w, void *arg), void *arg);

/* For drey__ask: fill a snapshot. */
void drey__snapshot_take(struct drey__worker *w, void *snapshot);

/* On w's thread: the frames of the snapshot's tasks. */
void drey__frames_take(struct drey__worker *w, struct drey__snapshot *snapshot);

/* counters.c: while drey__look_begin keeps the runtime. */
void drey__counters_take(drey_counters *out);

/* tree.c: link the rows 1 to count - 1 into a tree under row 0, as far as they name each other. */
void drey__tree_link(struct drey__row *rows, uint32_t count);
/* The row after `at` in the order of printing, or 0; *depth is kept up to date. */
uint32_t drey__tree_next(const struct drey__row *rows, uint32_t at, unsigned *depth);
