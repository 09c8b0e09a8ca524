/* SPDX-License-Identifier: MIT */
/* What drey/test.h offers beside checks: virtual time, seeded schedules, cancelling everywhere, failing allocations. */
#include <drey.h>
#include <drey/test.h>

#include <errno.h>

/* A day of ticks takes no time: the clock jumps whenever no task can run. */
DREY_TEST(a_day_of_ticks)
{
    drey_interval tick;
    drey_time start = drey_now();
    DREY_CHECK_EQ(drey_interval_init(&tick, DREY_SEC(3600), DREY_MISSED_BURST), 0);
    for (int i = 0; i < 24; i++)
        DREY_CHECK_EQ(drey_interval_wait(&tick, NULL), 0);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(24 * 3600));
    return 0;
}

static DREY_ASYNC int add(void *arg)
{
    int *sum = arg;
    int before = *sum;
    int rc = drey_check();                            /* one worker: nobody else runs unless this suspends */
    *sum = before + 1;
    return rc;
}

/* Under fifty orders of the ready tasks. A failure prints the seed that repeats it. */
DREY_TEST(every_order_gives_the_same_sum, .schedules = 50)
{
    int sum = 0;
    DREY_SCOPE(scope);
    for (int i = 0; i < 10; i++)
        DREY_CHECK_EQ(drey_go(&scope, add, &sum), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(sum, 10);
    return 0;
}

static DREY_ASYNC int send_one(void *arg)
{
    return drey_chan_send(arg, &(int){1});
}

static DREY_ASYNC int ping(void *arg)
{
    (void)arg;
    drey_chan *chan;
    int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(int)}, &chan), message;
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    rc = drey_go(&scope, send_one, chan);
    if (rc == 0)
        rc = drey_chan_recv(chan, &message);
    rc = drey_scope_close(&scope, rc);
    drey_chan_unref(chan);
    return rc;
}

/* Cancelled at each suspension point in turn, it may leave nothing behind. */
DREY_TEST(ping_can_be_cancelled_anywhere, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(ping, NULL, 2) > 0);
    return 0;
}

/* Each of drey's allocations fails once; the program gets -ENOMEM or does not need it. */
DREY_TEST(ping_survives_a_lack_of_memory)
{
    uint64_t before = drey_test_allocs();
    DREY_CHECK_EQ(ping(NULL), 0);
    uint64_t n = drey_test_allocs() - before;
    for (uint64_t i = 1; i <= n; i++) {
        drey_test_fail_alloc(i);
        int rc = ping(NULL);
        DREY_CHECK(rc == 0 || rc == -ENOMEM);
    }
    drey_test_fail_alloc(0);
    return 0;
}

static void unlock_unlocked(void)
{
    drey_mutex lock = {0};
    drey_mutex_unlock(&lock);
}

/* Misuse stops the program with a sentence. */
DREY_TEST(unlocking_what_is_not_locked_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(unlock_unlocked, "drey_mutex_unlock"), 1);
    return 0;
}

DREY_TEST_MAIN()
