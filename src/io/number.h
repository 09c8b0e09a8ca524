/* SPDX-License-Identifier: MIT */
/*
 * What drey knows about a descriptor's number, on all workers: one word each.
 *
 *      63        32 31        8 7     0
 *     | generation | workers   | flags |
 *
 * N1  The generation rises whenever drey hears that the number names another file than before: when drey closes it,
 *     or gets it from the kernel for a new one. Whoever took a generation along into an operation, or into a table,
 *     can tell later that what it knows is about another file.
 * N2  A worker's bit (its index modulo 24) is set before it has a waiter or a registration for this generation. So
 *     whoever ends a generation knows which tables to visit, and a short connection on one worker costs one visit.
 * N3  OWNED: drey made the file and will close it, so N1 hears of its end, and what is registered for it with the
 *     kernel stays so as long as the generation lasts.
 *
 * N4  Closing begins with the end of the generation, as N2 says. Whoever joins after that and before close(2) would
 *     still find the file open, and sleep for ever once it is not. So the number is made to name a dead file first, on
 *     which every call fails with EBADF, and then the generation ends again, for those who came in between.
 *     With one worker nobody can, if nothing suspends between the two.
 *
 * Joining, under the lock of the worker's table: look at the generation, set the bit by CAS, queue the waiter, ask the
 * kernel. Ending: a new generation by CAS, then the lock of each table with a bit. If the end's CAS is first, joining
 * sees the new generation: either its own CAS fails, or its lock came after the end's visit and shows it the word. If
 * it is later, the end finds the bit, and the lock makes it wait for the queued waiter.
 * Rejected: a mark for "being closed" in the word (until it is taken off again, after close(2), the number may be
 * somebody else's, who must not suffer from it).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DREY__OWNED = 1,
    DREY__SOCKET = 2,
    DREY__TCP = 4,             /* a stream without marks in it: less than was asked for means that there is no more */
    DREY__NUMBER_WORKERS = 24, /* bits for workers */
    DREY__NUMBER_MAX = 1 << 24,
};

/* The word, 0 if nothing is known. */
uint64_t drey__number_look(int fd);

static inline uint32_t drey__number_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* N2: a bit for the worker with this index. */
static inline uint64_t drey__number_bit(unsigned index)
{
    return (uint64_t)1 << (8 + index % DREY__NUMBER_WORKERS);
}

/* Set the worker's bit: the word, or 0: there is no memory. */
uint64_t drey__number_join(int fd, uint64_t bit);

/* Begin a new generation with these flags; the word before, 0 if nothing was known. Without memory it stays so. */
uint64_t drey__number_renew(int fd, uint8_t flags);

/* Forget everything; no worker runs. */
void drey__numbers_clear(void);
