/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <drey/rate.h>
#include <drey/scope.h>
#include <drey/time.h>

#include "base/random.h"
#include "wait/wait.h"

static drey_backoff with_defaults(const drey_backoff *given)
{
    drey_backoff b = *given;
    b.first = b.first > 0 ? b.first : DREY_MS(100);
    b.max = b.max > 0 ? b.max : DREY_SEC(30);
    b.factor = b.factor >= 1 ? b.factor : 2.0;
    b.jitter = b.jitter > 0 ? (b.jitter < 1 ? b.jitter : 1) : 0.5;
    b.attempts = b.attempts != 0 ? b.attempts : 5;
    return b;
}

/* Shortened at random, so that those who failed together do not come back together. */
static drey_duration shorten(double pause, double jitter)
{
    double share = (double)(drey__random(&drey__self->rng) >> 11) * 0x1p-53;
    return (drey_duration)(pause * (1 - jitter * share));
}

int drey_retry(const drey_backoff *backoff, drey_fn *fn, void *arg)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    drey_backoff b = with_defaults(backoff);
    double longest = (double)b.max, pause = (double)b.first;
    for (unsigned i = 1;; i++) {
        rc = fn(arg);
        if (rc >= 0 || i == b.attempts)
            return rc;
        if (drey_cancelled())
            return -ECANCELED;
        if (b.retryable != NULL && !b.retryable(rc))
            return rc;
        pause = pause < longest ? pause : longest;
        int slept = drey_sleep(shorten(pause, b.jitter));
        if (slept < 0)
            return slept;
        pause *= b.factor;
    }
}
