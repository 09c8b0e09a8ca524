/* SPDX-License-Identifier: MIT */
#include "store/heavy.h"

int sq_heavy(size_t bytes, drey_fn *fn, void *arg)
{
    return bytes <= SQ_HEAVY_BYTES ? drey_call_deep(fn, arg) : drey_offload(fn, arg);
}
