/* SPDX-License-Identifier: MIT */
#include "chan/ring.h"

#include <errno.h>

#include "base/alloc.h"

/* How many slots lie in the object's own block: what fits, at least one, at most what the capacity needs. */
static uint32_t first_slots(size_t message_bytes, size_t capacity)
{
    uint32_t slots = 1;
    while (slots < capacity && (size_t)slots * 2 * message_bytes <= DREY__RING_FIRST_BYTES)
        slots *= 2;
    return slots;
}

int drey__ring_shape(size_t message_bytes, size_t capacity, size_t *out_first_bytes)
{
    if (message_bytes > DREY__MESSAGE_MAX || capacity > DREY__RING_CAPACITY_MAX)
        return -EINVAL;
    *out_first_bytes = capacity == 0 ? 0 : first_slots(message_bytes, capacity) * message_bytes;
    return 0;
}

void drey__ring_init(struct drey__ring *r, size_t message_bytes, size_t capacity, void *first)
{
    *r = (struct drey__ring){
        .slots = first,
        .mask = first_slots(message_bytes, capacity) - 1,
        .capacity = (uint32_t)capacity,
        .bytes = (uint32_t)message_bytes,
        .first = first,
    };
    r->first_mask = r->mask;
}

static void release_slots(struct drey__ring *r)
{
    if (r->slots != r->first)
        drey__free(r->slots);
}

void drey__ring_deinit(struct drey__ring *r)
{
    release_slots(r);
}

bool drey__ring_grow(struct drey__ring *r)
{
    size_t slots = (size_t)r->mask + 1;
    char *grown = drey__alloc(slots * 2 * r->bytes);
    if (unlikely(grown == NULL))
        return false;
    uint32_t head = r->head & r->mask;
    uint32_t to_end = r->mask + 1 - head;
    uint32_t count = drey__ring_count(r);
    uint32_t unwrapped = count < to_end ? count : to_end;
    memcpy(grown, r->slots + (size_t)head * r->bytes, (size_t)unwrapped * r->bytes);
    memcpy(grown + (size_t)unwrapped * r->bytes, r->slots, (size_t)(count - unwrapped) * r->bytes);
    release_slots(r);
    r->slots = grown;
    r->mask = (uint32_t)(slots * 2 - 1);
    r->head = 0;
    return true;
}

/* Refilling costs no more than the first time: at least half of a large ring's slots were pushed to make it grow. */
void drey__ring_idle(struct drey__ring *r)
{
    if (((size_t)r->mask + 1) * r->bytes <= DREY__RING_IDLE_BYTES)
        return;
    release_slots(r);
    r->slots = r->first;
    r->mask = r->first_mask;
    r->head = 0;
}
