/* SPDX-License-Identifier: MIT */
/* The one seam for memory: every allocation of the runtime comes through here, so a test can fail any of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *drey__alloc(size_t bytes);      /* uninitialised; NULL when memory is out */
void *drey__alloc_zero(size_t bytes); /* zeroed */
void *drey__alloc_aligned(size_t align, size_t bytes);
void *drey__realloc(void *old, size_t bytes);
void drey__free(void *p);

/* Whether the next allocation shall fail; for code that allocates by other means (mmap), at the same seam. */
bool drey__alloc_fails(void);

/* Tests: fail the nth allocation from now (0 = never); how many there have been. Any thread. */
void drey__alloc_fail_at(uint64_t nth);
uint64_t drey__alloc_count(void);
