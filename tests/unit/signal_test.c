/* SPDX-License-Identifier: MIT */
/* Signals as something to wait for (R6, R7, R12), and what is left of them afterwards. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "on_both.h"

static atomic_int heard;

static void former(int number)
{
    heard = number;
}

static sighandler_t disposition(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 ? now.sa_handler : SIG_ERR;
}

/* raise() is for the calling thread, so it is used where worker 0 is alone; this is for whatever thread takes it. */
static int send_signal(int number)
{
    return kill(getpid(), number);
}

struct waiting {
    drey_signals *signals;
    int result;
};

static DREY_ASYNC int wait_one(void *arg)
{
    struct waiting *w = arg;
    w->result = drey_signals_wait(w->signals);
    return 0;
}

TEST_ON_BOTH(one_that_came_before_the_wait, .workers = 1)
{
    DREY_SIGNALS(signals, SIGUSR1, SIGUSR2);
    DREY_CHECK_EQ(raise(SIGUSR2), 0);
    DREY_CHECK_EQ(drey_signals_wait(&signals), SIGUSR2);
    return 0;
}

TEST_ON_BOTH(r7_one_that_comes_during_the_wait, .schedules = 4, .workers = 1)
{
    DREY_SIGNALS(signals, SIGUSR1);
    struct waiting w = {.signals = &signals};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, wait_one, &w), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    DREY_CHECK_EQ(w.result, 0);
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w.result, SIGUSR1);
    return 0;
}

static void *signal_later(void *arg)
{
    usleep(20000);
    kill(getpid(), SIGUSR1);
    return arg;
}

/* All workers sleep in the kernel; the thread that signals is none of them, and blocks the signal itself. */
static DREY_ASYNC int wake_all_asleep(void)
{
    DREY_SIGNALS(signals, SIGUSR1);
    pthread_t thread;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    int rc = pthread_create(&thread, NULL, signal_later, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    DREY_CHECK_EQ(rc, 0);
    int number = drey_signals_wait(&signals);
    pthread_join(thread, NULL);
    DREY_CHECK_EQ(number, SIGUSR1);
    return 0;
}

TEST_ON_BOTH(r7_wakes_sleeping_workers, .workers = 1)
{
    return wake_all_asleep();
}

TEST_ON_BOTH(r12_worker_0_hears_it_for_all, .workers = 3, .real_clock = true)
{
    return wake_all_asleep();
}

DREY_TEST(every_signal_that_can_be_caught, .workers = 1)
{
    for (int n = 1; n <= SIGRTMAX; n++) {
        drey_signals signals;
        int rc = drey_signals_open(&signals, &n, 1);
        if (rc == -EINVAL)
            continue;
        DREY_CHECK_EQ(rc, 0);
        if (raise(n) == 0) /* an emulator keeps some for itself */
            DREY_CHECK_EQ(drey_signals_wait(&signals), n);
        else
            DREY_CHECK(n >= SIGRTMIN);
        drey_signals_close(&signals);
        DREY_CHECK(disposition(n) == SIG_DFL);
    }
    return 0;
}

DREY_TEST(what_cannot_be_caught_is_refused, .workers = 1)
{
    const int bad[] = {0,      -1,     32,     65,      1000,   SIGKILL, SIGSTOP, SIGSEGV,
                       SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPIPE};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        drey_signals signals;
        int both[] = {SIGUSR1, bad[i]};
        DREY_CHECK_EQ(drey_signals_open(&signals, both, 2), -EINVAL);
        DREY_CHECK(disposition(SIGUSR1) == SIG_DFL);
        drey_signals_close(&signals);
        DREY_SIGNALS(declared, SIGUSR1, bad[i]);
        DREY_CHECK_EQ(drey_signals_wait(&declared), -EINVAL);
        drey_case c = drey_on_signal(&declared, NULL);
        DREY_CHECK_EQ(drey_select(&c, 1), 0);
        DREY_CHECK_EQ(c.result, -EINVAL);
    }
    drey_signals none;
    DREY_CHECK_EQ(drey_signals_open(&none, NULL, 0), -EINVAL);
    return 0;
}

