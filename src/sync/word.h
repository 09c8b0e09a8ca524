/* SPDX-License-Identifier: MIT */
/* The state word of a lock: changed by CAS while there are several workers, plainly while there is one. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/spin.h"

static inline __attribute__((always_inline)) bool drey__word_change(_Atomic uintptr_t *word, uintptr_t from,
                                                                    uintptr_t to, memory_order order)
{
    if (unlikely(drey__multi))
        return atomic_compare_exchange_strong_explicit(word, &from, to, order, memory_order_relaxed);
    if (unlikely(atomic_load_explicit(word, memory_order_relaxed) != from))
        return false;
    atomic_store_explicit(word, to, memory_order_relaxed);
    return true;
}

/* Returns the new value. */
static inline __attribute__((always_inline)) uintptr_t drey__word_subtract(_Atomic uintptr_t *word, uintptr_t amount)
{
    if (unlikely(drey__multi))
        return atomic_fetch_sub_explicit(word, amount, memory_order_acq_rel) - amount;
    uintptr_t left = atomic_load_explicit(word, memory_order_relaxed) - amount;
    atomic_store_explicit(word, left, memory_order_relaxed);
    return left;
}
