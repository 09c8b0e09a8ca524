/* SPDX-License-Identifier: MIT */
/*
 * The messages that a channel or a broadcast holds: a ring of equal slots, under its object's lock.
 *
 * The limit and the memory are two things: `capacity` is what the user allowed, the slots (a power of two, so that an
 * index needs no division) double when they are needed. The first few lie in the object's own block and are never given
 * back, so a ring that cannot grow for want of memory still holds a message: it only fills up earlier.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

enum {
    DREY__MESSAGE_MAX = 64 << 10,     /* bytes; they are copied under a spin lock, what is larger goes by pointer */
    DREY__RING_FIRST_BYTES = 128,     /* slots in the object's own block, unless one message is larger */
    DREY__RING_IDLE_BYTES = 4 << 20,  /* an empty ring keeps no more than this: having it anew costs page faults */
};

#define DREY__RING_CAPACITY_MAX ((size_t)1 << 31)

struct drey__ring {
    char *slots;   /* `first`, or allocated */
    uint32_t head; /* the oldest message, counted on without wrapping: slot head & mask */
    _Atomic uint32_t count; /* relaxed: read without the lock as a hint (chan/linger.c) */
    uint32_t mask; /* slots - 1 */
    uint32_t capacity;
    uint32_t bytes; /* of one message; may be 0 */
    uint32_t first_mask;
    char *first;
};

/* -EINVAL if a ring may not have this shape; else 0 and the room that its first slots take. */
int drey__ring_shape(size_t message_bytes, size_t capacity, size_t *out_first_bytes);
void drey__ring_init(struct drey__ring *r, size_t message_bytes, size_t capacity, void *first);
void drey__ring_deinit(struct drey__ring *r);

/* Double the slots: false when memory is out. */
bool drey__ring_grow(struct drey__ring *r);
/* The ring has become empty: give back what is large. */
void drey__ring_idle(struct drey__ring *r);

/* Messages are small as a rule, and a call of memcpy costs more than the rest of a push. */
static inline void drey__message_copy(void *to, const void *from, size_t bytes)
{
    char *t = to;
    const char *f = from;
    if (likely(bytes == 8)) {
        memcpy(t, f, 8);
    } else if (bytes > 16) {
        memcpy(t, f, bytes);
    } else if (bytes > 8) { /* the halves may overlap */
        uint64_t low, high;
        memcpy(&low, f, 8);
        memcpy(&high, f + bytes - 8, 8);
        memcpy(t, &low, 8);
        memcpy(t + bytes - 8, &high, 8);
    } else if (bytes >= 4) {
        uint32_t low, high;
        memcpy(&low, f, 4);
        memcpy(&high, f + bytes - 4, 4);
        memcpy(t, &low, 4);
        memcpy(t + bytes - 4, &high, 4);
    } else if (bytes > 0) {
        t[0] = f[0];
        t[bytes / 2] = f[bytes / 2];
        t[bytes - 1] = f[bytes - 1];
    }
}

static inline uint32_t drey__ring_count(const struct drey__ring *r)
{
    return atomic_load_explicit(&r->count, memory_order_relaxed);
}

static inline void drey__ring_count_set(struct drey__ring *r, uint32_t count)
{
    atomic_store_explicit(&r->count, count, memory_order_relaxed);
}

/* The slot of the i-th oldest message; i == count is the next free one. */
static inline char *drey__ring_at(const struct drey__ring *r, uint32_t i)
{
    return r->slots + (size_t)((r->head + i) & r->mask) * r->bytes;
}

/* There is a free slot. */
static inline void drey__ring_push(struct drey__ring *r, const void *message)
{
    uint32_t count = drey__ring_count(r);
    drey__message_copy(drey__ring_at(r, count), message, r->bytes);
    drey__ring_count_set(r, count + 1);
}

/* There is a message. */
static inline void drey__ring_drop(struct drey__ring *r)
{
    r->head++;
    drey__ring_count_set(r, drey__ring_count(r) - 1);
}

static inline void drey__ring_pop(struct drey__ring *r, void *out_message)
{
    drey__message_copy(out_message, drey__ring_at(r, 0), r->bytes);
    drey__ring_drop(r);
}
