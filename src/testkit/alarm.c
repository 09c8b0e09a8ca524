/* SPDX-License-Identifier: MIT */
/* A thread that waits beside a drey_run of the kit's. If the test's time is up first, it dumps and ends the process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <drey/observe.h>

#include "base/base.h"
#include "sched/look.h"
#include "sched/worker.h"
#include "testkit/testkit.h"

static struct {
    pthread_t thread;
    bool running; /* of the thread that starts and stops it */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop; /* under lock */
    struct timespec limit;
    const char *what;
} timer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __attribute__((noreturn)) void ring(void)
{
    drey__look_begin();
    bool all_wait =
        drey__clock_virtual && atomic_load_explicit(&drey__rt.sleepers, memory_order_relaxed) == drey__rt.count;
    drey__look_end();
    drey__report("%s: time is up; %s", timer.what, all_wait ? "every task waits" : "tasks are still running");
    int ignored = drey_dump(STDERR_FILENO);
    (void)ignored;
    drey__note->finished = true;
    _exit(1);
}

static void *watch(void *arg)
{
    int rc = 0;
    pthread_mutex_lock(&timer.lock);
    while (!timer.stop && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&timer.stopped, &timer.lock, &timer.limit);
    bool late = !timer.stop;
    pthread_mutex_unlock(&timer.lock);
    if (late)
        ring();
    return arg;
}

static void prepare(void)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&timer.stopped, &attr);
    pthread_condattr_destroy(&attr);
    int64_t left = drey__case_time_left();
    clock_gettime(CLOCK_MONOTONIC, &timer.limit);
    if (left > 0)
        timer.limit.tv_sec += left / 1000 + 1;
    timer.stop = false;
}

void drey__alarm_start(const char *what)
{
    sigset_t all, old;
    if (drey__kit.no_fork || drey__note == NULL)
        return;
    timer.what = what;
    prepare();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* the program's signals are for the program's threads */
    timer.running = pthread_create(&timer.thread, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!timer.running)
        pthread_cond_destroy(&timer.stopped);
}

void drey__alarm_stop(void)
{
    if (!timer.running)
        return;
    pthread_mutex_lock(&timer.lock);
    timer.stop = true;
    pthread_cond_signal(&timer.stopped);
    pthread_mutex_unlock(&timer.lock);
    pthread_join(timer.thread, NULL);
    pthread_cond_destroy(&timer.stopped);
    timer.running = false;
}
