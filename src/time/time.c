/* SPDX-License-Identifier: MIT */
/* The clock and sleeping. */
#include <drey/time.h>

#include "base/clock.h"
#include "timer/wheel.h"
#include "wait/wait.h"

drey_time drey_now(void)
{
    return drey__rt.workers != NULL ? drey__clock_now() : 0;
}

int64_t drey_wall(void)
{
    return drey__clock_wall();
}

struct sleeper {
    struct drey__timer timer;
    drey_task *task;
};

static void wake_sleeper(struct drey__timer *timer)
{
    struct sleeper *s = drey__container(timer, struct sleeper, timer);
    if (drey__claim_task(s->task, 0))
        drey__wake(s->task);
}

static int64_t later(int64_t when, int64_t duration)
{
    return duration > INT64_MAX - when ? INT64_MAX : when + duration;
}

static int sleep_to(drey_task *self, drey_time when, const void *place)
{
    struct sleeper s = {.timer = {.when = when, .fire = wake_sleeper}, .task = self};
    drey__arm(self, 0);
    drey__wheel_add(&drey__self->timers, &s.timer);
    bool slept = drey__park_at(self, "a time", NULL, place);
    drey__wheel_remove(&drey__self->timers, &s.timer);
    return slept ? 0 : -ECANCELED;
}

int drey_sleep_until(drey_time when)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (when > drey__clock_now())
        return sleep_to(self, when, DREY__CALLER);
    drey__yield_now(self);
    return 0;
}

int drey_sleep(drey_duration d)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    int64_t now = drey__clock_now();
    if (d > 0)
        return sleep_to(self, later(now, d), DREY__CALLER);
    drey__yield_now(self);
    return 0;
}

int drey_interval_init(drey_interval *i, drey_duration period, drey_missed missed)
{
    if (period <= 0)
        return -EINVAL;
    drey__current_or_die("drey_interval_init");
    *i = (drey_interval){.next = later(drey__clock_now(), period), .period = period, .missed = missed};
    return 0;
}

int drey_interval_wait(drey_interval *i, uint64_t *out_missed)
{
    int rc = drey_sleep_until(i->next);
    if (rc < 0)
        return rc;
    int64_t now = drey__clock_now();
    uint64_t missed = now > i->next ? (uint64_t)(now - i->next) / (uint64_t)i->period : 0;
    if (out_missed != NULL)
        *out_missed = missed;
    if (i->missed == DREY_MISSED_BURST)
        i->next = later(i->next, i->period);
    else if (i->missed == DREY_MISSED_SKIP)
        i->next = later(i->next + (int64_t)missed * i->period, i->period);
    else
        i->next = later(now, i->period);
    return 0;
}
