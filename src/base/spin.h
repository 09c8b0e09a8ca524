/* SPDX-License-Identifier: MIT */
/*
 * A spin lock for sections of a few dozen instructions.
 *
 * With one worker there is nobody to exclude: objects that only tasks may touch skip the atomics altogether
 * (drey__multi is false). Objects that foreign threads may touch use the _always forms.
 * A waiter gives its processor away after a short spin, since the holder may have been preempted.
 */
#pragma once

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/base.h"

typedef struct drey__spin {
    _Atomic unsigned held;
} drey__spin;

/* True while a runtime with more than one worker runs. Written by drey_run while no worker runs. */
extern DREY__HIDDEN bool drey__multi;

static inline void drey__relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline void drey__relax_for(unsigned pauses)
{
    for (unsigned i = 0; i < pauses; i++)
        drey__relax();
}

static inline void drey__spin_lock_always(drey__spin *s)
{
    while (unlikely(atomic_exchange_explicit(&s->held, 1, memory_order_acquire) != 0))
        for (unsigned i = 0; atomic_load_explicit(&s->held, memory_order_relaxed) != 0; i++) {
            if (i < 64)
                drey__relax();
            else
                sched_yield();
        }
}

/* The same for locks that several threads take over and over: who finds it taken keeps away for a while, so that each
 * of them has it for a series of sections instead of every second one, and the line does not move for each. */
static inline void drey__spin_lock_apart(drey__spin *s, unsigned pauses)
{
    for (unsigned i = 0; unlikely(atomic_exchange_explicit(&s->held, 1, memory_order_acquire) != 0); i++) {
        if (i < 64)
            drey__relax_for(pauses);
        else
            sched_yield();
    }
}

static inline void drey__spin_unlock_always(drey__spin *s)
{
    atomic_store_explicit(&s->held, 0, memory_order_release);
}

static inline void drey__spin_lock(drey__spin *s)
{
    if (drey__multi)
        drey__spin_lock_always(s);
}

static inline void drey__spin_unlock(drey__spin *s)
{
    if (drey__multi)
        drey__spin_unlock_always(s);
}
