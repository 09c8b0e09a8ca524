/* SPDX-License-Identifier: MIT */
#include "sched/runtime.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "sched/hooks.h"
#include "sched/look.h"
#include "sched/watchdog.h"
#include "stack/announce.h"

struct drey__runtime drey__rt;
bool drey__multi;

static void worker_free(struct drey__worker *w)
{
    if (w == NULL)
        return;
    drey__fresh_deinit(&w->fresh);
    drey__ready_deinit(&w->ready);
    drey__free(w);
}

static struct drey__worker *worker_new(unsigned index, uint64_t seed)
{
    struct drey__worker *w = drey__alloc_aligned(DREY__LINE, sizeof *w);
    if (w == NULL)
        return NULL;
    memset(w, 0, sizeof *w);
    w->index = index;
    w->rng = seed + index;
    w->house_at = DREY__HOUSEKEEPING;
    w->turn = 1;
    w->kept_house = drey__clock_now();
    drey__wheel_init(&w->timers, w->kept_house);
    for (unsigned i = 0; i < DREY__FOREIGN_BUCKETS; i++)
        drey__list_init(&w->foreign[i]);
    if (drey__ready_init(&w->ready) != 0 || drey__fresh_init(&w->fresh) != 0) {
        worker_free(w);
        return NULL;
    }
    return w;
}

static void workers_free(void)
{
    for (unsigned i = 0; i < drey__rt.count; i++)
        worker_free(drey__rt.workers[i]);
    drey__free(drey__rt.workers);
    drey__rt.workers = NULL;
    drey__rt.count = 0;
}

static int workers_make(const drey_config *config, unsigned workers)
{
    drey__clock_virtual = config->clock == DREY_CLOCK_VIRTUAL;
    if (drey__clock_virtual)
        drey__clock_virtual_start();
    else
        drey__clock_find_counter();
    memset(&drey__rt, 0, sizeof drey__rt);
    drey__rt.config = *config;
    drey__rt.seeded = config->seed != 0;
    drey__rt.stack_class = drey__stack_class(config->stack_size);
    drey__rt.max_tasks = config->max_tasks;
    drey__rt.workers = drey__alloc_zero(workers * sizeof(struct drey__worker *));
    if (drey__rt.workers == NULL)
        return -ENOMEM;
    for (; drey__rt.count < workers; drey__rt.count++) {
        struct drey__worker *w = worker_new(drey__rt.count, config->seed != 0 ? config->seed : 1);
        drey__rt.workers[drey__rt.count] = w;
        if (w == NULL) {
            workers_free();
            return -ENOMEM;
        }
    }
    drey__multi = workers > 1;
    drey__fresh_setup();
    return 0;
}

int drey__runtime_open(const drey_config *config, unsigned workers)
{
    drey__look_begin();
    int rc = workers_make(config, workers);
    drey__look_end();
    return rc;
}

static void describe_native_stack(struct drey__stack *s)
{
    pthread_attr_t attr;
    void *low = NULL;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &low, &bytes);
        pthread_attr_destroy(&attr);
    }
    s->bottom = low;
    s->top = (char *)low + bytes;
#ifdef DREY__TSAN
    s->sanitizer_fiber = __tsan_get_current_fiber();
#endif
}

/* Enter the loop; returns when it leaves the thread. Not inlined: its frame is where the loop comes back to. */
static __attribute__((noinline)) void enter_loop(struct drey__worker *w)
{
    struct drey__stack *first = w->stack;
    describe_native_stack(&w->native);
    drey__announce_leave(&w->native, first, false);
    drey__arch_switch(&w->native_sp, drey__arch_prepare(first->top, drey__loop_entry));
    drey__announce_arrive(&w->native);
}

/* Everything that can fail, before the loop starts. */
static int worker_prepare(struct drey__worker *w)
{
    drey__self = w;
    w->thread = pthread_self();
    w->tid = gettid();
    int rc = drey__io_open(w);
    if (rc < 0)
        return rc;
    w->stack = drey__stack_get(&w->stacks, drey__rt.stack_class);
    struct drey__stack *reserve = drey__stack_get(&w->stacks, drey__rt.stack_class); /* the invariant of park.c */
    if (reserve != NULL)
        drey__stack_put(&w->stacks, reserve);
    rc = w->stack == NULL || reserve == NULL ? -ENOMEM : drey__overflow_thread_init();
    if (rc < 0)
        drey__io_close(w);
    return rc;
}

static void worker_finish(struct drey__worker *w)
{
    drey__overflow_thread_deinit();
    drey__stack_pool_drop(&w->stacks);
    drey__self = NULL;
}

struct start {
    struct drey__worker *worker;
    sem_t prepared;
    int result;
};

static void *worker_main(void *arg)
{
    struct start *start = arg;
    struct drey__worker *w = start->worker;
    int rc = worker_prepare(w);
    start->result = rc;
    sem_post(&start->prepared); /* after this `start` may be gone */
    if (rc == 0) {
        enter_loop(w);
        worker_finish(w);
    }
    return NULL;
}

/* One helper thread: asynchronous signals stay with the threads that the program made itself. */
static int thread_start(pthread_t *out, void *(*fn)(void *), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = drey__alloc_fails() ? ENOMEM : pthread_create(out, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -rc;
}

static int start_one(struct drey__worker *w)
{
    struct start start = {.worker = w};
    sem_init(&start.prepared, 0, 0);
    int rc = thread_start(&w->thread, worker_main, &start);
    if (rc == 0) {
        while (sem_wait(&start.prepared) != 0) {
        }
        rc = start.result;
        if (rc < 0)
            pthread_join(w->thread, NULL);
    }
    sem_destroy(&start.prepared);
    return rc;
}

int drey__runtime_run(void)
{
    struct drey__worker *w = drey__rt.workers[0];
    int rc = worker_prepare(w);
    if (rc < 0) {
        drey__self = NULL;
        return rc;
    }
    unsigned started = 1;
    while (started < drey__rt.count && rc == 0) {
        rc = start_one(drey__rt.workers[started]);
        started += rc == 0;
    }
    if (rc < 0) {
        w->pending = NULL; /* the root task: nothing of the program has run */
        drey__runtime_stop();
    }
    drey__watchdog_start();
    enter_loop(w);
    drey__watchdog_stop();
    if (drey__rt.abandoned) {
        drey__self = NULL;
        return -ETIMEDOUT;
    }
    for (unsigned i = 1; i < started; i++)
        pthread_join(drey__rt.workers[i]->thread, NULL);
    worker_finish(w);
    atomic_store_explicit(&drey__signals_heard, false, memory_order_seq_cst);
    while (atomic_load_explicit(&drey__rt.visitors, memory_order_acquire) != 0)
        sched_yield();
    drey__look_begin();
    for (unsigned i = 0; i < started; i++)
        drey__io_close(drey__rt.workers[i]); /* nobody is left who might wake them */
    drey__look_end();
    return rc;
}

void drey__runtime_stop(void)
{
    atomic_store_explicit(&drey__rt.stop, true, memory_order_seq_cst);
    for (unsigned i = 0; i < drey__rt.count; i++)
        drey__wake_worker(drey__rt.workers[i]);
}

void drey__runtime_close(void)
{
    drey__look_begin();
    workers_free();
    drey__multi = false;
    drey__stack_release_all();
    drey__record_release_all();
    drey__look_end();
}
