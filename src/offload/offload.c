/* SPDX-License-Identifier: MIT */
#include "offload/offload.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "offload/pool.h"
#include "wait/wait.h"

/* Guards the list and default_pool; taken before a pool's lock. */
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static struct drey__link pools = {&pools, &pools};
static drey_pool *default_pool; /* made when first needed */

/* Under pools_lock. */
static int new_pool(const drey_pool_options *options, drey_pool **out_pool)
{
    int rc = drey__pool_new(options, out_pool);
    if (rc == 0)
        drey__list_append(&pools, &(*out_pool)->link);
    return rc;
}

static void forget(drey_pool *pool)
{
    pthread_mutex_lock(&pools_lock);
    drey__list_remove(&pool->link);
    pthread_mutex_unlock(&pools_lock);
}

static int get_default(drey_pool **out_pool)
{
    int rc = 0;
    pthread_mutex_lock(&pools_lock);
    if (default_pool == NULL) {
        const drey_config *config = &drey__rt.config;
        drey_pool_options options = {.threads = config->pool_threads, .queue = config->pool_queue};
        rc = new_pool(&options, &default_pool);
    }
    *out_pool = default_pool;
    pthread_mutex_unlock(&pools_lock);
    return rc;
}

/* The wait was cut: withdraw the job, or interrupt it and wait for its end. */
static int cut_short(drey_pool *pool, struct drey__job *job)
{
    pthread_mutex_lock(&pool->lock);
    if (job->state == DREY__JOB_QUEUED) {
        drey__list_remove(&job->link);
        pool->waiting--;
        pthread_mutex_unlock(&pool->lock);
        return -ECANCELED;
    }
    if (job->state == DREY__JOB_RUNNING && job->what->interrupt != NULL) {
        pthread_mutex_unlock(&pool->lock); /* it may take locks of its own */
        job->what->interrupt(job->what->arg);
        pthread_mutex_lock(&pool->lock);
    }
    bool done = job->state == DREY__JOB_DONE; /* P3 */
    if (!done)
        drey__arm(job->task, DREY__UNCUT | DREY__FOREIGN);
    pthread_mutex_unlock(&pool->lock);
    if (!done)
        drey__park(job->task, "offloaded work that was cancelled", pool);
    return job->result;
}

/* The task has entered. */
static int run(drey_pool *pool, struct drey_task *self, const drey_job *what, bool uncut)
{
    struct drey__job job = {.what = what, .task = self};
    if (unlikely((self->flags & DREY__LINKED) == 0))
        drey__scope_link(self); /* before a thread looks at the task's flags, as parking would write them */
    pthread_mutex_lock(&pool->lock);
    int rc = drey__pool_push(pool, &job);
    if (rc == 0)
        drey__arm(self, DREY__FOREIGN | (uncut ? DREY__UNCUT : 0));
    pthread_mutex_unlock(&pool->lock);
    if (rc < 0)
        return rc;
    drey__outside_begin(); /* ended by the task, not by the thread: then its worker is awake and looks at the clock */
    rc = drey__park(self, "offloaded work", pool) ? job.result : cut_short(pool, &job);
    drey__outside_end();
    return rc;
}

int drey__offload_run(struct drey_task *self, drey_fn *fn, void *arg, bool uncut)
{
    drey_pool *pool;
    int rc = get_default(&pool);
    return rc < 0 ? rc : run(pool, self, &(drey_job){.fn = fn, .arg = arg}, uncut);
}

int drey_offload(drey_fn *fn, void *arg)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__offload_run(self, fn, arg, false);
}

int drey_pool_open(drey_pool_options options, drey_pool **out_pool)
{
    if (drey__current() == NULL)
        return -EPERM;
    pthread_mutex_lock(&pools_lock);
    int rc = new_pool(&options, out_pool);
    pthread_mutex_unlock(&pools_lock);
    return rc;
}

int drey_pool_call(drey_pool *pool, const drey_job *job)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : run(pool, self, job, false);
}

int drey_pool_close(drey_pool *pool)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__UNCUT_POINT);
    if (rc < 0)
        return rc;
    forget(pool);
    pthread_mutex_lock(&pool->lock);
    if (pool->waiting + pool->running > 0)
        drey__panic("drey_pool_close: pool %s has %u jobs in flight (R13)", pool->name, pool->waiting + pool->running);
    drey__pool_shut(pool);
    bool wait = pool->thread_count > 0;
    if (wait) {
        pool->closer = self;
        drey__arm(self, DREY__UNCUT | DREY__FOREIGN);
    }
    pthread_mutex_unlock(&pool->lock);
    if (wait) {
        drey__outside_begin();
        drey__park(self, "the threads of a pool", pool);
        drey__outside_end();
    }
    drey__pool_free(pool);
    return 0;
}

void drey__offload_close_default(void)
{
    drey_pool *pool = default_pool;
    if (pool == NULL)
        return;
    forget(pool);
    default_pool = NULL;
    pthread_mutex_lock(&pool->lock);
    drey__pool_shut(pool);
    pthread_mutex_unlock(&pool->lock);
    drey__pool_free(pool);
}

static void list_pool(drey_pool *pool, int64_t now, void (*say)(const char *line, void *arg), void *arg)
{
    char line[256], place[160];
    pthread_mutex_lock(&pool->lock);
    for (struct drey__link *l = pool->threads.next; l != &pool->threads; l = l->next) {
        struct drey__pool_thread *t = drey__container(l, struct drey__pool_thread, link);
        if (t->job == NULL)
            continue;
        drey__function_name((const void *)(uintptr_t)t->job->what->fn, place, sizeof place);
        snprintf(line, sizeof line, "pool %s: %s has been running for %.1f s", pool->name, place,
                 (double)(now - t->since) / DREY__NS_PER_SEC);
        say(line, arg);
    }
    pthread_mutex_unlock(&pool->lock);
}

void drey__offload_list(void (*say)(const char *line, void *arg), void *arg)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&pools_lock);
    for (struct drey__link *l = pools.next; l != &pools; l = l->next)
        list_pool(drey__container(l, drey_pool, link), (int64_t)now.tv_sec * DREY__NS_PER_SEC + now.tv_nsec, say, arg);
    pthread_mutex_unlock(&pools_lock);
}

void drey__offload_counts(uint64_t *out_running, uint64_t *out_queued)
{
    uint64_t running = 0, queued = 0;
    pthread_mutex_lock(&pools_lock);
    for (struct drey__link *l = pools.next; l != &pools; l = l->next) {
        drey_pool *pool = drey__container(l, drey_pool, link);
        pthread_mutex_lock(&pool->lock);
        running += pool->running;
        queued += pool->waiting < pool->queue_limit ? pool->waiting : pool->queue_limit;
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&pools_lock);
    *out_running = running;
    *out_queued = queued;
}
