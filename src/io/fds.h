/* SPDX-License-Identifier: MIT */
/*
 * Who waits for which descriptor: one table a worker, over one epoll instance.
 *
 * Descriptors of strangers, which may be closed behind our back:
 * F1  An entry's registration in the kernel is one-shot: each event disarms it, and waiters that stay are armed anew.
 * F2  Every waiter that joins arms the entry again, even if it looks armed: the descriptor may have been closed behind
 *     our back and its number used again, which takes the registration along.
 * F3  Each arming has a number, which comes back with the event. Events of older ones belong to a former file of the
 *     same number, or to waiters that have gone, and are dropped: no spurious wake-ups (R7).
 *
 * Descriptors that drey made (io/number.h), which saves the arming:
 * F4  The registration is edge-triggered and lasts as long as the number's generation. It is made when somebody waits
 *     first, and widened when somebody waits for more; both ask the kernel for what is ready, as arming does.
 * F5  Whoever joins has been refused by the kernel, on this thread, after it last looked for events. What changes after
 *     the refusal is an edge, which the next look finds. So no readiness is missed, and a waiter costs no system call.
 * F6  `drained`: the kernel has refused a read since the last event for it, so reading again is pointless until the
 *     next. Not remembered for what has hung up, failed or has urgent data: those are no edges again, and reading stops
 *     at marks before all is read.
 * F7  Events that nobody waits for say that the descriptor is used on another worker now, or that its task is slow.
 *     After UNHEEDED of them in a row the registration is taken back, so that one worker at most goes on being woken.
 *
 * Ending a generation (closing): the registration is taken back from each table that knows it, since a copy of the
 * descriptor, in a child process for instance, would keep it alive; and all waiters get -EBADF, under the table's lock.
 *
 * Rejected: asking for edges on strangers' descriptors (nothing tells that the number has become another file, and the
 * waiter would sleep for ever); a registration a file in one epoll for all workers (each event would wake some worker,
 * seldom the one where the task is); polling by the ring (a withdrawal has to wait for the kernel's answer).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/spin.h"

struct drey_task;
struct drey__fd_entry;

enum { DREY__FDS_EVENTS = 64 };

struct drey__fds {
    drey__spin lock;                /* withdrawals and closing may come from other workers */
    int dead;                       /* N4: what dead numbers name; -1: it could not be made */
    int epoll;                      /* waited for by the worker's thread only */
    _Atomic uint32_t waiting;       /* waiters in the table; written under lock */
    uint32_t chunk_count;           /* as chunks: written under lock, by the worker's thread only */
    struct drey__fd_entry **chunks; /* 256 entries each, made when first needed */
    uint64_t bit;                   /* N2 */
    int refused_fd, refused;        /* why a descriptor could not be waited for: from enlisting to the next attempt */
    /* Of one look. Not on the stack of the task that happens to look: that would cost each of them a page. */
    struct epoll_event events[DREY__FDS_EVENTS];
};

/* The table of the worker with this index. Writing wake_fd, an eventfd, makes a collect return. */
int drey__fds_open(struct drey__fds *fds, unsigned worker, int wake_fd);
void drey__fds_close(struct drey__fds *fds);

/* Wait for events until `until` on the real clock (0: only look) and wake their waiters. */
void drey__fds_collect(struct drey__fds *fds, int64_t until);

/* For fdcase.c. Join: 0, or why it cannot be waited for; -EBADF if the number's generation is not `*generation` (NULL:
 * any). Under the lock. */
struct drey__waiter;
int drey__fds_join(struct drey__fds *fds, int fd, const uint32_t *generation, uint32_t events, struct drey__waiter *w);
void drey__fds_leave(struct drey__fds *fds, int fd, struct drey__waiter *w);

/* Wait until fd is ready for one of the events: the ready ones, -EBADF, -ECANCELED, or another negative errno. Cut. The
 * caller has entered, and enters again before it waits once more. `place` is where the public function was called. */
int drey__fd_wait(struct drey_task *self, int fd, unsigned events, const void *place);

/* The same for a caller whom the kernel has just refused (F5), and who tries again afterwards: what is returned may be
 * outdated. -EBADF if the number has had another generation meanwhile. */
int drey__fd_wait_next(struct drey_task *self, int fd, uint32_t generation, unsigned events, const void *place);

/* F6, on the worker's own thread, for the generation of `word`. */
bool drey__fd_is_drained(uint64_t word, int fd);
void drey__fd_set_drained(uint64_t word, int fd);

/* In a task: drey has made this descriptor; flags of io/number.h. Who waits for the number still, since its former file
 * was closed behind our back, gets -EBADF. */
void drey__fd_own(int fd, uint8_t flags);
/* In a task: the descriptor is closed next, or somebody else's from now on. */
void drey__fd_end(int fd);
