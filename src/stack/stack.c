/* SPDX-License-Identifier: MIT */
#include "stack/stack.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/base.h"
#include "base/spin.h"
#include "stack/announce.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef PIDFD_SELF_THREAD
#define PIDFD_SELF_THREAD (-10000)
#endif

enum {
    LEAST_GUARD_BYTES = 16 << 10,
    CHUNK_BYTES = 4 << 20,
    SMALLEST_BYTES = 16 << 10,
    TOGETHER = 64, /* stacks whose memory is had, or given back, by one call */
    AHEAD = 4,     /* one is had in advance for so many that were */
};

/*
 * A chunk is one mapping cut into stacks of one class. Chunks are only ever added (until release_all), so the overflow
 * handler may walk the list without a lock: `next` is written before the chunk is published by a release store.
 */
struct drey__stack_chunk {
    struct drey__stack_chunk *next;
    struct drey__stack_chunk *next_cold; /* under cold_lock: chunks of this class with cold slots */
    char *base;
    size_t slot_bytes, guard_bytes;
    uint32_t slots;
    uint32_t size_class;
    uint32_t cold_count; /* under cold_lock */
    uint32_t cold[];     /* under cold_lock: slots whose memory is with the system */
};

static _Atomic(struct drey__stack_chunk *) chunks;
static drey__spin cold_lock;
static struct drey__stack_chunk *cold_chunks[DREY__STACK_CLASSES];
static _Atomic uint64_t mapped_stacks;
static _Atomic uint64_t cold_stacks;
static _Atomic bool guards_by_mprotect;

uint32_t drey__stack_class(size_t bytes)
{
    if (bytes == 0)
        return DREY__STACK_CLASS_DEFAULT;
    uint32_t c = 0;
    while (c < DREY__STACK_CLASSES - 1 && drey__stack_class_bytes(c) < bytes)
        c++;
    return c;
}

size_t drey__stack_class_bytes(uint32_t size_class)
{
    return (size_t)SMALLEST_BYTES << size_class;
}

bool drey__stack_guards_by_mprotect(void)
{
    return atomic_load_explicit(&guards_by_mprotect, memory_order_relaxed);
}

/* Guards and stacks are whole pages, which may have 64 KB on aarch64. */
static size_t guard_bytes(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return page > LEAST_GUARD_BYTES ? page : LEAST_GUARD_BYTES;
}

static size_t whole_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

/* An emulator may accept the advice and do nothing. A system call that reads the page tells. */
static bool is_guarded(const char *at)
{
    static _Atomic bool known; /* once true; relaxed, since finding out twice does no harm */
    if (atomic_load_explicit(&known, memory_order_relaxed))
        return true;
    bool guarded = access(at, F_OK) < 0 && errno == EFAULT;
    atomic_store_explicit(&known, guarded, memory_order_relaxed);
    return guarded;
}

static int install_guard(char *at)
{
    if (!drey__stack_guards_by_mprotect()) {
        if (madvise(at, guard_bytes(), MADV_GUARD_INSTALL) == 0 && is_guarded(at))
            return 0;
        atomic_store_explicit(&guards_by_mprotect, true, memory_order_relaxed);
    }
    return mprotect(at, guard_bytes(), PROT_NONE);
}

static struct drey__stack_chunk *chunk_new(uint32_t size_class)
{
    size_t slot_bytes = whole_pages(drey__stack_class_bytes(size_class)) + guard_bytes();
    uint32_t slots = (uint32_t)(CHUNK_BYTES / slot_bytes);
    if (slots == 0)
        slots = 1;
    struct drey__stack_chunk *c = drey__alloc(sizeof *c + slots * sizeof c->cold[0]);
    if (c == NULL)
        return NULL;
    char *base = mmap(NULL, slots * slot_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED) {
        drey__free(c);
        return NULL;
    }
    madvise(base, slots * slot_bytes,
            MADV_NOHUGEPAGE); /* a huge page would back 32 stacks for the first frame of one */
    uint32_t guarded = 0;
    while (guarded < slots && install_guard(base + guarded * slot_bytes) == 0)
        guarded++;
    if (guarded == 0) {
        munmap(base, slots * slot_bytes);
        drey__free(c);
        return NULL;
    }
    *c = (struct drey__stack_chunk){.base = base,
                                    .slot_bytes = slot_bytes,
                                    .guard_bytes = guard_bytes(),
                                    .slots = slots,
                                    .size_class = size_class,
                                    .cold_count = guarded};
    for (uint32_t i = 0; i < guarded; i++)
        c->cold[i] = guarded - 1 - i;
    atomic_fetch_add_explicit(&mapped_stacks, guarded, memory_order_relaxed);
    atomic_fetch_add_explicit(&cold_stacks, guarded, memory_order_relaxed);
    c->next = atomic_load_explicit(&chunks, memory_order_relaxed);
    atomic_store_explicit(&chunks, c, memory_order_release);
    return c;
}

