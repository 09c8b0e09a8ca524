/* SPDX-License-Identifier: MIT */
/**
 * Clocks, sleeping and intervals.
 *
 * When to use: drey_now for measuring and for deadlines, drey_wall for dates. To limit how long work may take, give
 * its scope a timeout instead of sleeping beside it.
 * Order: timers of the same instant fire in the order in which they were set.
 * In tests both clocks are virtual: time stands still while a task can run and jumps when none can.
 *
 *     drey_interval tick;
 *     int rc = drey_interval_init(&tick, DREY_SEC(1), DREY_MISSED_SKIP);
 *     while (rc == 0) {
 *         rc = drey_interval_wait(&tick, NULL);
 *         if (rc == 0)
 *             rc = report();
 *     }
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Durations of n microseconds, milliseconds, seconds; n may be a fraction, as in DREY_SEC(0.5). */
#define DREY_US(n) ((drey_duration)((n) * INT64_C(1000)))
#define DREY_MS(n) ((drey_duration)((n) * INT64_C(1000000)))
#define DREY_SEC(n) ((drey_duration)((n) * INT64_C(1000000000)))

/** The runtime's clock, which never goes back; 0 if no runtime runs. Threads: any. */
DREY_API
drey_time drey_now(void);

/** The wall clock: nanoseconds since 1970 UTC. Threads: any. */
DREY_API
int64_t drey_wall(void);

/**
 * Sleep.
 *
 * @param duration  0 or less does not sleep, but is a suspension point all the same
 * @return 0: at least that much time has passed.
 *         -ECANCELED  the scope was cancelled before
 *
 * Suspends: when duration is positive.
 * Cancel:   ends the sleep.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_sleep(drey_duration duration);

/**
 * Sleep until a point in time; one that has passed does not sleep.
 *
 * @return 0: drey_now() >= when.
 *         -ECANCELED  the scope was cancelled before
 *
 * Suspends: when the time has not come.
 * Cancel:   ends the sleep.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_sleep_until(drey_time when);

/** What an interval does about ticks that came due while nobody waited. */
typedef enum {
    DREY_MISSED_BURST, /* delivers each of them, at once */
    DREY_MISSED_SKIP,  /* drops them and keeps the rhythm: ticks stay at multiples of the period */
    DREY_MISSED_DELAY, /* drops them and starts a new rhythm: the next tick is a period from now */
} drey_missed;

/** A steady tick. Yours to keep anywhere; it holds nothing, so it needs no end of life. */
typedef struct drey_interval {
    drey_time next;         /* the tick that the next wait waits for */
    drey_duration period;
    drey_missed missed;
} drey_interval;

/**
 * Set an interval up; its first tick is a period from now.
 *
 * @return 0.
 *         -EINVAL  period is not positive
 *         -EPERM   outside a task
 */
DREY_API DREY_MUST_USE
int drey_interval_init(drey_interval *interval, drey_duration period, drey_missed missed);

/**
 * Wait for the next tick.
 *
 * @param interval    one task at a time
 * @param out_missed  further ticks that had come due: dropped, or under DREY_MISSED_BURST still to come; may be NULL
 * @return 0: the tick is taken.
 *         -ECANCELED  the scope was cancelled; the tick is still to come
 *
 * Suspends: when the tick is not due.
 * Cancel:   no effect on the interval.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_interval_wait(drey_interval *interval, uint64_t *out_missed);

#ifdef __cplusplus
}
#endif
