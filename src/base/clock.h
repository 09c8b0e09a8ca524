/* SPDX-License-Identifier: MIT */
/* The one place for time. Real: CLOCK_MONOTONIC, CLOCK_REALTIME. Virtual: a number that the scheduler moves (R17). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum { DREY__NS_PER_SEC = 1000000000 };

/* Written by drey_run while no worker runs. */
extern DREY__HIDDEN bool drey__clock_virtual;

int64_t drey__clock_now(void);  /* ns, above 0 */
int64_t drey__clock_real(void); /* CLOCK_MONOTONIC, whatever the runtime's clock is */
int64_t drey__clock_wall(void); /* ns since 1970 UTC */

/* Start a virtual clock; move it forward. The idle protocol (sched/idle.c) decides who may move it, and when. */
void drey__clock_virtual_start(void);
void drey__clock_virtual_move(int64_t to);
