/* SPDX-License-Identifier: MIT */
#include "sched/watchdog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sched/worker.h"

enum { PERIOD_NS = 1000000, LINGER_LOOKS = 100, HOG_LOOKS = 100, SUSPECT_LOOKS = 50 };

/* What it saw of a worker last time. */
struct look {
    uint64_t switches;
    unsigned unchanged; /* looks since then */
    uint64_t ran;       /* its thread's time on a processor, ns, at SUSPECT_LOOKS */
    int64_t suspected;  /* when that was */
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

static bool read_file(pid_t tid, const char *name, char *out, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, out, room - 1);
    if (fd >= 0)
        close(fd);
    out[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

/* How long the thread has run, in ns; 0 where the kernel does not tell. */
static uint64_t time_run(pid_t tid)
{
    char text[64];
    uint64_t ns = 0;
    return read_file(tid, "schedstat", text, sizeof text) && sscanf(text, "%" SCNu64, &ns) == 1 ? ns : 0;
}

/* Running, or in a queue for a processor; not in a call that blocks. */
static bool wants_processor(pid_t tid)
{
    char text[256];
    const char *end = read_file(tid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL; /* of its name */
    return end != NULL && strncmp(end, ") R", 3) == 0;
}

/* On a busy machine a worker may get no processor for as long as a hog would take. So a suspect is watched for the
 * second half of the time: if its thread had a processor for less than half of that and wants one, it is not named, and
 * watched for another half. */
static void look_at_suspect(struct drey__worker *w, struct look *look)
{
    if (look->unchanged == SUSPECT_LOOKS) {
        look->suspected = drey__clock_now();
        look->ran = time_run(w->tid);
    } else if (look->unchanged == HOG_LOOKS) {
        uint64_t ran = time_run(w->tid) - look->ran;
        bool starved = look->ran > 0 && ran < (uint64_t)(drey__clock_now() - look->suspected) / 2;
        if (starved && wants_processor(w->tid))
            look->unchanged = SUSPECT_LOOKS - 1;
        else
            name_hog(w);
    }
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
    look_at_suspect(w, look);
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
