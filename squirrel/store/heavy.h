/* SPDX-License-Identifier: MIT */
#pragma once
#include <drey.h>

enum { SQ_HEAVY_BYTES = 64 << 10 };

/* Runs fn on a deep stack: here if it has few bytes to work on, else on a pool, so that the worker's other tasks go on.
 * fn's result; or -ECANCELED: the scope was cancelled before it began. Suspends: with many bytes. */
DREY_ASYNC int sq_heavy(size_t bytes, drey_fn *fn, void *arg);
