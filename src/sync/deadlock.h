/* SPDX-License-Identifier: MIT */
/* Waiting for a lock, refused where the wait would never end (R10). deadlock.c tells how that is known. */
#pragma once

#include "wait/wait.h"

/* What mutex and rwlock differ in. The waiter carries the task, and the kind of access in `amount`. */
struct drey__lock_kind {
    const char *what;
    uintptr_t queued; /* the bit of the lock's word, its first member, that says that somebody queues */

    /* Have the lock now if nobody must be waited for: true. */
    bool (*take)(void *lock, struct drey__waiter *w);

    /* The same; or else arm the task uncut and queue the waiter: false. Whoever grants the lock claims the waiter
     * before others can see the lock in its new state. */
    bool (*take_or_queue)(void *lock, struct drey__waiter *w);
};

/* 0: the lock is the task's, not yet in its held list. -EDEADLK: it would wait for itself; reported. */
int drey__lock_wait(const struct drey__lock_kind *kind, void *lock, uint32_t access, struct drey_task *self,
                    const void *place);
