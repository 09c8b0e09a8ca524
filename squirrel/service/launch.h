/* SPDX-License-Identifier: MIT */
/* Starting an owner, which outlives who started it (S2). */
#pragma once
#include "service/site.h"

typedef struct sq_launch {
    const char *program;    /* what to run; NULL: this very program */
    const sq_site *site;
    int lock;               /* the store's lock, held by us; the owner gets a copy */
    int64_t idle_ms;        /* 0: its default */
} sq_launch;

/* Runs `squirrel serve --owned` in a session of its own: no standard input, its output in the log file, a cleared
 * environment, no descriptors but the lock and a pipe. *out_ready is the reading end of that: the owner writes a line
 * of JSON when it serves or has failed, and closes it (ready.h); it ends without one if the owner died. Non-blocking,
 * the caller's to close. The caller then closes its copy of the lock. 0, or -EINVAL with *error set. Blocks for some
 * milliseconds: not for a task; any thread. */
int sq_launch_owner(const sq_launch *launch, int *out_ready, sq_error *error);
