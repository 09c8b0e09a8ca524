/* SPDX-License-Identifier: MIT */
/* The one place for time. Real: CLOCK_MONOTONIC, CLOCK_REALTIME. Virtual: a number that the scheduler moves (R17). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum { DREY__NS_PER_SEC = 1000000000 };

/* Written by drey_run while no worker runs. */
extern DREY__HIDDEN bool drey__clock_virtual;

int64_t drey__clock_now(void);  /* ns, above 0 */
int64_t drey__clock_real(void); /* CLOCK_MONOTONIC, whatever the runtime's clock is */
int64_t drey__clock_wall(void); /* ns since 1970 UTC */

/*
 * The clock, read cheaply: a recent reading, and what the processor's counter of constant rate has gone on since then.
 * It belongs to one thread, and is all zero to begin with. It never goes back, and is ahead of drey__clock_now by less
 * than 1 us. That is for when something starts that lasts a while; it says nothing about what is over already.
 */
struct drey__reading {
    uint64_t ticks; /* the counter, when the clock said `ns` */
    int64_t ns;     /* 0: nothing is known */
    uint64_t scale; /* ns a tick, times 2^32, as measured last; 0: not yet */
    uint64_t good;  /* ticks after which the clock itself is read again; 0: it always is */
    int64_t last;   /* what was answered last */
};

int64_t drey__clock_read_for(struct drey__reading *r);

static inline uint64_t drey__clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

static inline int64_t drey__clock_about(struct drey__reading *r)
{
    if (unlikely(r->good == 0))
        return drey__clock_read_for(r);
    uint64_t gone = drey__clock_ticks() - r->ticks;
    if (unlikely(gone >= r->good))
        return drey__clock_read_for(r);
    int64_t about = r->ns + (int64_t)((gone + 1) * r->scale >> 32); /* the next tick may be all but there */
    return r->last = about > r->last ? about : r->last;
}

/* Find out whether the processor's counter can be relied on; before any worker runs. */
void drey__clock_find_counter(void);

/* Start a virtual clock; move it forward. The idle protocol (sched/idle.c) decides who may move it, and when. */
void drey__clock_virtual_start(void);
void drey__clock_virtual_move(int64_t to);
