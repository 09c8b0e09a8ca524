/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: a thread that looks at the workers every millisecond while any of them is awake, and sleeps with them.
 *
 *   A fresh task that waits behind one running task, while another worker sleeps, gets that worker woken (R8).
 *   A task that has not let its worker go for 100 ms is named on standard error, once (R11); not if the worker's thread
 *   was merely without a processor.
 *
 * It reads what workers write with relaxed atomics, and looks at a running task's name without asking: records and
 * stacks stay mapped as long as the runtime runs, so a late look is at worst a wrong name. Not started under the
 * virtual clock, where real time means nothing.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/base.h"

/* Without memory or threads there is no watchdog; nothing else depends on it. */
void drey__watchdog_start(void);
void drey__watchdog_stop(void);

extern DREY__HIDDEN _Atomic bool drey__watchdog_sleeps;
void drey__watchdog_wake_slow(void);

/* A worker has woken up. */
static inline void drey__watchdog_wake(void)
{
    if (unlikely(atomic_load_explicit(&drey__watchdog_sleeps, memory_order_seq_cst)))
        drey__watchdog_wake_slow();
}
