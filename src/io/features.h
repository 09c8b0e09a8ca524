/* SPDX-License-Identifier: MIT */
/*
 * The parts of io_uring that are used where the kernel has them. Each of them can do without the others; what is
 * missing is done as if there were no ring. DREY_URING_WITHOUT switches some off: for tests, and for a kernel that has
 * one which does not work.
 */
#pragma once

#include <stdint.h>

#include <liburing.h>

#include "io/io.h"

/* Bits. The operations come first, by their codes in io.h. */
enum {
    DREY__URING_CALLS = DREY__IO_UNLINK + 1, /* calls on sockets, many at a time: calls.h */
    DREY__URING_COOP,                        /* completions do not interrupt the program (5.19) */
    DREY__URING_DEFER,                       /* they are delivered when they are asked for (6.1) */
    DREY__URING_FEATURES,                    /* how many there are */
};

/* Read the environment; no worker runs. 0, or -EINVAL, said aloud. */
int drey__uring_choose(void);
/* Whether it may be used. */
bool drey__uring_allows(unsigned feature);
/* The bits of what may be used and the kernel has, of those that are asked for by operation. */
uint32_t drey__uring_features(struct io_uring *uring);
