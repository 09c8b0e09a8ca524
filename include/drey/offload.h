/* SPDX-License-Identifier: MIT */
/**
 * Blocking work on threads of its own.
 *
 * When to use: for calls that block or compute long (databases, compression, getaddrinfo), so that the worker is
 * free. A pool of your own keeps slow work from queueing in front of other work.
 * Order: first come first served. Limits: threads and queue; at both, callers wait.
 * Threads: the work is no task: DREY_ASYNC calls in it return -EPERM; drey_cancelled and drey_local_get work.
 * Data that it shares with tasks is guarded by pthread mutexes, not drey's.
 *
 *     int rc = drey_offload(compress_file, &job);   // only this task waits
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in threads, queue and stack_size means the default. */
typedef struct drey_pool_options {
    const char *name;  /* names the threads; borrowed until the pool is closed */
    unsigned threads;  /* at most; default 16 */
    unsigned queue;    /* jobs waiting for a thread at most; default 1024 */
    size_t stack_size; /* bytes, of each thread; default the system's */
} drey_pool_options;

/** One piece of work. */
typedef struct drey_job {
    drey_fn *fn;                  /* runs on a thread of the pool */
    void *arg;                    /* borrowed until the call returns */
    void (*interrupt)(void *arg); /* makes a running fn return early; may be NULL */
} drey_job;

/**
 * Run fn on the default pool and wait for its result.
 *
 * @param arg  borrowed until the call returns
 * @return fn's result.
 *         -ECANCELED  the scope was cancelled before fn started: it never runs
 *
 * Suspends: always, unless refused.
 * Cancel:   queued work is withdrawn; work that has started is waited for, and its result returned.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_offload(drey_fn *fn, void *arg);

/**
 * Open a pool.
 *
 * @param out_pool  owned by the caller, until drey_pool_close
 * @return 0.
 *         -ENOMEM  no memory
 *         -EPERM   outside a task
 */
DREY_API DREY_MUST_USE
int drey_pool_open(drey_pool_options options, drey_pool **out_pool);

/**
 * Run a job on a pool and wait for its result; waits for room in the queue first.
 *
 * @param pool  borrowed until the call returns
 * @param job   borrowed until the call returns
 * @return the result of job->fn.
 *         -ECANCELED  the scope was cancelled before the job started: it never runs
 *
 * Suspends: always, unless refused.
 * Cancel:   a queued job is withdrawn. A running one is waited for; job->interrupt is called once, on another thread,
 *           possibly while fn returns, so it must be safe then too.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_pool_call(drey_pool *pool, const drey_job *job);

/**
 * Close a pool and join its threads.
 *
 * @param pool  consumed; no call may be in flight any more, nor come later
 * @return 0: the threads have ended.
 *
 * Suspends: while the threads end.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_pool_close(drey_pool *pool);

#ifdef __cplusplus
}
#endif
