/* SPDX-License-Identifier: MIT */
/* R17: the virtual clock. Sleeping and intervals. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

DREY_TEST(r17_a_sleep_takes_exactly_its_time)
{
    drey_time start = drey_now();
    int64_t wall = drey_wall();
    for (drey_duration d = 1; d < DREY_SEC(100000); d *= 7) {
        drey_time before = drey_now();
        DREY_CHECK_EQ(drey_sleep(d), 0);
        DREY_CHECK_EQ(drey_now() - before, d);
    }
    DREY_CHECK_EQ(drey_wall() - wall, drey_now() - start);
    return 0;
}

DREY_TEST(r17_time_stands_still_while_a_task_can_run)
{
    drey_time start = drey_now();
    for (int i = 0; i < 1000; i++)
        DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_now(), start);
    return 0;
}

static struct {
    drey_time at[100];
    int n;
} record;

static DREY_ASYNC int sleep_and_note(void *arg)
{
    int rc = drey_sleep(DREY_US((intptr_t)arg));
    record.at[record.n++] = drey_now();
    return rc;
}

/* Whatever the order of setting, timers fire in the order of time. */
DREY_TEST(r17_in_order, .workers = 1)
{
    drey_time start = drey_now();
    DREY_SCOPE(scope);
    for (intptr_t i = 0; i < 100; i++)
        DREY_CHECK_EQ(drey_go(&scope, sleep_and_note, (void *)(1 + (i * 37) % 100)), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < 100; i++)
        DREY_CHECK_EQ(record.at[i] - start, DREY_US(i + 1));
    return 0;
}

static int work_for_real(void *arg)
{
    usleep(20000);
    *(drey_time *)arg = drey_now();
    return 0;
}

static DREY_ASYNC int sleep_beside(void *arg)
{
    return drey_sleep(DREY_SEC((intptr_t)arg));
}

/* The clock does not run away from work on other threads. */
DREY_TEST(r17_offloaded_work_holds_the_clock)
{
    drey_time start = drey_now(), during = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, sleep_beside, (void *)10), 0);
    DREY_CHECK_EQ(drey_offload(work_for_real, &during), 0);
    DREY_CHECK_EQ(during, start);
    DREY_CHECK_EQ(drey_now(), start);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(10));
    return 0;
}

/* A pipe that has bytes is found before the clock jumps. */
DREY_TEST(r17_what_is_ready_comes_before_time)
{
    int ends[2];
    drey_time start = drey_now();
    DREY_CHECK_EQ(pipe(ends), 0);
    DREY_CHECK_EQ(write(ends[1], "x", 1), 1);
    drey_case cases[] = {drey_on_fd(ends[0], 1 /* POLLIN */), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(cases, 2), 0);
    DREY_CHECK_EQ(drey_now(), start);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

DREY_TEST(sleep_of_nothing_and_of_forever)
{
    drey_time start = drey_now();
    DREY_CHECK_EQ(drey_sleep(0), 0);
    DREY_CHECK_EQ(drey_sleep(-5), 0);
    DREY_CHECK_EQ(drey_sleep_until(0), 0);
    DREY_CHECK_EQ(drey_sleep_until(start), 0);
    DREY_CHECK_EQ(drey_now(), start);
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_sleep(INT64_MAX), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_SCOPE(endless, .timeout = INT64_MAX);
    DREY_CHECK_EQ(drey_scope_close(&endless, drey_sleep(DREY_SEC(1))), 0);
    return 0;
}

static DREY_ASYNC int ticks(drey_missed missed, drey_time *at, uint64_t *lost, int n)
{
    drey_interval interval;
    drey_time start = drey_now();
    DREY_CHECK_EQ(drey_interval_init(&interval, DREY_MS(10), missed), 0);
    for (int i = 0; i < n; i++) {
        if (i == 1)
            DREY_CHECK_EQ(drey_sleep(DREY_MS(35)), 0); /* from 10 to 45: the ticks of 20, 30 and 40 come due */
        DREY_CHECK_EQ(drey_interval_wait(&interval, &lost[i]), 0);
        at[i] = drey_now() - start;
    }
    return 0;
}

static DREY_ASYNC int expect_ticks(drey_missed missed, const int *ms, const int *lost_expected)
{
    drey_time at[6];
    uint64_t lost[6];
    DREY_CHECK_EQ(ticks(missed, at, lost, 6), 0);
    for (int i = 0; i < 6; i++) {
        DREY_CHECK_EQ(at[i], DREY_MS(ms[i]));
        DREY_CHECK_EQ(lost[i], lost_expected[i]);
    }
    return 0;
}

DREY_TEST(interval_burst)
{
    return expect_ticks(DREY_MISSED_BURST, (int[]){10, 45, 45, 45, 50, 60}, (int[]){0, 2, 1, 0, 0, 0});
}

DREY_TEST(interval_skip)
{
    return expect_ticks(DREY_MISSED_SKIP, (int[]){10, 45, 50, 60, 70, 80}, (int[]){0, 2, 0, 0, 0, 0});
}

DREY_TEST(interval_delay)
{
    return expect_ticks(DREY_MISSED_DELAY, (int[]){10, 45, 55, 65, 75, 85}, (int[]){0, 2, 0, 0, 0, 0});
}

DREY_TEST(r5_interval_cancelled_keeps_its_tick)
{
    drey_interval interval;
    drey_time start = drey_now();
    DREY_CHECK_EQ(drey_interval_init(&interval, 0, DREY_MISSED_BURST), -EINVAL);
    DREY_CHECK_EQ(drey_interval_init(&interval, -1, DREY_MISSED_BURST), -EINVAL);
    DREY_CHECK_EQ(drey_interval_init(&interval, DREY_SEC(1), DREY_MISSED_BURST), 0);
    DREY_SCOPE(scope, .timeout = DREY_MS(1));
    DREY_CHECK_EQ(drey_interval_wait(&interval, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_interval_wait(&interval, NULL), 0);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(1));
    return 0;
}

/* R19: a period as long as time itself is no overflow. */
DREY_TEST(interval_of_forever)
{
    drey_interval interval;
    DREY_CHECK_EQ(drey_interval_init(&interval, INT64_MAX, DREY_MISSED_SKIP), 0);
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_interval_wait(&interval, NULL), -ECANCELED);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_sleep(1), -EPERM);
    DREY_CHECK_EQ(drey_sleep_until(1), -EPERM);
    DREY_CHECK_EQ(drey_yield(), -EPERM);
    DREY_CHECK_EQ(drey_now(), 0);
    DREY_CHECK(drey_wall() > 0);
    return 0;
}

static bool late(void)
{
    drey_time end = drey_now() + DREY_MS(3);
    while (drey_now() < end) {
    }
    return true;
}

static DREY_ASYNC int step(void *arg, int event)
{
    *(int *)arg = event;
    return 0;
}

/* A timer that came due while a task computed starts its dormant task, though nothing else wakes the worker. */
DREY_TEST(r9_timer_that_is_overdue_when_the_worker_idles, .real_clock = true, .workers = 1)
{
    static int event = -1;
    drey_case soon[] = {drey_on_after(DREY_MS(1))};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, step, &event, soon, 1), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK(late());
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(event, 0);
    return 0;
}

DREY_TEST_MAIN()