DREY_TEST(outside_a_task, .no_runtime = true)
{
    drey_signals signals;
    DREY_CHECK_EQ(drey_signals_open(&signals, (const int[]){SIGUSR1}, 1), -EPERM);
    DREY_CHECK_EQ(drey_signals_wait(&signals), -EPERM);
    drey_signals_close(&signals);
    return 0;
}

/* Default, ignored, a handler with its flags and mask; and two objects that overlap. */
DREY_TEST(the_former_disposition_comes_back, .workers = 1)
{
    struct sigaction own = {.sa_handler = former, .sa_flags = SA_NODEFER}, now;
    sigemptyset(&own.sa_mask);
    sigaddset(&own.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &own, NULL);
    signal(SIGUSR2, SIG_IGN);
    {
        DREY_SIGNALS(outer, SIGUSR1, SIGUSR2, SIGTERM);
        {
            DREY_SIGNALS(inner, SIGUSR1);
            DREY_CHECK_EQ(raise(SIGUSR1), 0);
            DREY_CHECK_EQ(drey_signals_wait(&inner), SIGUSR1);
        }
        DREY_CHECK(disposition(SIGUSR1) != former);
        DREY_CHECK_EQ(drey_signals_wait(&outer), SIGUSR1); /* each object has its own copy */
        DREY_CHECK_EQ(raise(SIGUSR1), 0);
        DREY_CHECK_EQ(raise(SIGUSR2), 0);
        DREY_CHECK_EQ(drey_signals_wait(&outer), SIGUSR1);
        DREY_CHECK_EQ(drey_signals_wait(&outer), SIGUSR2);
        DREY_CHECK_EQ(heard, 0);
    }
    DREY_CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == former);
    DREY_CHECK((now.sa_flags & SA_NODEFER) != 0 && sigismember(&now.sa_mask, SIGHUP));
    DREY_CHECK(disposition(SIGUSR2) == SIG_IGN);
    DREY_CHECK(disposition(SIGTERM) == SIG_DFL);
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(heard, SIGUSR1);
    return 0;
}

DREY_TEST(what_somebody_set_meanwhile_stays, .workers = 1)
{
    {
        DREY_SIGNALS(signals, SIGUSR1);
        signal(SIGUSR1, former);
    }
    DREY_CHECK(disposition(SIGUSR1) == former);
    return 0;
}

