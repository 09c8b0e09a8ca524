/* SPDX-License-Identifier: MIT */
/**
 * Starting the runtime.
 *
 * When to use: once, around the whole program. The calling thread becomes worker 0, so no thread is wasted on waiting.
 * Threads: one runtime a process. Worker 0 keeps its signal mask, the other workers block asynchronous signals.
 * After fork only exec is legal: a program that daemonises does so before drey_run.
 *
 *     static DREY_ASYNC int hello(void *arg)
 *     {
 *         puts(arg);
 *         return drey_sleep(DREY_MS(10));
 *     }
 *
 *     int main(void)
 *     {
 *         return drey_run(NULL, hello, "hello") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
 *     }
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** drey_config.io: AUTO takes DREY_IO from the environment, else io_uring, else epoll where io_uring is refused. */
enum { DREY_IO_AUTO = 0, DREY_IO_URING, DREY_IO_EPOLL };

/** drey_config.clock: VIRTUAL jumps to the next timer whenever nothing else can happen; for tests. */
enum { DREY_CLOCK_REAL = 0, DREY_CLOCK_VIRTUAL };

/** drey_config.lock_rule: what a lock held at a suspension point causes. DEFAULT: the environment, else WARN. */
enum { DREY_LOCK_RULE_DEFAULT = 0, DREY_LOCK_RULE_WARN, DREY_LOCK_RULE_ABORT, DREY_LOCK_RULE_OFF };

/** Zero in any field means its default. Where the environment is named, it counts only if the field is zero. */
typedef struct drey_config {
    unsigned workers;             /* threads that run tasks; default DREY_WORKERS, else one a CPU */
    size_t stack_size;            /* bytes reserved for a task's stack; default 64 KB */
    size_t max_tasks;             /* live tasks at most; default no limit but memory */
    int io;                       /* DREY_IO_... */
    int clock;                    /* DREY_CLOCK_... */
    uint64_t seed;                /* draws the order of ready tasks; default DREY_SEED, else first come first served */
    int lock_rule;                /* DREY_LOCK_RULE_...; default DREY_LOCK_RULE (warn, abort, off), else warn */
    unsigned pool_threads;        /* threads of the default offload pool at most; default 16 */
    unsigned pool_queue;          /* jobs that may queue for it; default 1024 */
    drey_token *token;            /* firing it shuts the program down; borrowed until drey_run returns */
    drey_duration shutdown_grace; /* time that tasks and jobs get to end after the shutdown began; default 5 s */
    int shutdown_report;          /* descriptor that gets a drey_dump of what outlives the grace; default 2, standard
                                     error; a negative one: none */
    const char *name;             /* shown in dumps; borrowed until drey_run returns */
} drey_config;

/**
 * Run fn as the first task, and return when it and everything below it has ended.
 *
 * @param config  borrowed until the call returns; NULL for all defaults
 * @param fn      the program; gets arg, which stays the caller's
 * @return fn's result.
 *         -EBUSY      a runtime is running in this process already
 *         -EPERM      called inside a task, or in a child after fork
 *         -EINVAL     a field of config has no such value
 *         -ENOMEM     no memory to start
 *         -ETIMEDOUT  tasks or jobs outlived the shutdown grace; they have been reported, and only exit is safe
 *
 * Threads: any thread that is not inside a task.
 */
DREY_API DREY_MUST_USE
int drey_run(const drey_config *config, drey_fn *fn, void *arg);

/** Whether DREY_ASYNC calls are legal here. Threads: any. */
DREY_API
bool drey_in_task(void);

/**
 * Run fn now, on the worker's 8 MB stack, for library code that needs more than a task's stack.
 *
 * @param fn   must not suspend: a suspension point inside aborts
 * @param arg  borrowed by fn
 * @return fn's result.
 *         -EPERM   outside a task; fn was not called
 *         -ENOMEM  there is no such stack to be had; fn was not called
 */
DREY_API
int drey_call_deep(drey_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
