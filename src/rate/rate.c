/* SPDX-License-Identifier: MIT */
/*
 * A token bucket whose waiters stand in line at a semaphore of one permit, the turn: who has it waits alone for the
 * bucket to fill. So order, cancellation and the choice of the next are the semaphore's, and the bucket is only ever
 * touched by whoever has the turn.
 */
#include <errno.h>
#include <math.h>

#include <drey/rate.h>
#include <drey/sync.h>
#include <drey/time.h>

#include "base/clock.h"
#include "wait/wait.h"

struct rate {
    drey_sem turn;
    double per_ns; /* constant, as is burst */
    double level;  /* what the bucket held at `since`; by who has the turn, as is since */
    int64_t since;
    uint32_t burst;
} __attribute__((may_alias));

_Static_assert(sizeof(struct rate) <= sizeof(drey_rate), "drey_rate has room for it");

static const double ROUNDING = 1e-6; /* of a permit: what floating point may be short of after the exact wait */

static struct rate *self_of(drey_rate *rate)
{
    return (struct rate *)rate;
}

int drey_rate_init(drey_rate *rate, double per_second, uint32_t burst)
{
    if (drey__current() == NULL)
        return -EPERM;
    if (!isfinite(per_second) || per_second <= 0 || burst == 0)
        return -EINVAL;
    struct rate *r = self_of(rate);
    *r = (struct rate){
        .per_ns = per_second / DREY__NS_PER_SEC, .level = burst, .since = drey__clock_now(), .burst = burst};
    drey_sem_init(&r->turn, 1, 1);
    return 0;
}

void drey_rate_deinit(drey_rate *rate)
{
    drey_sem_deinit(&self_of(rate)->turn);
}

static void refill(struct rate *r)
{
    int64_t now = drey__clock_now();
    double level = r->level + (double)(now - r->since) * r->per_ns;
    r->level = level < r->burst ? level : r->burst;
    r->since = now;
}

/* With the turn: 0 and the count is taken, or how many nanoseconds are to go. */
static int64_t take(struct rate *r, uint32_t count)
{
    refill(r);
    if (r->level + ROUNDING >= count) {
        r->level -= count;
        return 0;
    }
    double wait = (count - r->level) / r->per_ns + 0.5;
    return wait < 1 ? 1 : wait < 9e18 ? (int64_t)wait : INT64_MAX;
}

int drey_rate_wait(drey_rate *rate, uint32_t count)
{
    struct rate *r = self_of(rate);
    if (drey__current() == NULL || count > r->burst)
        return drey__current() == NULL ? -EPERM : -EINVAL;
    int rc = drey_sem_acquire(&r->turn, 1);
    if (rc < 0)
        return rc;
    int64_t left;
    while (rc == 0 && (left = take(r, count)) > 0)
        rc = drey_sleep(left);
    drey_sem_release(&r->turn, 1);
    return rc;
}

int drey_rate_try(drey_rate *rate, uint32_t count)
{
    struct rate *r = self_of(rate);
    if (count > r->burst)
        return -EINVAL;
    int rc = drey_sem_try_acquire(&r->turn, 1);
    if (rc < 0)
        return rc;
    rc = take(r, count) > 0 ? -EAGAIN : 0;
    drey_sem_release(&r->turn, 1);
    return rc;
}
