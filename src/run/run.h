/* SPDX-License-Identifier: MIT */
/* The runtime's root: one a process. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <drey/run.h>
#include <drey/scope.h>

struct drey__root {
    drey_scope scope; /* the root task is its only child */
    drey_fn *fn;
    void *arg;
    int result;           /* written by the root task, read after the workers have ended */
    _Atomic bool gave_up; /* the grace is over and tasks would not end; set by worker 0 */
};

extern struct drey__root drey__root;

/* The root task's function, around the program's. */
int drey__root_main(void *arg);
