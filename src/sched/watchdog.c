/* SPDX-License-Identifier: MIT */
#include "sched/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sched/worker.h"

enum { PERIOD_NS = 1000000, LINGER_LOOKS = 100, HOG_LOOKS = 100 };

/* What it saw of a worker last time. */
struct look {
    uint64_t switches;
    unsigned unchanged; /* looks since then */
};

_Atomic bool drey__watchdog_sleeps;

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool runs, stop;    /* stop: under lock */
    struct look *looks; /* one a worker; the thread's own */
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void name_hog(struct drey__worker *w)
{
    char name[256];
    drey_fn *fn = drey__peek_function(w);
    if (fn == NULL)
        return;
    drey__report(
        "task %s has kept worker %u for over %d ms without a suspension point: call drey_check() in long loops, "
        "or drey_offload the work (R11)",
        drey__function_name((const void *)(uintptr_t)fn, name, sizeof name), w->index, HOG_LOOKS);
}

/* True if the worker is awake. */
static bool look_at(struct drey__worker *w, struct look *look)
{
    if (atomic_load_explicit(&w->asleep, memory_order_seq_cst) != 0)
        return false;
    uint64_t switches = atomic_load_explicit(&w->switches, memory_order_relaxed);
    if (switches != look->switches) {
        look->switches = switches;
        look->unchanged = 0;
        return true;
    }
    look->unchanged++;
    if (drey__multi && drey__fresh_count(&w->fresh) > 0)
        drey__wake_another(w);
    if (look->unchanged == HOG_LOOKS)
        name_hog(w);
    return true;
}

static bool look_around(void)
{
    bool awake = false;
    for (unsigned i = 0; i < drey__rt.count; i++)
        awake |= look_at(drey__rt.workers[i], &dog.looks[i]);
    return awake;
}

/* Under the lock: until a worker wakes up. Announce first, then look once more: a worker clears `asleep`, then looks at
 * the announcement. */
static void sleep_with_workers(void)
{
    atomic_store_explicit(&drey__watchdog_sleeps, true, memory_order_seq_cst);
    while (!dog.stop && atomic_load_explicit(&drey__watchdog_sleeps, memory_order_seq_cst) && !look_around())
        pthread_cond_wait(&dog.wake, &dog.lock);
    atomic_store_explicit(&drey__watchdog_sleeps, false, memory_order_seq_cst);
}

static void *watch(void *arg)
{
    (void)arg;
    unsigned idle = 0;
    pthread_mutex_lock(&dog.lock);
    while (!dog.stop) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PERIOD_NS;
        until.tv_sec += until.tv_nsec / DREY__NS_PER_SEC;
        until.tv_nsec %= DREY__NS_PER_SEC;
        pthread_cond_timedwait(&dog.wake, &dog.lock, &until);
        idle = look_around() ? 0 : idle + 1;
        if (idle > LINGER_LOOKS)
            sleep_with_workers();
    }
    pthread_mutex_unlock(&dog.lock);
    return NULL;
}

void drey__watchdog_wake_slow(void)
{
    pthread_mutex_lock(&dog.lock);
    atomic_store_explicit(&drey__watchdog_sleeps, false, memory_order_seq_cst);
    pthread_cond_signal(&dog.wake);
    pthread_mutex_unlock(&dog.lock);
}

void drey__watchdog_start(void)
{
    sigset_t all, old;
    if (drey__clock_virtual)
        return;
    dog.looks = drey__alloc_zero(drey__rt.count * sizeof *dog.looks);
    if (dog.looks == NULL)
        return;
    dog.stop = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    dog.runs = !drey__alloc_fails() && pthread_create(&dog.thread, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (dog.runs)
        pthread_setname_np(dog.thread, "drey-watchdog");
}

void drey__watchdog_stop(void)
{
    if (dog.runs) {
        pthread_mutex_lock(&dog.lock);
        dog.stop = true;
        pthread_cond_signal(&dog.wake);
        pthread_mutex_unlock(&dog.lock);
        pthread_join(dog.thread, NULL);
    }
    dog.runs = false;
    drey__free(dog.looks);
    dog.looks = NULL;
}
