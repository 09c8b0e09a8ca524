/* SPDX-License-Identifier: MIT */
/* What plain threads do with the same work: bench-threads BENCH WORKERS. One worker: all threads on one processor.
 * Status 3 for work that has no sensible form in threads. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONTENDERS = 64, FILES = 10000, READERS = 8, PATH_BYTES = 512 };
enum { WARM_NS = 20000000, MEASURED_NS = 80000000, FIRST_N = 64 };

typedef void bench_op(uint64_t n);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem;
static volatile uint64_t counter;
static char (*paths)[PATH_BYTES];
static atomic_uint next_path;

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench-threads: %s\n", what);
    exit(1);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t timed(bench_op *op, uint64_t n)
{
    int64_t start = clock_ns();
    op(n);
    return clock_ns() - start;
}

static double steady(bench_op *op)
{
    uint64_t n = FIRST_N;
    int64_t took;
    while ((took = timed(op, n)) < WARM_NS)
        n *= 4;
    n = (uint64_t)((double)n * MEASURED_NS / (double)took) + FIRST_N;
    return (double)timed(op, n) / (double)n;
}

static void in_threads(unsigned count, void *(*fn)(void *), void *arg)
{
    pthread_t threads[CONTENDERS];
    for (unsigned i = 0; i < count; i++)
        need(pthread_create(&threads[i], NULL, fn, arg) == 0, "cannot create a thread");
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void *yield_thread(void *arg)
{
    for (uint64_t i = *(uint64_t *)arg; i > 0; i--)
        sched_yield();
    return NULL;
}

static void yield_pair(uint64_t n)
{
    uint64_t each = n / 2;
    in_threads(2, yield_thread, &each);
}

static void *nothing(void *arg)
{
    return arg;
}

static void spawn_join(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        in_threads(1, nothing, NULL);
}

static void lock_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
}

static void read_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        pthread_rwlock_rdlock(&rwlock);
        (void)counter;
        pthread_rwlock_unlock(&rwlock);
    }
}

static void permit_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        sem_wait(&sem);
        sem_post(&sem);
    }
}

static void *lock_thread(void *arg)
{
    lock_pairs(*(uint64_t *)arg / CONTENDERS);
    return NULL;
}

static void contended(uint64_t n)
{
    in_threads(CONTENDERS, lock_thread, &n);
}

/* A second thread, since glibc skips atomic operations in a process that has only one. */
static void *sleeper(void *arg)
{
    pause();
    return arg;
}

static void *read_thread(void *arg)
{
    char data[4096];
    for (unsigned i; (i = atomic_fetch_add(&next_path, 1)) < FILES;) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        need(fd >= 0 && read(fd, data, sizeof(data)) > 0, "cannot read a file of BENCH_FILES");
        close(fd);
    }
    return arg;
}

static void read_all(uint64_t n)
{
    for (uint64_t done = 0; done < n; done += FILES) {
        atomic_store(&next_path, 0);
        in_threads(READERS, read_thread, NULL);
    }
}

/* Whole passes over the files. */
static double files_per_second(void)
{
    const char *directory = getenv("BENCH_FILES");
    paths = calloc(FILES, sizeof(*paths));
    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], PATH_BYTES, "%s/%05d.json", directory == NULL ? "." : directory, i);
    read_all(FILES);
    return 3.0 * FILES * 1e9 / (double)timed(read_all, 3 * FILES);
}

static const struct {
    const char *name;
    bench_op *op;
} BENCHES[] = {
    {"yield", yield_pair}, {"spawn_join", spawn_join}, {"mutex", lock_pairs},
    {"rwlock_read", read_pairs}, {"sem", permit_pairs}, {"mutex_64", contended},
};

static void stay_on(unsigned workers)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (unsigned i = 0; i < workers; i++)
        CPU_SET(i, &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
}

int main(int argc, char **argv)
{
    unsigned workers = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (workers == 0) {
        fprintf(stderr, "usage: bench-threads BENCH WORKERS\n");
        return 2;
    }
    stay_on(workers);
    if (strcmp(argv[1], "files_bytes") == 0) {
        printf("files_bytes threads %u %.3f files/s\n", workers, files_per_second());
        return 0;
    }
    sem_init(&sem, 0, 1);
    pthread_t other;
    need(pthread_create(&other, NULL, sleeper, NULL) == 0, "cannot create a thread");
    for (size_t i = 0; i < sizeof(BENCHES) / sizeof(BENCHES[0]); i++)
        if (strcmp(argv[1], BENCHES[i].name) == 0) {
            printf("%s threads %u %.3f ns\n", argv[1], workers, steady(BENCHES[i].op));
            return 0;
        }
    return 3;
}
