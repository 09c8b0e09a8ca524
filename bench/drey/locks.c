/* SPDX-License-Identifier: MIT */
/* Locks and permits: uncontended pairs, and 64 tasks on one mutex. */
#include "bench.h"

enum { CONTENDERS = 64 };

static struct {
    drey_mutex mutex;
    drey_rwlock rwlock;
    drey_sem sem;
    volatile uint64_t counter;
} shared;

static DREY_ASYNC void lock_pairs(void *context, uint64_t n)
{
    (void)context;
    for (uint64_t i = 0; i < n; i++) {
        must(drey_mutex_lock(&shared.mutex));
        shared.counter++;
        drey_mutex_unlock(&shared.mutex);
    }
}

static DREY_ASYNC void read_pairs(void *context, uint64_t n)
{
    (void)context;
    for (uint64_t i = 0; i < n; i++) {
        must(drey_rwlock_lock_read(&shared.rwlock));
        (void)shared.counter;
        drey_rwlock_unlock(&shared.rwlock);
    }
}

static DREY_ASYNC void permit_pairs(void *context, uint64_t n)
{
    (void)context;
    for (uint64_t i = 0; i < n; i++) {
        must(drey_sem_acquire(&shared.sem, 1));
        drey_sem_release(&shared.sem, 1);
    }
}

DREY_ASYNC double bench_mutex(void)
{
    return bench_steady(lock_pairs, NULL);
}

DREY_ASYNC double bench_rwlock_read(void)
{
    return bench_steady(read_pairs, NULL);
}

DREY_ASYNC double bench_sem(void)
{
    drey_sem_init(&shared.sem, 1, 1);
    return bench_steady(permit_pairs, NULL);
}

static DREY_ASYNC int contend(void *arg)
{
    lock_pairs(NULL, *(const uint64_t *)arg / CONTENDERS);
    return 0;
}

static DREY_ASYNC void contended(void *context, uint64_t n)
{
    (void)context;
    DREY_SCOPE(scope, .limit = CONTENDERS, .spread = true);
    for (int i = 0; i < CONTENDERS; i++)
        must(drey_go(&scope, contend, &n));
    must(drey_scope_close(&scope, 0));
}

DREY_ASYNC double bench_mutex_64(void)
{
    return bench_steady(contended, NULL);
}