/* What arrived before the opening, or was taken by nobody before the close, is not seen later. */
DREY_TEST(nothing_is_left_over, .workers = 1)
{
    {
        DREY_SIGNALS(signals, SIGUSR1);
        DREY_CHECK_EQ(raise(SIGUSR1), 0);
    }
    DREY_SIGNALS(again, SIGUSR1);
    drey_case cases[] = {drey_on_signal(&again, NULL), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    return 0;
}

DREY_TEST(arrivals_of_one_number_count_once, .workers = 1)
{
    DREY_SIGNALS(signals, SIGUSR1, SIGUSR2);
    for (int i = 0; i < 5; i++)
        DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(raise(SIGUSR2), 0);
    DREY_CHECK_EQ(drey_signals_wait(&signals), SIGUSR1);
    DREY_CHECK_EQ(drey_signals_wait(&signals), SIGUSR2);
    drey_case c = drey_on_signal(&signals, NULL);
    DREY_CHECK_EQ(drey_try_select(&c, 1), -EAGAIN);
    return 0;
}

/* First come, first served; and a cancelled waiter takes none (R7). */
DREY_TEST(r7_two_waiters_and_a_cancelled_one, .schedules = 8, .workers = 1)
{
    DREY_SIGNALS(signals, SIGUSR1);
    struct waiting w[3] = {{.signals = &signals}, {.signals = &signals}, {.signals = &signals}};
    drey_task *tasks[3];
    DREY_SCOPE(scope);
    for (int i = 0; i < 3; i++) {
        DREY_CHECK_EQ(drey_spawn(&scope, wait_one, &w[i], &tasks[i]), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    }
    drey_task_cancel(tasks[0], "test");
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(w[0].result, -ECANCELED);
    DREY_CHECK_EQ(w[1].result, SIGUSR1);
    DREY_CHECK_EQ(w[2].result, 0);
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w[2].result, SIGUSR1);
    return 0;
}

TEST_ON_BOTH(r6_during_a_select, .workers = 1)
{
    DREY_SIGNALS(signals, SIGUSR1);
    drey_case cases[] = {drey_on_signal(&signals, NULL), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(drey_select(cases, 2), 0);
    DREY_CHECK_EQ(cases[0].result, SIGUSR1);
    DREY_CHECK_EQ(drey_select(cases, 2), 1); /* it was taken */
    return 0;
}

static struct {
    drey_signals signals;
    int event, number, result;
} dormant;

static DREY_ASYNC int step(void *arg, int event)
{
    (void)arg;
    dormant.event = event;
    dormant.result = event < 0 ? event : drey_signals_wait(&dormant.signals);
    return 0;
}

DREY_TEST(r9_a_dormant_task, .schedules = 4, .workers = 1)
{
    DREY_CHECK_EQ(drey_signals_open(&dormant.signals, (const int[]){SIGUSR1, SIGUSR2}, 2), 0);
    drey_case cases[] = {drey_on_never(), drey_on_signal(&dormant.signals, &dormant.number)};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, step, NULL, cases, 2), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(raise(SIGUSR1), 0);
    DREY_CHECK_EQ(raise(SIGUSR2), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_signals_close(&dormant.signals);
    DREY_CHECK_EQ(dormant.event, 1);
    DREY_CHECK_EQ(dormant.number, SIGUSR1);
    DREY_CHECK_EQ(dormant.result, SIGUSR2);
    return 0;
}

static DREY_ASYNC int wait_and_select(void *arg)
{
    (void)arg;
    DREY_SIGNALS(signals, SIGUSR1, SIGTERM);
    int rc = raise(SIGUSR1);
    if (rc == 0)
        rc = drey_signals_wait(&signals);
    drey_case cases[] = {drey_on_signal(&signals, NULL), drey_on_after(DREY_SEC(1))};
    if (rc > 0)
        rc = drey_select(cases, 2);
    return rc < 0 ? rc : 0;
}

DREY_TEST(r5_cancelled_everywhere, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(wait_and_select, NULL, 1) > 0);
    DREY_CHECK(disposition(SIGUSR1) == SIG_DFL && disposition(SIGTERM) == SIG_DFL);
    return 0;
}

static DREY_ASYNC int open_and_leave(void *arg)
{
    return drey_signals_open(arg, (const int[]){SIGUSR1}, 1);
}

static void leave_open(void)
{
    static drey_signals signals;
    int rc = drey_run(&(drey_config){.workers = 1}, open_and_leave, &signals);
    (void)rc;
}

DREY_TEST(left_open_stops_the_program, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(leave_open, "signals were left open"), 1);
    return 0;
}

static DREY_ASYNC int count_signals(void *arg)
{
    drey_signals *signals = arg;
    for (;;) {
        int number = drey_signals_wait(signals);
        if (number < 0)
            return number;
        heard++;
    }
}

/* Many arrivals while workers are busy: each but those that coalesce is heard, and the last is never lost. */
DREY_TEST(r7_a_storm, .workers = 3, .real_clock = true)
{
    DREY_SIGNALS(signals, SIGUSR1);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, count_signals, &signals), 0);
    for (int i = 0; i < 300; i++) {
        int before = heard;
        DREY_CHECK_EQ(send_signal(SIGUSR1), 0);
        while (heard == before)
            DREY_CHECK_EQ(drey_yield(), 0);
    }
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
