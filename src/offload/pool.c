/* SPDX-License-Identifier: MIT */
#include "offload/pool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "task/job.h"
#include "wait/wait.h"

enum { DEFAULT_THREADS = 16, DEFAULT_QUEUE = 1024, IDLE_SECONDS = 10 };

static int64_t monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * DREY__NS_PER_SEC + now.tv_nsec;
}

/* The next job, waiting for one; NULL when the thread should leave. Under the lock. */
static struct drey__job *take_job(drey_pool *pool)
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += IDLE_SECONDS;
    int rc = 0;
    while (drey__list_empty(&pool->queue)) {
        if (pool->closing || rc == ETIMEDOUT)
            return NULL;
        pool->idle++;
        rc = pthread_cond_timedwait(&pool->work, &pool->lock, &limit);
        pool->idle--;
    }
    struct drey__job *job = drey__container(pool->queue.next, struct drey__job, link);
    drey__list_remove(&job->link);
    pool->waiting--;
    return job;
}

/* Run one job. The lock is held on entry and on return, not while the job runs. */
static void run_job(drey_pool *pool, struct drey__pool_thread *me, struct drey__job *job)
{
    struct drey_task *task = job->task;
    job->state = DREY__JOB_RUNNING;
    me->job = job;
    me->since = monotonic_now();
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    drey__job_task = task;
    int result = job->what->fn(job->what->arg);
    drey__job_task = NULL;
    pthread_mutex_lock(&pool->lock);
    me->job = NULL;
    pool->running--;
    job->result = result;
    job->state = DREY__JOB_DONE;
    bool claimed = drey__claim_task(task, 0); /* P3 */
    pthread_mutex_unlock(&pool->lock);
    if (claimed)
        drey__wake(task);
    pthread_mutex_lock(&pool->lock);
}

/* Under the lock, which it gives back: after that the pool may be gone. */
static void leave(drey_pool *pool, struct drey__pool_thread *me)
{
    struct drey_task *closer = --pool->thread_count == 0 ? pool->closer : NULL;
    bool joined = pool->closing;
    if (!joined)
        drey__list_remove(&me->link);
    bool claimed = closer != NULL && drey__claim_task(closer, 0);
    pthread_mutex_unlock(&pool->lock);
    if (claimed)
        drey__wake(closer);
    if (!joined) {
        pthread_detach(pthread_self());
        drey__free(me);
    }
}

static void *thread_main(void *arg)
{
    struct drey__pool_thread *me = arg;
    drey_pool *pool = me->pool;
    struct drey__job *job;
    pthread_mutex_lock(&pool->lock);
    char name[16];
    snprintf(name, sizeof name, "%.10s-%u", pool->name, pool->serial++ % 10000);
    pthread_setname_np(pthread_self(), name);
    while ((job = take_job(pool)) != NULL)
        run_job(pool, me, job);
    leave(pool, me);
    return NULL;
}

static void thread_attributes(const drey_pool *pool, pthread_attr_t *attr)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t mask;
    sigfillset(&mask);
    for (size_t i = 0; i < sizeof synchronous / sizeof synchronous[0]; i++)
        sigdelset(&mask, synchronous[i]);
    pthread_attr_init(attr);
    pthread_attr_setsigmask_np(attr, &mask);
    if (pool->stack_size != 0)
        pthread_attr_setstacksize(attr, pool->stack_size);
}

/* Under the lock, so that P4 holds: whoever queues next sees whether there is a thread. */
static int start_thread(drey_pool *pool)
{
    struct drey__pool_thread *t = drey__alloc_zero(sizeof *t);
    if (t == NULL)
        return -EAGAIN;
    pthread_attr_t attr;
    t->pool = pool;
    thread_attributes(pool, &attr);
    int rc = drey__alloc_fails() ? EAGAIN : pthread_create(&t->id, &attr, thread_main, t);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        drey__free(t);
        return -EAGAIN;
    }
    drey__list_append(&pool->threads, &t->link);
    pool->thread_count++;
    return 0;
}

int drey__pool_push(drey_pool *pool, struct drey__job *job)
{
    if (pool->waiting >= pool->idle && pool->thread_count < pool->thread_limit && start_thread(pool) < 0 &&
        pool->thread_count == 0)
        return -EAGAIN;
    job->state = DREY__JOB_QUEUED;
    drey__list_append(&pool->queue, &job->link);
    pool->waiting++;
    pthread_cond_signal(&pool->work);
    return 0;
}

static size_t stack_bytes(size_t wanted)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), least = (size_t)PTHREAD_STACK_MIN;
    if (wanted == 0 || wanted > SIZE_MAX / 2)
        return wanted == 0 ? 0 : SIZE_MAX / 2 / page * page;
    wanted = wanted < least ? least : wanted;
    return (wanted + page - 1) / page * page;
}

int drey__pool_new(const drey_pool_options *options, drey_pool **out_pool)
{
    drey_pool *pool = drey__alloc_zero(sizeof *pool);
    if (pool == NULL)
        return -ENOMEM;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, &attr);
    pthread_condattr_destroy(&attr);
    drey__list_init(&pool->queue);
    drey__list_init(&pool->threads);
    pool->thread_limit = options->threads != 0 ? options->threads : DEFAULT_THREADS;
    pool->queue_limit = options->queue != 0 ? options->queue : DEFAULT_QUEUE;
    pool->stack_size = stack_bytes(options->stack_size);
    snprintf(pool->name, sizeof pool->name, "%s", options->name != NULL ? options->name : "drey-pool");
    *out_pool = pool;
    return 0;
}

void drey__pool_shut(drey_pool *pool)
{
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
}

void drey__pool_free(drey_pool *pool)
{
    pthread_mutex_lock(&pool->lock); /* waits for the last thread to have given it back */
    pthread_mutex_unlock(&pool->lock);
    while (!drey__list_empty(&pool->threads)) { /* the threads of a shut pool leave the list alone */
        struct drey__pool_thread *t = drey__container(pool->threads.next, struct drey__pool_thread, link);
        drey__list_remove(&t->link);
        pthread_join(t->id, NULL);
        drey__free(t);
    }
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    drey__free(pool);
}
