/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4: who does not know the key cannot make two texts that collide. */
uint64_t sq_hash(const uint64_t key[2], const void *data, size_t bytes);
