/* SPDX-License-Identifier: MIT */
/*
 * Out of memory (R19): a scenario that touches everything, with its first, second, ... allocation failing until none
 * is left to fail. Each time it returns success, -ENOMEM, or -EAGAIN for want of a thread; and nothing stays behind.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "../sanitized.h"

/* Each run makes a runtime, which takes ten to a hundred times as long where the build is slow: it looks at fewer. */
enum { STRIDE = SLOW ? 12 : 1 };

enum { MANY = 600, MOST_ALLOCATIONS = 20000, SLACK_BYTES = 32 << 10 };

static struct {
    _Atomic int promised, called;
} shared;

static DREY_ASYNC int count(void *arg)
{
    (void)arg;
    shared.called++;
    return drey_sleep(DREY_MS(1));
}

static DREY_ASYNC int step(void *arg, int event)
{
    drey_case again[] = {drey_on_after(DREY_MS(1)), drey_on_after(DREY_SEC(1)), drey_on_never()};
    int *left = arg;
    return event < 0 || --*left == 0 ? 0 : drey_again_when(again, 3);
}

static int in_pool(void *arg)
{
    return arg == NULL ? 0 : -EPROTO;
}

/* Every way to start a child, more than the first queues and slabs hold. */
static DREY_ASYNC int start_children(void)
{
    static int steps;
    drey_task *task;
    drey_case ready[] = {drey_on_ready()};
    steps = 3;
    DREY_SCOPE(scope, .stack_size = 32 << 10);
    int rc = drey_go_when(&scope, step, &steps, ready, 1);
    if (rc == 0)
        rc = drey_spawn(&scope, count, NULL, &task);
    shared.promised += rc == 0;
    for (int i = 0; i < MANY && rc == 0; i++) {
        rc = drey_go_copy(&scope, count, &i, sizeof i);
        shared.promised += rc == 0;
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int use_channels(void)
{
    drey_chan *chan;
    drey_broadcast *broadcast;
    drey_watch *watch;
    int n = 0;
    int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof n, .capacity = MANY}, &chan);
    if (rc < 0)
        return rc;
    for (int i = 0; i < MANY && rc == 0; i++)
        rc = drey_chan_try_send(chan, &i);
    if (rc == -EAGAIN)
        rc = 0; /* a ring that cannot grow is full */
    while (drey_chan_try_recv(chan, &n) == 0) {
    }
    drey_chan_unref(chan);
    if (rc == 0 && (rc = drey_broadcast_new(sizeof n, MANY, &broadcast)) == 0) {
        rc = drey_broadcast_send(broadcast, &n);
        drey_broadcast_unref(broadcast);
    }
    if (rc == 0 && (rc = drey_watch_new(sizeof n, &n, &watch)) == 0) {
        drey_watch_set(watch, &n);
        drey_watch_unref(watch);
    }
    return rc;
}

static DREY_ASYNC int use_tokens(void)
{
    drey_token *parent, *child;
    int rc = drey_token_new(NULL, &parent);
    if (rc < 0)
        return rc;
    rc = drey_token_new(parent, &child);
    if (rc == 0) {
        DREY_SCOPE(scope, .token = child);
        drey_token_cancel(parent, "test");
        rc = drey_scope_close(&scope, 0);
        drey_token_unref(child);
    }
    drey_token_unref(parent);
    return rc;
}

static DREY_ASYNC int use_the_outside(void)
{
    int ends[2];
    if (pipe(ends) < 0)
        return -errno;
    drey_case cases[] = {drey_on_fd(ends[0], POLLIN), drey_on_after(DREY_MS(1))};
    int rc = drey_select(cases, 2);
    close(ends[0]);
    close(ends[1]);
    rc = rc == 0 ? cases[0].result : rc; /* an error of the wait itself */
    return rc < 0 ? rc : drey_offload(in_pool, NULL);
}

static DREY_ASYNC int scenario(void *arg)
{
    (void)arg;
    int rc = start_children();
    if (rc == 0)
        rc = use_channels();
    if (rc == 0)
        rc = use_tokens();
    if (rc == 0)
        rc = use_the_outside();
    return rc == 0 ? drey_call_deep(in_pool, NULL) : rc;
}

/* One run with the nth allocation failing: 1 if there was an nth, 0 if there were fewer. */
static int fail_nth(uint64_t n, unsigned workers)
{
    drey_config config = {.workers = workers, .clock = DREY_CLOCK_VIRTUAL};
    shared.promised = shared.called = 0;
    drey_test_fail_alloc(n);
    uint64_t before = drey_test_allocs();
    int rc = drey_run(&config, scenario, NULL);
    bool failed = drey_test_allocs() - before >= n;
    drey_test_fail_alloc(0);
    if (rc < 0 && ((rc != -ENOMEM && rc != -EAGAIN) || !failed)) { /* EAGAIN: no thread for the pool */
        fprintf(stderr, "with allocation %llu failing: %d\n", (unsigned long long)n, rc);
        return -EPROTO;
    }
    DREY_CHECK_EQ(shared.called, shared.promised);
    return failed;
}

static int fail_each(unsigned workers)
{
    int rc = fail_nth(MOST_ALLOCATIONS, workers);
    DREY_CHECK_EQ(rc, 0);
    struct mallinfo2 before = mallinfo2();
    for (uint64_t n = 1; (rc = fail_nth(n, workers)) == 1; n += STRIDE) {
    }
    struct mallinfo2 after = mallinfo2();
    DREY_CHECK(after.uordblks <= before.uordblks + SLACK_BYTES);
    return rc;
}

DREY_TEST(r19_each_allocation_fails_once, .no_runtime = true, .timeout_seconds = 280)
{
    return fail_each(1);
}

DREY_TEST(r19_each_allocation_fails_once_on_three_workers, .no_runtime = true, .timeout_seconds = 280)
{
    return fail_each(3);
}

DREY_TEST_MAIN()
