/* SPDX-License-Identifier: MIT */
/* R9, R7: a dormant task that another thread wakes while it is still falling asleep. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { TASKS = 3, STEPS = 30000 };

static struct {
    drey_notify a, b;
    int quiet[2];
    _Atomic int steps;
    _Atomic bool stop;
} shared;

static void *wake_all_the_time(void *arg)
{
    while (!atomic_load(&shared.stop)) {
        drey_notify_one(&shared.a);
        drey_notify_one(&shared.b);
    }
    return arg;
}

static DREY_ASYNC int step(void *arg, int event)
{
    (void)arg;
    if (event < 0 || event > 1)
        return event < 0 ? event : -EPROTO; /* nothing comes through the pipe */
    if (++shared.steps > STEPS)
        return 0;
    drey_case again[] = {drey_on_notify(&shared.a), drey_on_notify(&shared.b), drey_on_fd(shared.quiet[0], POLLIN)};
    return drey_again_when(again, 3);
}

/* The cases behind the one that it was woken by were not waited for yet: a descriptor among them is left alone. */
DREY_TEST(r9_r7_woken_while_it_falls_asleep, .workers = 2, .real_clock = true)
{
    pthread_t thread;
    DREY_CHECK_EQ(pipe(shared.quiet), 0);
    drey_case first[] = {drey_on_notify(&shared.a), drey_on_notify(&shared.b), drey_on_fd(shared.quiet[0], POLLIN)};
    DREY_CHECK_EQ(pthread_create(&thread, NULL, wake_all_the_time, NULL), 0);
    DREY_SCOPE(scope);
    for (int i = 0; i < TASKS; i++)
        DREY_CHECK_EQ(drey_go_when(&scope, step, NULL, first, 3), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    shared.stop = true;
    pthread_join(thread, NULL);
    DREY_CHECK(shared.steps > STEPS);
    close(shared.quiet[0]);
    close(shared.quiet[1]);
    return 0;
}

DREY_TEST_MAIN()
