/* SPDX-License-Identifier: MIT */
/* R17: the virtual clock of several workers moves only when none of them can do anything. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "on_both.h"

enum { MESSAGES = 500, JOBS = 300, WAITERS = 6, SLEEPERS = 4, JOB_US = 50 };

static struct {
    int ends[2];
    drey_gate received[MESSAGES];
    int late; /* of the reader */
} line;

/* Take the byte however it came to know of it, so that the writer goes on. */
static int take_byte(void)
{
    char byte;
    struct pollfd in = {.fd = line.ends[0], .events = POLLIN};
    while (poll(&in, 1, -1) < 0) {
    }
    return read(line.ends[0], &byte, 1) == 1 ? 0 : -EIO;
}

static DREY_ASYNC int read_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < MESSAGES; i++) {
        drey_case cases[] = {drey_on_fd(line.ends[0], POLLIN), drey_on_after(DREY_SEC(10))};
        drey_time before = drey_now();
        int rc = drey_select(cases, 2);
        if (rc < 0)
            return rc;
        line.late += rc != 0 || drey_now() - before > DREY_MS(1); /* the writer slept so long */
        if (take_byte() < 0)
            return -EIO;
        drey_gate_open(&line.received[i], 0);
    }
    return 0;
}

static DREY_ASYNC int write_all(void *arg)
{
    int rc = 0, ignored;
    (void)arg;
    for (int i = 0; i < MESSAGES && rc == 0; i++) {
        rc = drey_sleep(DREY_MS(1));
        if (rc == 0 && write(line.ends[1], "x", 1) != 1)
            rc = -EIO;
        if (rc == 0)
            rc = drey_gate_wait(&line.received[i], &ignored);
    }
    return rc;
}

/* What one worker wrote is found by the worker that waits for it before the clock jumps. */
TEST_ON_BOTH(r17_a_ready_descriptor_of_another_worker_comes_before_time, .workers = 2)
{
    DREY_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, line.ends), 0);
    DREY_SCOPE(scope, .limit = 2); /* the two are spread over the workers */
    DREY_CHECK_EQ(drey_go(&scope, read_all, NULL), 0);
    DREY_CHECK_EQ(drey_go(&scope, write_all, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(line.late, 0);
    close(line.ends[0]);
    close(line.ends[1]);
    return 0;
}

static drey_notify stir;

static int job(void *arg)
{
    usleep(JOB_US);
    *(drey_time *)arg = drey_now();
    return 0;
}

/* The workers wake one another just when this task leaves its own for the pool. */
static DREY_ASYNC int offload_all(void *arg)
{
    int *jumps = arg;
    for (int i = 0; i < JOBS; i++) {
        drey_time before = drey_now(), during;
        drey_notify_all(&stir);
        int rc = drey_offload(job, &during);
        if (rc < 0)
            return rc;
        *jumps += during != before || drey_now() != before;
    }
    return 0;
}

static DREY_ASYNC int wait_again_and_again(void *arg)
{
    int rc = 0;
    (void)arg;
    while (rc == 0)
        rc = drey_notify_wait(&stir);
    return rc;
}

static DREY_ASYNC int sleep_again_and_again(void *arg)
{
    int rc = 0;
    (void)arg;
    while (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    return rc;
}

static DREY_ASYNC int offload_among_sleepers(void)
{
    int jumps = 0;
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < WAITERS; i++)
        DREY_CHECK_EQ(drey_go_daemon(&scope, wait_again_and_again, NULL), 0);
    for (int i = 0; i < SLEEPERS; i++)
        DREY_CHECK_EQ(drey_go_daemon(&scope, sleep_again_and_again, NULL), 0);
    DREY_CHECK_EQ(drey_go(&scope, offload_all, &jumps), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(jumps, 0);
    return 0;
}

DREY_TEST(r17_offloaded_work_holds_the_clock_of_two_workers, .workers = 2)
{
    return offload_among_sleepers();
}

DREY_TEST(r17_offloaded_work_holds_the_clock_of_four_workers, .workers = 4)
{
    return offload_among_sleepers();
}

DREY_TEST_MAIN()
