/* SPDX-License-Identifier: MIT */
/*
 * A pool: threads that run blocking jobs, first come first served.
 *
 * P1  A job lives in the frame of the task that waits for it, from queueing to its end. So the queue needs no memory,
 *     and waiting for room in it and waiting in it are the same wait, in the same line: what is above the limit is only
 *     not counted as queued.
 * P2  A job's state changes under the pool's lock: QUEUED to RUNNING by a thread, RUNNING to DONE by the same thread,
 *     QUEUED to withdrawn by its task. Who runs cannot be withdrawn (R13).
 * P3  A thread that finishes a job claims its task under the lock and wakes it after; if cancellation has claimed the
 *     task, the task takes the lock, and either sees DONE or arms again before it gives the lock back.
 * P4  A job is queued only while the pool has a thread, and threads retire only from an empty queue.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <drey/offload.h>

#include "base/list.h"

enum drey__job_state { DREY__JOB_QUEUED, DREY__JOB_RUNNING, DREY__JOB_DONE };

struct drey__job {
    struct drey__link link; /* in the queue while QUEUED */
    const drey_job *what;
    struct drey_task *task; /* who waits */
    enum drey__job_state state;
    int result; /* valid once DONE */
};

struct drey__pool_thread {
    struct drey__link link;
    pthread_t id;
    drey_pool *pool;
    struct drey__job *job; /* what it runs, or NULL */
    int64_t since;         /* ns, CLOCK_MONOTONIC: the start of the job; valid with it */
};

struct drey_pool {
    struct drey__link link;  /* in the list of pools, under its lock */
    pthread_mutex_t lock;    /* guards all that follows */
    pthread_cond_t work;     /* a job was queued, or the pool is closing */
    struct drey__link queue; /* jobs, oldest first */
    struct drey__link threads;
    unsigned waiting, running;          /* jobs */
    unsigned thread_count, idle;        /* idle: waiting for `work` */
    unsigned serial;                    /* names threads */
    bool closing;                       /* from here on threads leave their records in `threads` */
    struct drey_task *closer;           /* parked in drey_pool_close until the last thread has left */
    unsigned thread_limit, queue_limit; /* constant, as are the following */
    size_t stack_size;
    char name[16];
};

int drey__pool_new(const drey_pool_options *options, drey_pool **out_pool);
/* Under the lock: queue a job. 0, or -EAGAIN: there is no thread, and none could be made. */
int drey__pool_push(drey_pool *pool, struct drey__job *job);
/* Make the threads leave. Under the lock. */
void drey__pool_shut(drey_pool *pool);
/* Join the threads of a pool that was shut, and free it. */
void drey__pool_free(drey_pool *pool);
