/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Written by tests and by every allocating thread; relaxed, since the count orders nothing. */
static _Atomic uint64_t allocations;
static _Atomic uint64_t fail_at;

bool drey__alloc_fails(void)
{
    uint64_t n = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    return unlikely(n == atomic_load_explicit(&fail_at, memory_order_relaxed));
}

void drey__alloc_fail_at(uint64_t nth)
{
    uint64_t now = atomic_load_explicit(&allocations, memory_order_relaxed);
    atomic_store_explicit(&fail_at, nth == 0 ? 0 : now + nth, memory_order_relaxed);
}

uint64_t drey__alloc_count(void)
{
    return atomic_load_explicit(&allocations, memory_order_relaxed);
}

void *drey__alloc(size_t bytes)
{
    return drey__alloc_fails() ? NULL : malloc(bytes);
}

void *drey__alloc_zero(size_t bytes)
{
    return drey__alloc_fails() ? NULL : calloc(1, bytes);
}

void *drey__alloc_aligned(size_t align, size_t bytes)
{
    return drey__alloc_fails() ? NULL : aligned_alloc(align, (bytes + align - 1) / align * align);
}

void *drey__realloc(void *old, size_t bytes)
{
    return drey__alloc_fails() ? NULL : realloc(old, bytes);
}

void drey__free(void *p)
{
    free(p);
}
