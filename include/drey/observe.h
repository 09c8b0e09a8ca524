/* SPDX-License-Identifier: MIT */
/**
 * Looking into a running program.
 *
 * When to use: drey_dump when something hangs, drey_counters_get for metrics.
 * Threads: any, but not from a signal handler. Neither stops the program; both may be a moment out of date.
 *
 *     drey_counters now;
 *     drey_counters_get(&now);
 *     printf("%" PRIu64 " tasks on %s\n", now.tasks_live, now.io_backend);
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Without a comment: how many there are now. "so far" counts from the start of the runtime. */
typedef struct drey_counters {
    uint64_t workers;
    uint64_t tasks_live;        /* all of the following four kinds */
    uint64_t tasks_started;     /* running or ready to run on a stack */
    uint64_t tasks_unstarted;   /* queued, without a stack yet */
    uint64_t tasks_dormant;     /* waiting without a stack */
    uint64_t tasks_parked;      /* waiting on a stack */
    uint64_t spawned;           /* tasks, so far */
    uint64_t completed;         /* tasks, so far */
    uint64_t switches;          /* from one task to another, so far */
    uint64_t steals;            /* of unstarted tasks, so far */
    uint64_t wakes;             /* of sleeping workers, so far */
    uint64_t timers;            /* set */
    uint64_t io_inflight;       /* operations */
    uint64_t pool_running;      /* offloaded jobs, all pools */
    uint64_t pool_queued;       /* offloaded jobs, all pools */
    uint64_t stacks_mapped;     /* stacks, in use or free */
    uint64_t stacks_free;       /* stacks kept for reuse */
    uint64_t scopes_cancelled;  /* so far */
    uint64_t lock_rule_reports; /* so far */
    const char *io_backend;     /* "uring" or "epoll"; a static string */
} drey_counters;

/**
 * Write what every task does, for people: name, state, what it waits on, place, the tree of scopes,
 * locks, workers, and the I/O backend. Of a task that waits also the calls that it is in, innermost first, up to 16.
 * Neighbours that are alike in all of this are said once, with their number.
 *
 * @param fd  written to by blocking writes
 * @return 0: all is written.
 *         a negative errno of write(2)
 *
 * Threads: any.
 */
DREY_API DREY_MUST_USE
int drey_dump(int fd);

/** Take a snapshot of the counters; all zero if no runtime runs. Threads: any. */
DREY_API
void drey_counters_get(drey_counters *out_counters);

#ifdef __cplusplus
}
#endif
