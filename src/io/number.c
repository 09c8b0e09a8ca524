/* SPDX-License-Identifier: MIT */
#include "io/number.h"

#include "base/alloc.h"
#include "base/base.h"

enum { CHUNK = 1 << 12, CHUNKS = DREY__NUMBER_MAX / CHUNK };

typedef _Atomic uint64_t word_t;

/* Published by CAS, released; a chunk stays until no worker runs. */
static _Atomic(word_t *) chunks[CHUNKS];

static word_t *word_of(int fd)
{
    if (unlikely((unsigned)fd >= DREY__NUMBER_MAX))
        return NULL;
    word_t *chunk = atomic_load_explicit(&chunks[fd / CHUNK], memory_order_acquire);
    return likely(chunk != NULL) ? &chunk[fd % CHUNK] : NULL;
}

static word_t *word_make(int fd)
{
    word_t *word = word_of(fd);
    if (word != NULL || (unsigned)fd >= DREY__NUMBER_MAX)
        return word;
    word_t *none = NULL, *fresh = drey__alloc_zero(CHUNK * sizeof(word_t));
    if (fresh != NULL && !atomic_compare_exchange_strong_explicit(&chunks[fd / CHUNK], &none, fresh,
                                                                  memory_order_acq_rel, memory_order_acquire))
        drey__free(fresh);
    return word_of(fd);
}

uint64_t drey__number_look(int fd)
{
    const word_t *word = word_of(fd);
    return word != NULL ? atomic_load_explicit(word, memory_order_acquire) : 0;
}

uint64_t drey__number_join(int fd, uint64_t bit)
{
    word_t *word = word_make(fd);
    if (word == NULL)
        return 0;
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    while ((seen & bit) == 0)
        if (atomic_compare_exchange_weak_explicit(word, &seen, seen | bit, memory_order_acq_rel, memory_order_acquire))
            break;
    /* N4: the caller asks the kernel next. Either that sees the dead file, or who made it dead sees this bit: each
     * writes first and reads second, so both need the order of all. */
    atomic_thread_fence(memory_order_seq_cst);
    return seen | bit;
}

uint64_t drey__number_renew(int fd, uint8_t flags)
{
    atomic_thread_fence(memory_order_seq_cst); /* as in joining */
    word_t *word = flags != 0 ? word_make(fd) : word_of(fd);
    if (word == NULL)
        return 0;
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(word, &seen, ((seen >> 32) + 1) << 32 | flags, memory_order_acq_rel,
                                                  memory_order_acquire)) {
    }
    return seen;
}

void drey__numbers_clear(void)
{
    for (unsigned i = 0; i < CHUNKS; i++)
        if (atomic_load_explicit(&chunks[i], memory_order_relaxed) != NULL)
            drey__free(atomic_exchange_explicit(&chunks[i], NULL, memory_order_relaxed));
}