static struct drey__stack *slot_descriptor(const struct drey__stack_chunk *c, uint32_t slot)
{
    char *end = c->base + (slot + 1) * c->slot_bytes;
    size_t colour = (slot * 128u) % 2048u;
    return (struct drey__stack *)(void *)(end - colour - sizeof(struct drey__stack));
}

static struct drey__stack *slot_open(struct drey__stack_chunk *c, uint32_t slot)
{
    struct drey__stack *s = slot_descriptor(c, slot);
    char *bottom = c->base + slot * c->slot_bytes + c->guard_bytes;
    *s = (struct drey__stack){
        .bottom = bottom,
        .middle = bottom + ((char *)s - bottom) / 2,
        .top = s,
        .chunk = c,
        .slot = slot,
        .size_class = c->size_class,
    };
    drey__announce_new(s);
    return s;
}

/* Where a stack is, while its memory is with the system. */
struct place {
    struct drey__stack_chunk *chunk;
    uint32_t slot;
};

/* Up to `want` places of cold stacks: how many there were. Under cold_lock. */
static uint32_t take_places(uint32_t size_class, struct place *out, uint32_t want)
{
    uint32_t n = 0;
    while (n < want) {
        struct drey__stack_chunk *c = cold_chunks[size_class];
        if (c == NULL && n == 0 && (c = chunk_new(size_class)) != NULL) {
            c->next_cold = NULL;
            cold_chunks[size_class] = c;
        }
        if (c == NULL)
            break;
        out[n++] = (struct place){c, c->cold[--c->cold_count]};
        if (c->cold_count == 0)
            cold_chunks[size_class] = c->next_cold;
    }
    return n;
}

/* Advise the kernel about many ranges by one call, if it allows that (Linux 6.18 does). False: not all were taken. */
static bool advise_all(const struct iovec *ranges, uint32_t count, size_t bytes, int advice)
{
    static _Atomic bool refused; /* set once; relaxed: at worst it is asked again */
    if (atomic_load_explicit(&refused, memory_order_relaxed))
        return false;
    ssize_t done = syscall(SYS_process_madvise, PIDFD_SELF_THREAD, ranges, (size_t)count, advice, 0u);
    if (done < 0)
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    return done == (ssize_t)bytes;
}

/* Have the first page of each. A fault for each of them would cost several times as much; what cannot be had now
 * faults later. */
static void populate(const struct place *places, uint32_t n)
{
    struct iovec pages[TOGETHER];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t descriptor = (uintptr_t)slot_descriptor(places[i].chunk, places[i].slot);
        pages[i] = (struct iovec){(void *)(descriptor & ~(page - 1)), page};
    }
    (void)advise_all(pages, n, n * page, MADV_POPULATE_WRITE);
}

/* One for the caller; the more it has taken, the more for the pool as well. */
static struct drey__stack *take_cold(struct drey__stack_pool *pool, uint32_t size_class)
{
    struct place places[TOGETHER];
    uint32_t want = 1 + pool->taken[size_class] / AHEAD;
    drey__spin_lock_always(&cold_lock);
    uint32_t n = take_places(size_class, places, want < TOGETHER ? want : TOGETHER);
    drey__spin_unlock_always(&cold_lock);
    if (n == 0)
        return NULL;
    atomic_fetch_sub_explicit(&cold_stacks, n, memory_order_relaxed);
    pool->taken[size_class] += n;
    if (n > 1)
        populate(places, n);
    while (n > 1) {
        n--;
        drey__stack_put(pool, slot_open(places[n].chunk, places[n].slot));
    }
    return slot_open(places[0].chunk, places[0].slot);
}

struct drey__stack *drey__stack_get(struct drey__stack_pool *pool, uint32_t size_class)
{
    struct drey__stack *s = pool->hot[size_class];
    if (unlikely(s == NULL))
        return drey__alloc_fails() ? NULL : take_cold(pool, size_class);
    pool->hot[size_class] = s->next;
    pool->count[size_class]--;
    drey__announce_reuse(s);
    return s;
}

