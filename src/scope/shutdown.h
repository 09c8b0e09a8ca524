/* SPDX-License-Identifier: MIT */
/* What the runtime's end needs of the scopes. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <drey/base.h>

#include "base/base.h"

/* Once set (by the root's grace timer, followed by a rise of the epoch) shields protect no more. */
extern DREY__HIDDEN _Atomic bool drey__grace_over;
void drey__epoch_raise(void);

/* run/shutdown.c, on worker 0: the root scope was cancelled; the grace begins. */
void drey__shutdown_begin(void);
