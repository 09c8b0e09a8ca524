/* SPDX-License-Identifier: MIT */
/* What the child of spawn.c does between its birth and its program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <drey/process.h>

enum {
    DREY__CHILD_MAPS = 3 + DREY_PROCESS_FDS_MAX,
    DREY__CHILD_LIMITS = 4,
    DREY__CHILD_STACK = 32 << 10,
    DREY__PATH_BYTES = 4096,
};

enum drey__child_step {
    DREY__STEP_NONE,
    DREY__STEP_STREAMS,
    DREY__STEP_LIMITS,
    DREY__STEP_DIRECTORY,
    DREY__STEP_PROGRAM,
};

/* Why the child could not become the program. */
struct drey__child_failure {
    int error; /* a positive errno; 0: it could */
    enum drey__child_step step;
};

struct drey__child {
    /* written by the parent */
    const char *program;
    const char *search; /* directories, as in PATH; NULL: none */
    char *const *argv, *const *environment;
    const char *directory;
    struct {
        int from, to, parked; /* from -1: /dev/null; parked: the child's, beyond all `to` */
    } maps[DREY__CHILD_MAPS];
    int map_count;
    int beyond; /* above every `to` */
    struct {
        int resource;
        uint64_t soft, hard;
    } limits[DREY__CHILD_LIMITS];
    int limit_count;
    bool own_group;
    int death_signal;
    pid_t parent;
    int tell; /* where a failure is written, for a parent that does not share our memory */

    /* written by the child */
    volatile bool shares; /* seen by the parent if the memory is one and it stood still until we had ended */
    struct drey__child_failure failure;
    char path[DREY__PATH_BYTES];
    _Alignas(16) char stack[DREY__CHILD_STACK];
};

/* With all signals blocked, on its own stack. Does not return. */
int drey__child_main(void *child);
