/* SPDX-License-Identifier: MIT */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. */
typedef int64_t sq_time;

enum { SQ_TIME_BYTES = 25 };   /* 2026-11-23T05:00:00.000Z and the NUL */

bool sq_time_valid(sq_time when);                            /* within the years 0001 to 9999 */

/* RFC 3339, years 0001 to 9999; an offset is converted, digits beyond milliseconds are dropped. */
bool sq_time_read(const char *text, size_t bytes, sq_time *out);
void sq_time_write(sq_time when, char out[SQ_TIME_BYTES]);   /* when: years 0001 to 9999 */
