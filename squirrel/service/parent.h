/* SPDX-License-Identifier: MIT */
#pragma once
#include <drey.h>

/* A daemon for programs that serve one parent over their standard streams (S26). The end of input is the first sign
 * that the parent is gone, and this the second, for a parent whose descriptors somebody else still holds: waits
 * until the process that was our parent at `sq_parent_note` has ended, and fires the token, which is `arg`.
 * Suspends: until then. Cancel: no effect. */
DREY_ASYNC int sq_parent_watch(void *arg);

/* Remembers the parent. At the very start of the program: a parent that ended before is noticed, too. */
void sq_parent_note(void);
