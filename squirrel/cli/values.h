/* SPDX-License-Identifier: MIT */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number, digits alone, from least to most. */
bool sq_value_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* 500ms, 2s, 5m, 1h: from 1 ms to 720 h. */
bool sq_value_duration(const char *text, int64_t *out_ns);
