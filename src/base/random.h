/* SPDX-License-Identifier: MIT */
/* SplitMix64 (Steele, Lea, Flood 2014): one word of state, good enough for choices among ready things. */
#pragma once

#include <stdint.h>

static inline uint64_t drey__random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, n), n > 0 (Lemire's multiply-shift; the bias is below 2^-32 for the small n used here). */
static inline uint32_t drey__random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((drey__random(state) >> 32) * n) >> 32);
}
