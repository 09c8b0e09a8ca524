/* SPDX-License-Identifier: MIT */
/* Blocking work on pools: results, order, limits, cancellation (R13), virtual time (R17), shutdown. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "offload/offload.h"

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

struct work {
    drey_pool *pool; /* NULL: the default one */
    void (*interrupt)(void *);
    _Atomic int called, go_on, started, interrupted;
    int rc, ms;
    int *order, id;
    _Atomic int *next;
    pthread_t thread, interrupter;
};

static int work(void *arg)
{
    struct work *w = arg;
    atomic_store(&w->started, 1);
    w->thread = pthread_self();
    if (w->ms > 0)
        pause_ms(w->ms);
    while (w->ms < 0 && atomic_load(&w->go_on) == 0)
        pause_ms(1);
    if (w->order != NULL)
        w->order[atomic_fetch_add(w->next, 1)] = w->id;
    return 40 + w->id;
}

static void let_go(void *arg)
{
    struct work *w = arg;
    atomic_fetch_add(&w->interrupted, 1);
    w->interrupter = pthread_self();
    atomic_store(&w->go_on, 1);
}

static DREY_ASYNC int call(void *arg)
{
    struct work *w = arg;
    drey_job job = {.fn = work, .arg = w, .interrupt = w->interrupt};
    atomic_store(&w->called, 1);
    w->rc = w->pool == NULL ? drey_offload(work, w) : drey_pool_call(w->pool, &job);
    return 0;
}

/* Start a call, and come back when it has got so far. */
static DREY_ASYNC int start(drey_scope *scope, struct work *w, _Atomic int *until)
{
    int rc = drey_go(scope, call, w);
    while (rc == 0 && atomic_load(until) == 0)
        rc = drey_yield();
    return rc;
}

DREY_TEST(result_and_another_thread)
{
    struct work w = {.id = 2};
    DREY_CHECK_EQ(drey_offload(work, &w), 42);
    DREY_CHECK(!pthread_equal(w.thread, pthread_self()));
    return 0;
}

static const drey_local color = {.name = "color", .inherited = true};

static int look_around(void *arg)
{
    const char **out = arg;
    *out = drey_local_get(&color);
    return drey_in_task() ? -EINVAL : drey_cancelled() ? -EBUSY : drey_sleep(DREY_MS(1));
}

/* R12: no task there; task-locals and the question for cancellation work. */
DREY_TEST(r12_inside_the_work)
{
    const char *seen = NULL;
    DREY_BIND(&color, (void *)(uintptr_t)"green");
    DREY_CHECK_EQ(drey_offload(look_around, &seen), -EPERM);
    DREY_CHECK_STR(seen, "green");
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    struct work w = {0};
    drey_pool *pool;
    DREY_CHECK_EQ(drey_offload(work, &w), -EPERM);
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){0}, &pool), -EPERM);
    DREY_CHECK_EQ(w.started, 0);
    return 0;
}

DREY_TEST(r4_already_cancelled)
{
    struct work w = {.rc = 1};
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    call(&w);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(w.rc, -ECANCELED);
    DREY_CHECK_EQ(w.started, 0);
    return rc;
}

DREY_TEST(one_thread_is_first_come_first_served)
{
    enum { JOBS = 6 };
    int order[JOBS];
    _Atomic int next = 0;
    struct work w[JOBS];
    drey_pool *pool;
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.name = "single", .threads = 1, .queue = 1}, &pool), 0);
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < JOBS && rc == 0; i++) {
        w[i] = (struct work){.pool = pool, .ms = 1, .id = i, .order = order, .next = &next};
        rc = start(&scope, &w[i], &w[i].called);
    }
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(drey_pool_close(pool), 0);
    for (int i = 0; i < JOBS; i++) {
        DREY_CHECK_EQ(order[i], i);
        DREY_CHECK_EQ(w[i].rc, 40 + i);
    }
    return rc;
}

/* R13: who queues is withdrawn, who runs is waited for and keeps its result. */
DREY_TEST(r13_queued_is_withdrawn_running_is_waited_for)
{
    struct work w[2];
    drey_pool *pool;
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.threads = 1}, &pool), 0);
    w[0] = (struct work){.pool = pool, .ms = 30};
    w[1] = (struct work){.pool = pool};
    DREY_SCOPE(scope);
    int rc = start(&scope, &w[0], &w[0].started);
    if (rc == 0)
        rc = start(&scope, &w[1], &w[1].called);
    drey_scope_cancel(&scope, 0, "enough");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(drey_pool_close(pool), 0);
    DREY_CHECK_EQ(w[0].rc, 40);
    DREY_CHECK_EQ(w[1].rc, -ECANCELED);
    DREY_CHECK_EQ(w[1].started, 0);
    return rc;
}

/* R13: once, and on another thread than the work's. */
DREY_TEST(r13_interrupt)
{
    drey_pool *pool;
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.threads = 1}, &pool), 0);
    struct work w = {.pool = pool, .ms = -1, .interrupt = let_go};
    DREY_SCOPE(scope);
    int rc = start(&scope, &w, &w.started);
    drey_scope_cancel(&scope, 0, "enough");
    drey_scope_cancel(&scope, 0, "again");
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(drey_pool_close(pool), 0);
    DREY_CHECK_EQ(w.rc, 40);
    DREY_CHECK_EQ(w.interrupted, 1);
    DREY_CHECK(!pthread_equal(w.thread, w.interrupter));
    return rc;
}

