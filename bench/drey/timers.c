/* SPDX-License-Identifier: MIT */
/* Deadlines that do not fire, and cancelling what waits. */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TIMERS = 1000000, WAITERS = 100000 };

static int ready(void *arg)
{
    return (int)(*(const uint64_t *)arg & 0xff);
}

static DREY_ASYNC void timeouts(void *context, uint64_t n)
{
    (void)context;
    for (uint64_t i = 0; i < n; i++)
        must(drey_timeout(DREY_SEC(1), ready, &i));
}

DREY_ASYNC double bench_timeout_ready(void)
{
    return bench_steady(timeouts, NULL);
}

/* A scope is what owns a deadline: each is due 5 ms before the one around it, so none makes another superfluous. */
static DREY_ASYNC int64_t register_and_cancel(void *arg)
{
    drey_scope *scopes = arg;
    int64_t start = bench_clock();
    for (int i = 0; i < TIMERS; i++)
        drey_scope_open(&scopes[i], .timeout = DREY_MS(5) * (TIMERS + 1000 - i));
    for (int i = TIMERS - 1; i >= 0; i--)
        must(drey_scope_close(&scopes[i], 0));
    return bench_clock() - start;
}

DREY_ASYNC double bench_timers_1m(void)
{
    drey_scope *scopes = calloc(TIMERS, sizeof(scopes[0]));
    double took = bench_batch(register_and_cancel, scopes);
    free(scopes);
    return took / TIMERS;
}

static drey_notify never;
static atomic_uint waiting;

static DREY_ASYNC int wait_for_never(void *arg)
{
    (void)arg;
    atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
    return drey_notify_wait(&never);
}

static DREY_ASYNC int64_t cancel_once(void *context)
{
    (void)context;
    atomic_store(&waiting, 0);
    DREY_SCOPE(scope);
    for (int i = 0; i < WAITERS; i++)
        must(drey_go(&scope, wait_for_never, NULL));
    while (atomic_load_explicit(&waiting, memory_order_relaxed) < WAITERS)
        must(drey_yield());
    int64_t start = bench_clock();
    drey_scope_cancel(&scope, 0, "benchmark");
    must(drey_scope_close(&scope, 0));
    return bench_clock() - start;
}

DREY_ASYNC double bench_cancel_100k(void)
{
    return bench_batch(cancel_once, NULL) / 1e6;
}
