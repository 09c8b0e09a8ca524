/* SPDX-License-Identifier: MIT */
#pragma once
#include "process/run.h"

/* One input, as a child of run->work: load, resolve, validate, measure, hand to the program, report. */
typedef struct sq_item {
    sq_run *run;
    char *path;         /* owned */
    uint64_t slot;
    int failure;        /* a negative errno: the path is a directory that could not be listed */
} sq_item;

_Static_assert(sizeof(sq_item) <= DREY_COPY_MAX, "an item travels by drey_go_copy");

/* The drey_fn. Always ends with the slot filled, unless the run was cancelled or drained before the input was done. */
DREY_ASYNC int sq_item_run(void *arg);
