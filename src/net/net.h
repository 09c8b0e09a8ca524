/* SPDX-License-Identifier: MIT */
/*
 * Calls on sockets. Each tries the system call, which never waits, and waits for the descriptor when it is refused
 * (io/fds.h). So the kernel never holds a buffer while a task waits, and a cancelled call has moved nothing (R5).
 * Reads and writes of a busy worker are made together (io/calls.h).
 *
 * Rejected: receives and sends that wait in the ring. They need an answer to each withdrawal, and give a buffer away
 * for each idle connection, or a pool of them to all.
 */
#pragma once

#include <sys/socket.h>

#include <drey/net.h>

#include "io/fds.h"
#include "io/number.h"
#include "wait/wait.h"

enum { DREY__NET_CHUNK = 1 << 20 }; /* bytes that one call moves at most: copying occupies the worker */

/* The caller was refused. Wait until trying again makes sense: 0, -EBADF if the number has another generation than in
 * `word`, or another negative errno. Enters again. */
int drey__net_wait(struct drey_task *self, int fd, uint64_t word, unsigned events, const void *place);

/* One system call: its result, or its negative errno. */
typedef ssize_t drey__net_call(int fd, void *arg);

/* Try the call until it is not refused. The caller has entered. */
ssize_t drey__net_do(struct drey_task *self, int fd, unsigned events, drey__net_call *call, void *arg,
                     const void *place);

/* Spend from the budget for bytes that were copied (R11). */
static inline void drey__net_spend(ssize_t bytes)
{
    enum { BYTES_PER_BUDGET = 4096 };
    drey__self->budget -= (int32_t)(bytes / BYTES_PER_BUDGET);
}

/* Whether the number still names the file of which this was said. It may not after every enter, since that may yield:
 * who calls several times, or has looked before it entered, must not go on with another's file. */
static inline bool drey__net_is_same(int fd, uint64_t word)
{
    return drey__number_generation(drey__number_look(fd)) == drey__number_generation(word);
}

/* The bodies of public functions; `word`: what was said of the number when those began; `place` is their caller. */
ssize_t drey__net_read(int fd, uint64_t word, void *buffer, size_t bytes, const void *place);
ssize_t drey__net_writev(int fd, uint64_t word, const struct iovec *parts, int count, const void *place);
