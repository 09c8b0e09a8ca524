/* SPDX-License-Identifier: MIT */
/*
 * One system process made from options: what vfork and exec do, with every failure of the child told to the caller.
 *
 * The child shares our memory until it runs the program or ends, as with vfork: the cost does not depend on how much
 * memory we have (0.1 ms, where fork of a program with 2 GB takes 35). Meanwhile the calling thread stands still.
 * The child has a stack of its own, makes system calls only, and all signals are blocked until no handler of ours is
 * left.
 *
 * Rejected: posix_spawn (no limits, no death signal, no pidfd, and it does not tell what failed).
 */
#pragma once

#include <drey/process.h>

struct drey__spawned {
    pid_t pid;
    int pidfd;          /* -1: the system has none to give */
    int in, out, err;   /* our ends of the pipes, or -1 */
    const char *failed; /* valid on failure, or NULL */
};

/* 0: it runs, and all of it is the caller's. Else a negative errno, and nothing is left. May block for the time of an
 * exec. The options have been checked. */
int drey__spawn(const drey_process_options *options, struct drey__spawned *out);
/* 0, -EINVAL or -E2BIG. */
int drey__spawn_check(const drey_process_options *options);
