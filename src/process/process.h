/* SPDX-License-Identifier: MIT */
/*
 * A process is kept by a task, its keeper: a child of the scope that the process belongs to. The keeper starts the
 * program, waits for its pidfd, stops it when the scope is cancelled, reaps it, and ends. So whatever holds for tasks
 * holds for processes: the limit, the close that waits, the cancellation.
 *
 * K1  Only the keeper reaps, and under `lock`, which drey_process_kill takes too: a number is never signalled after it
 *     may belong to somebody else. (Another part of the program that waits for any child can take it away: then nothing
 *     is signalled any more either, once we have seen it.)
 * K2  What is left of the group is killed while the process itself is not reaped yet, and keeps the group's number.
 * K3  The struct is the caller's, until the scope is closed. If the start fails it is gone with the report.
 *
 * Rejected: SIGCHLD (one disposition for the whole program, and libraries fight over it); a thread of the pool in
 * waitpid (a thread a process, and nothing can end its wait but the death of the process).
 */
#pragma once

#include <drey/process.h>

#include "base/spin.h"
#include "process/spawn.h"

struct drey_task;

struct drey__process {
    drey_gate ended; /* first: drey_on_process finds it; opened with the result of drey_process_wait */
    drey_process *shown;
    const drey_process_options *options; /* valid until reported */
    struct drey_task *starter;           /* under lock: waits for the report */
    drey__spin lock;
    int report;    /* under lock: result of the start; 1: there is none yet */
    int pidfd;     /* the keeper's; -1: the system has none, and it looks now and then */
    pid_t pid;     /* written before the report */
    int code, sig; /* valid once ended */
    bool alive;    /* under lock: not reaped */
    bool own_group;
    bool holds; /* the keeper's: the virtual clock stands still for it */
    drey_duration grace;
} __attribute__((may_alias));

static inline struct drey__process *drey__process_of(drey_process *p)
{
    return (struct drey__process *)(void *)p->_private;
}

/* keeper.c: the task. */
int drey__process_keep(void *process);

/* end.c: signals and the end. drey__process_signal: to the group; 0 or a negative errno. */
int drey__process_signal(struct drey__process *p, int signal);
bool drey__process_has_ended(const struct drey__process *p);
/* Kill what is left of its group and take its status, if it has ended: true. */
bool drey__process_reap(struct drey__process *p, int *out_result);
