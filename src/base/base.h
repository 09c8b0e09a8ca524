/* SPDX-License-Identifier: MIT */
/* What every layer uses: branch hints, alignment, containers of intrusive links, misuse reports. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/symbol.h"

#define likely(x)                          __builtin_expect(!!(x), 1)
#define unlikely(x)                        __builtin_expect(!!(x), 0)
#define drey__container(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Two lines: the adjacent-line prefetcher makes pairs of 64 bytes share fate. */
enum { DREY__LINE = 128 };

/* For variables shared by our files: without it position-independent code reads their addresses from a table. */
#define DREY__HIDDEN __attribute__((visibility("hidden")))

/* Stop the process with one sentence: a broken contract, never a failure of the world. */
__attribute__((noreturn, cold, format(printf, 1, 2))) void drey__panic(const char *format, ...);

/* Say one line on standard error without stopping. Async-signal-safe formatting is not promised. */
__attribute__((cold, format(printf, 1, 2))) void drey__report(const char *format, ...);

/* The caller of the public function this is used in. */
#define DREY__CALLER __builtin_return_address(0)
