/* SPDX-License-Identifier: MIT */
/* Ending long computations early. Whoever computes on a thread says how to learn that the result is not wanted any
 * more; reading, writing and measuring ask now and then, and then fail as if memory had run out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef bool sq_stop(void);

/* For this thread, from now on; NULL: never. */
void sq_stop_set(sq_stop *stop);

/* Asks once in a few thousand steps; once true it stays true. `steps` is the size of what comes next. */
bool sq_stopped(unsigned steps);

/* Sorts as qsort, but can be stopped. False: stopped, or no memory; the order is undefined then. */
bool sq_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));
