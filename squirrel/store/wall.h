/* SPDX-License-Identifier: MIT */
#pragma once
#include "context/time.h"

/* The one source of dates (S32): milliseconds, virtual in tests. Any thread. */
sq_time sq_wall(void);

enum { SQ_UUID_BYTES = 37 };   /* with the NUL */

/* A UUIDv7 of `now`. Later ones of this process sort after earlier ones, even if the clock goes back; that is no order
 * between processes, and nothing may take it for one. Any thread. */
void sq_uuid7(sq_time now, char out[SQ_UUID_BYTES]);
