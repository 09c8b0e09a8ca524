/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

/* A virtual clock starts at a fixed wall time, so that what a test prints does not depend on the day. */
static const int64_t VIRTUAL_EPOCH_NS = INT64_C(1767225600) * DREY__NS_PER_SEC; /* 2026-01-01T00:00:00Z */
static const int64_t VIRTUAL_START_NS = DREY__NS_PER_SEC;

bool drey__clock_virtual;
static _Atomic int64_t virtual_now;

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * DREY__NS_PER_SEC + ts.tv_nsec;
}

int64_t drey__clock_now(void)
{
    if (drey__clock_virtual)
        return atomic_load_explicit(&virtual_now, memory_order_acquire);
    return read_clock(CLOCK_MONOTONIC);
}

int64_t drey__clock_real(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t drey__clock_wall(void)
{
    if (drey__clock_virtual)
        return VIRTUAL_EPOCH_NS + drey__clock_now() - VIRTUAL_START_NS;
    return read_clock(CLOCK_REALTIME);
}

void drey__clock_virtual_start(void)
{
    atomic_store_explicit(&virtual_now, VIRTUAL_START_NS, memory_order_release);
}

void drey__clock_virtual_move(int64_t to)
{
    if (to > atomic_load_explicit(&virtual_now, memory_order_relaxed))
        atomic_store_explicit(&virtual_now, to, memory_order_release);
}