/* R13: all moments at which cancellation may meet a job. */
DREY_TEST(r13_cancel_races_the_end, .workers = 4, .real_clock = true)
{
    drey_pool *pool;
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.threads = 2}, &pool), 0);
    for (int i = 0; i < 100; i++) {
        struct work w[8];
        int rc = 0, ended = 0;
        DREY_SCOPE(scope, .spread = true);
        for (int k = 0; k < 8 && rc == 0; k++) {
            w[k] = (struct work){.pool = pool, .interrupt = let_go};
            rc = drey_go(&scope, call, &w[k]);
        }
        if (rc == 0)
            rc = drey_sleep(DREY_US(i % 50));
        drey_scope_cancel(&scope, 0, "race");
        rc = drey_scope_close(&scope, rc);
        DREY_CHECK_EQ(rc, 0);
        for (int k = 0; k < 8; k++) {
            DREY_CHECK_EQ(w[k].rc, w[k].started != 0 ? 40 : -ECANCELED);
            ended += w[k].interrupted <= 1;
        }
        DREY_CHECK_EQ(ended, 8);
    }
    return drey_pool_close(pool);
}

static DREY_ASYNC int sleep_an_hour(void *arg)
{
    struct work *w = arg;
    int rc = drey_sleep(DREY_SEC(3600));
    w->order[atomic_fetch_add(w->next, 1)] = w->id;
    return rc;
}

/* R17: an hour of virtual time waits for twenty real milliseconds of work. */
DREY_TEST(r17_work_holds_the_clock)
{
    int order[2] = {0};
    _Atomic int next = 0;
    struct work sleeper = {.order = order, .next = &next, .id = 1};
    struct work worker = {.order = order, .next = &next, .id = 2, .ms = 20};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, sleep_an_hour, &sleeper);
    if (rc == 0)
        rc = drey_go(&scope, call, &worker);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(order[0], 2);
    DREY_CHECK_EQ(order[1], 1);
    return rc;
}

static _Atomic int inside, most;

static int count_inside(void *arg)
{
    (void)arg;
    int now = atomic_fetch_add(&inside, 1) + 1, seen = atomic_load(&most);
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
    }
    pause_ms(2);
    atomic_fetch_sub(&inside, 1);
    return 0;
}

static DREY_ASYNC int call_counting(void *pool)
{
    return drey_pool_call(pool, &(drey_job){.fn = count_inside});
}

DREY_TEST(threads_are_limited, .workers = 4, .real_clock = true)
{
    drey_pool *pool;
    atomic_store(&most, 0);
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.threads = 3, .stack_size = 1}, &pool), 0);
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < 60 && rc == 0; i++)
        rc = drey_go(&scope, call_counting, pool);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(drey_pool_close(pool), 0);
    DREY_CHECK_EQ(most, 3);
    return rc;
}

/* No thread to be had: an error while there is none, else those that exist go on. */
DREY_TEST(no_more_threads)
{
    drey_pool *pool;
    struct work w[2];
    DREY_CHECK_EQ(drey_pool_open((drey_pool_options){.threads = 2}, &pool), 0);
    w[0] = (struct work){.pool = pool};
    drey_test_fail_alloc(2); /* the thread itself, after its record */
    call(&w[0]);
    DREY_CHECK_EQ(w[0].rc, -EAGAIN);
    DREY_CHECK_EQ(w[0].started, 0);
    w[0] = (struct work){.pool = pool, .ms = 20};
    w[1] = (struct work){.pool = pool};
    DREY_SCOPE(scope);
    int rc = start(&scope, &w[0], &w[0].started);
    drey_test_fail_alloc(1);
    call(&w[1]);
    drey_test_fail_alloc(0);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(drey_pool_close(pool), 0);
    DREY_CHECK_EQ(w[0].rc, 40);
    DREY_CHECK_EQ(w[1].rc, 40);
    return rc;
}

static void keep_line(const char *line, void *arg)
{
    strncpy(arg, line, 255);
}

static int list_myself(void *arg)
{
    uint64_t running = 0, queued = 9;
    drey__offload_list(keep_line, arg);
    drey__offload_counts(&running, &queued);
    return running == 1 && queued == 0 ? 0 : -EINVAL;
}

/* R13: who still runs can be listed. */
DREY_TEST(r13_list)
{
    char line[256] = "";
    DREY_CHECK_EQ(drey_offload(list_myself, line), 0);
    DREY_CHECK(strncmp(line, "pool drey-pool: ", 16) == 0);
    DREY_CHECK(strstr(line, "has been running for 0.") != NULL);
    return 0;
}

static struct work endless = {.ms = -1};

static DREY_ASYNC int close_too_early(void *arg)
{
    (void)arg;
    if (drey_pool_open((drey_pool_options){.name = "busy", .threads = 1}, &endless.pool) != 0)
        return -EINVAL;
    DREY_SCOPE(scope);
    int rc = start(&scope, &endless, &endless.started);
    rc = drey_pool_close(endless.pool);
    return drey_scope_close(&scope, rc);
}

static void run_close_too_early(void)
{
    (void)!drey_run(&(drey_config){.workers = 1}, close_too_early, NULL);
}

DREY_TEST(closing_a_busy_pool_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(run_close_too_early, "drey_pool_close: pool busy has 1 jobs in flight (R13)"), 1);
    return 0;
}

DREY_TEST_MAIN()
