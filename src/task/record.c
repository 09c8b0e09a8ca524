/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/spin.h"
#include "task/task.h"

enum { SLAB_BYTES = 1 << 20, SLAB_RECORDS = SLAB_BYTES / DREY__LINE - 1 };

/* The first record's place holds the slab's link. */
struct slab {
    struct slab *next;
};

static drey__spin slabs_lock;
static struct slab *slabs; /* under slabs_lock */

bool drey__record_refill(struct drey__record_pool *pool)
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
    pool->fresh_next = (struct drey_task *)(void *)((char *)s + DREY__LINE);
    pool->fresh_left = SLAB_RECORDS;
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
