/* SPDX-License-Identifier: MIT */
/*
 * Calls on sockets that never wait (MSG_DONTWAIT), made for several tasks in one go.
 *
 * The way into the kernel and back is a large part of what a small message costs: up to a microsecond where the kernel
 * hides its memory from programs. While other tasks are ready, a call is therefore put off until they have had their
 * turn; those that have gathered by then go through the ring together, and the kernel has ended them all when it
 * returns. With few tasks, or without a ring, a call is made on the spot.
 *
 * C1  A call is made under the lock of the worker's table of descriptors (fds.h), if the number has the generation
 *     still for which the call was meant. Who closes ends the generation first, and then takes the lock of each table
 *     that has to do with the number, as this one says it has before the call is queued. So no call reaches a file that
 *     got the number later; what was put off until after the end of its generation is -EBADF.
 * C2  Only for descriptors that drey made: others may be closed without our hearing of it.
 * C3  The task is parked uncut, so the buffer is in use until the call has been made and no longer, and what it did is
 *     what the task is told (R5). Nothing is ever in flight while the worker runs a task or sleeps.
 * C4  A call is put off until there are AT_MOST of them, or LATER_NS have passed when another one is put off, or the
 *     worker looks at the kernel (every 64 switches), or has nothing else to do; whatever comes first.
 * C5  A call that was put off is as one that was made on the spot: its task goes on before those that are ready, with
 *     what it had left of its budget (R11). So its stack is still in the caches, and it has no more turns than others.
 * C6  What a read tells about the next (F6 in fds.h) is noted when it is made, before the worker looks for events.
 * C7  Who is refused waits, and must have been refused after the worker last looked for events (F5 in fds.h). It may
 *     have looked between a call that was put off and its task's turn: so such a task asks once more, on the spot.
 * C8  A visit of cancellation passes over a task that is parked uncut, and does not come again. So a task whose call
 *     was put off and did nothing looks for a mark before it waits.
 *
 * Rejected: multishot receives, which measure no better (docs/design/io.md). They take bytes from sockets that somebody
 * else may read next (a child process, another library), keep bytes whose reader was cancelled, and need an answer
 * before a descriptor is closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct drey_task;
struct drey__io;

/* In the frame of the task that makes it. */
struct drey__io_call {
    struct drey__io_call *next;
    struct drey_task *task;
    uint64_t word; /* what io/number.h had said of the descriptor */
    int fd;
    bool sends; /* else it receives */
    void *data; /* where to, or from where */
    size_t bytes;
    const struct msghdr *parts; /* what to send instead of `data`; or NULL */
    int64_t result;             /* once made: as the system call's, or a negative errno */
};

struct drey__io_calls {
    bool gathers;                       /* whether calls are put off at all; written when the worker's io opens */
    struct drey__io_call *first, **end; /* put off; end: undefined while there is none */
    unsigned count;
    int64_t since; /* when the first was */
};

/* Make the call: its result. Suspends uncut, if at all; the caller has entered. `place` is the caller of the public
 * function, for reports. */
int64_t drey__io_call(struct drey_task *self, struct drey__io_call *call, const void *place);
