/* SPDX-License-Identifier: MIT */
/* The cheap reading of the clock by itself (base/clock.h). */
#include "base/clock.h"

#include <drey/test.h>

enum { READINGS = 300000, AHEAD_NS = 1000 };

DREY_TEST(neither_back_nor_behind_nor_far_ahead, .no_runtime = true)
{
    struct drey__reading reading = {0};
    int64_t last = 0;
    drey__clock_find_counter();
    for (int i = 0; i < READINGS; i++) {
        int64_t before = drey__clock_now();
        int64_t about = drey__clock_about(&reading);
        int64_t after = drey__clock_now();
        DREY_CHECK(about >= last);
        DREY_CHECK(about >= before);
        DREY_CHECK(about <= after + AHEAD_NS);
        last = about;
    }
    return 0;
}

/* What a reading says after the counter was set back, as on a machine that moved: the clock, not the past. */
DREY_TEST(a_counter_that_jumps_is_not_believed, .no_runtime = true)
{
    struct drey__reading reading = {0};
    drey__clock_find_counter();
    for (int i = 0; i < READINGS; i++)
        drey__clock_about(&reading);
    reading.ticks += UINT64_C(1) << 40;
    int64_t before = drey__clock_now();
    int64_t about = drey__clock_about(&reading);
    DREY_CHECK(about >= before);
    DREY_CHECK(about <= drey__clock_now() + AHEAD_NS);
    return 0;
}

DREY_TEST_MAIN()
