/* SPDX-License-Identifier: MIT */
/*
 * Who waits for which descriptor: one table a worker, over one epoll instance.
 *
 * F1  An entry's registration in the kernel is one-shot: each event disarms it, and waiters that stay are armed anew.
 * F2  Every waiter that joins arms the entry again, even if it looks armed: the descriptor may have been closed behind
 *     our back and its number used again, which takes the registration along.
 * F3  Each arming has a generation, which comes back with the event. Events of older ones belong to a former file of
 *     the same number, or to waiters that have gone, and are dropped: no spurious wake-ups (R7).
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/spin.h"

struct drey_task;
struct drey__fd_entry;

struct drey__fds {
    drey__spin lock;          /* withdrawals may come from other workers */
    int epoll;                /* -1 until the first waiter; then only the worker's thread uses it */
    _Atomic uint32_t waiting; /* waiters in the table; written under lock */
    uint32_t chunk_count;
    struct drey__fd_entry **chunks; /* 256 entries each, made when first needed */
    int refused_fd, refused;        /* why a descriptor could not be waited for: from enlisting to the next attempt */
};

#define DREY__FDS_MARK UINT64_MAX /* event data that names no descriptor: the backend's wake_fd */

void drey__fds_init(struct drey__fds *fds);
void drey__fds_deinit(struct drey__fds *fds);
int drey__fds_open_epoll(struct drey__fds *fds);

/* Wait for events until `until` on the real clock (0: only look) and wake their waiters. True if the mark was among
 * them. */
bool drey__fds_collect(struct drey__fds *fds, int64_t until);

/* Wait until fd is ready for one of the events: the ready ones, -EBADF, -ECANCELED, or another negative errno. Cut. The
 * caller has entered, and enters again before it waits once more. */
int drey__fd_wait(struct drey_task *self, int fd, unsigned events);
