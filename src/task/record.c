/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/spin.h"
#include "task/task.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { SLAB_BYTES = 1 << 20, SLAB_RECORDS = SLAB_BYTES / DREY__LINE - 1, REFILL = 256 };

/* The first record's place holds the slab's link. */
struct slab {
    struct slab *next;
};

static drey__spin slabs_lock;
static struct slab *slabs; /* under slabs_lock */

static bool new_slab(struct drey__record_pool *pool)
{
    if (drey__alloc_fails())
        return false;
    struct slab *s = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return false;
    drey__spin_lock_always(&slabs_lock);
    s->next = slabs;
    slabs = s;
    drey__spin_unlock_always(&slabs_lock);
    pool->unused = (struct drey_task *)(void *)((char *)s + DREY__LINE);
    pool->unused_left = SLAB_RECORDS;
    return true;
}

/* The pages of records that are about to be used, at once: a fault for each would cost more than all their records do,
 * in a virtual machine many times more. What cannot be had now faults later. */
static void populate(const struct drey_task *first, uint32_t n)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)first & ~(page - 1), end = ((uintptr_t)(first + n) + page - 1) & ~(page - 1);
    madvise((void *)from, end - from, MADV_POPULATE_WRITE);
}

bool drey__record_refill(struct drey__record_pool *pool)
{
    if (pool->unused_left == 0 && !new_slab(pool))
        return false;
    uint32_t n = pool->unused_left < REFILL ? pool->unused_left : REFILL;
    struct drey_task *first = pool->unused;
    populate(first, n);
    for (uint32_t i = 0; i + 1 < n; i++)
        first[i].next = &first[i + 1];
    first[n - 1].next = NULL;
    pool->free = first;
    pool->unused = first + n;
    pool->unused_left -= n;
    return true;
}

void drey__record_release_all(void)
{
    while (slabs != NULL) {
        struct slab *next = slabs->next;
        munmap(slabs, SLAB_BYTES);
        slabs = next;
    }
}
