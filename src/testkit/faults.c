/* SPDX-License-Identifier: MIT */
#include <drey/test.h>

#include "base/alloc.h"

void drey_test_fail_alloc(uint64_t nth)
{
    drey__alloc_fail_at(nth);
}

uint64_t drey_test_allocs(void)
{
    return drey__alloc_count();
}
