/* SPDX-License-Identifier: MIT */
/* Where things are computed. What is small is done at once, on the worker's deep stack; what is large goes to a thread
 * of its own, so that other inputs, timeouts and signals are not kept waiting. */
#pragma once
#include <drey.h>

enum { SQ_COMPUTE_SMALL = 65536 }; /* bytes of text */

/* Threads with stacks for recursion. 0 or -ENOMEM. */
DREY_MUST_USE int sq_compute_open(drey_pool **out);

/* Runs fn, which works on about `bytes` of text and does not suspend. Its result; -ECANCELED if cancelled meanwhile.
 * Suspends: if that is much. Cancel: fn learns it from sq_stopped. */
DREY_ASYNC DREY_MUST_USE int sq_compute(drey_pool *pool, size_t bytes, drey_fn *fn, void *arg);

/* Runs fn in any case, to free things. Suspends: as above. Cancel: uncut. */
DREY_ASYNC void sq_compute_uncut(drey_pool *pool, size_t bytes, drey_fn *fn, void *arg);