void drey__stack_put(struct drey__stack_pool *pool, struct drey__stack *s)
{
    s->next = pool->hot[s->size_class];
    pool->hot[s->size_class] = s;
    pool->count[s->size_class]++;
}

static void make_cold(const struct place *places, uint32_t n)
{
    drey__spin_lock_always(&cold_lock);
    for (uint32_t i = 0; i < n; i++) {
        struct drey__stack_chunk *c = places[i].chunk;
        if (c->cold_count == 0) {
            c->next_cold = cold_chunks[c->size_class];
            cold_chunks[c->size_class] = c;
        }
        c->cold[c->cold_count++] = places[i].slot;
    }
    drey__spin_unlock_always(&cold_lock);
    atomic_fetch_add_explicit(&cold_stacks, n, memory_order_relaxed);
}

uint32_t drey__stack_pool_most(const struct drey__stack_pool *pool)
{
    uint32_t most = 0;
    for (uint32_t c = 0; c < DREY__STACK_CLASSES; c++)
        most = pool->count[c] > most ? pool->count[c] : most;
    return most;
}

/* The hottest, or NULL if no more than `keep` are left. */
static struct drey__stack *take_hot(struct drey__stack_pool *pool, uint32_t size_class, uint32_t keep)
{
    struct drey__stack *s = pool->hot[size_class];
    if (pool->count[size_class] <= keep)
        return NULL;
    pool->hot[size_class] = s->next;
    pool->count[size_class]--;
    drey__announce_end(s);
    return s;
}

static uint32_t give_back(struct drey__stack_pool *pool, uint32_t size_class, uint32_t keep)
{
    struct place places[TOGETHER];
    struct iovec ranges[TOGETHER];
    struct drey__stack *s;
    uint32_t n = 0;
    size_t bytes = 0;
    while (n < TOGETHER && (s = take_hot(pool, size_class, keep)) != NULL) {
        places[n] = (struct place){s->chunk, s->slot};
        ranges[n] = (struct iovec){s->bottom, s->chunk->slot_bytes - s->chunk->guard_bytes};
        bytes += ranges[n++].iov_len;
    }
    if (n > 0 && !advise_all(ranges, n, bytes, MADV_DONTNEED))
        for (uint32_t i = 0; i < n; i++)
            madvise(ranges[i].iov_base, ranges[i].iov_len, MADV_DONTNEED);
    make_cold(places, n);
    return n;
}

bool drey__stack_pool_trim(struct drey__stack_pool *pool, uint32_t keep)
{
    uint32_t given = 0;
    for (uint32_t c = 0; c < DREY__STACK_CLASSES && given == 0; c++)
        given = give_back(pool, c, keep);
    return given > 0;
}

void drey__stack_pool_drop(struct drey__stack_pool *pool)
{
    for (uint32_t c = 0; c < DREY__STACK_CLASSES; c++)
        while (take_hot(pool, c, 0) != NULL) {
        }
}

void drey__stack_release_all(void)
{
    struct drey__stack_chunk *c = atomic_exchange_explicit(&chunks, NULL, memory_order_acquire);
    while (c != NULL) {
        struct drey__stack_chunk *next = c->next;
        munmap(c->base, c->slots * c->slot_bytes);
        drey__free(c);
        c = next;
    }
    memset(cold_chunks, 0, sizeof cold_chunks);
    atomic_store_explicit(&mapped_stacks, 0, memory_order_relaxed);
    atomic_store_explicit(&cold_stacks, 0, memory_order_relaxed);
}

void drey__stack_counts(uint64_t *out_mapped, uint64_t *out_cold)
{
    *out_mapped = atomic_load_explicit(&mapped_stacks, memory_order_relaxed);
    *out_cold = atomic_load_explicit(&cold_stacks, memory_order_relaxed);
}

struct drey__stack *drey__stack_of_guard(const void *address)
{
    const char *a = address;
    for (struct drey__stack_chunk *c = atomic_load_explicit(&chunks, memory_order_acquire); c != NULL; c = c->next) {
        if (a < c->base || a >= c->base + c->slots * c->slot_bytes)
            continue;
        size_t offset = (size_t)(a - c->base);
        if (offset % c->slot_bytes >= c->guard_bytes)
            return NULL;
        return slot_descriptor(c, (uint32_t)(offset / c->slot_bytes));
    }
    return NULL;
}
