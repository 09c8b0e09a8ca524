/* SPDX-License-Identifier: MIT */
/**
 * Doing things less often: a rate limiter, and retrying with growing pauses.
 *
 * When to use: drey_rate before calls to a service that allows so many a second; drey_retry around an operation that
 * fails for a while. How many run at once is a scope's .limit or a semaphore.
 * Order: waiters of a rate are served first come first served. Threads: task only.
 *
 *     drey_rate calls;
 *     int rc = drey_rate_init(&calls, 50.0, 10);      // 50 a second, up to 10 at once after a pause
 *     ...
 *     rc = drey_rate_wait(&calls, 1);
 *     if (rc == 0)
 *         rc = drey_retry(&(drey_backoff){.attempts = 3, .retryable = is_network_error}, send_request, &request);
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A token bucket: it fills at a steady rate and holds a burst at most. */
typedef struct drey_rate {
    DREY_INTERNAL(8);
} drey_rate;

/**
 * Set a rate up, with a full bucket.
 *
 * @param per_second  how many it admits a second; above 0, finite
 * @param burst       how many it admits at once after a pause; at least 1
 * @return 0.
 *         -EINVAL  an argument is out of range
 *         -EPERM   outside a task
 */
DREY_API DREY_MUST_USE
int drey_rate_init(drey_rate *rate, double per_second, uint32_t burst);

/** End of life: aborts with waiters. */
DREY_API
void drey_rate_deinit(drey_rate *rate);

/**
 * Wait until the rate admits count more.
 *
 * @param count  1 to the burst
 * @return 0: admitted.
 *         -EINVAL     count is above the burst, so it would never be admitted
 *         -ECANCELED  the scope was cancelled; nothing was taken
 *
 * Suspends: when too little is left or others queue.
 * Cancel:   all or nothing; who was admitted before the cancellation gets 0.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_rate_wait(drey_rate *rate, uint32_t count);

/** Take count if the rate admits it now. @return 0; -EAGAIN: too little left, or others queue; -EINVAL: above burst. */
DREY_API DREY_MUST_USE
int drey_rate_try(drey_rate *rate, uint32_t count);

/** How drey_retry pauses. Zero in any field means its default. */
typedef struct drey_backoff {
    drey_duration first;           /* the first pause; default 100 ms */
    drey_duration max;             /* the longest pause; default 30 s */
    double factor;                 /* from one pause to the next; default 2.0 */
    double jitter;                 /* random share by which a pause is shortened at most, up to 1; default 0.5 */
    unsigned attempts;             /* calls of fn in all, the first included; default 5 */
    bool (*retryable)(int error);  /* whether another attempt may help; gets a negative errno; default: always */
} drey_backoff;

/**
 * Call fn until it succeeds, with pauses in between.
 *
 * @param backoff  borrowed until the call returns
 * @param arg      borrowed by each call of fn
 * @return fn's first success; else its last failure, when attempts are used up or the error is not retryable.
 *         -ECANCELED  the scope was cancelled; fn is not called again
 *
 * Suspends: as fn does, and in the pauses.
 * Cancel:   reaches fn, and ends a pause.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_retry(const drey_backoff *backoff, drey_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
