/* SPDX-License-Identifier: MIT */
/* R9: dormant tasks. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { MANY = 2000, MESSAGES = 50 };

static struct {
    drey_chan *chan;
    drey_gate gate;
    drey_token *token;
    drey_sem sem;
    int message, events[10], n, wanted;
    _Atomic int total, cancelled;
} shared;

static int wait_again(void)
{
    drey_case cases[] = {drey_on_recv(shared.chan, &shared.message), drey_on_token(shared.token)};
    return drey_again_when(cases, 2);
}

static DREY_ASYNC int note(void *arg, int event)
{
    (void)arg;
    shared.events[shared.n++] = event == 0 ? shared.message : event;
    return event < 0 || shared.n == shared.wanted ? 0 : wait_again();
}

static DREY_ASYNC int start_note(drey_scope *scope, int wanted)
{
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = sizeof(int), .capacity = 4}, &shared.chan), 0);
    shared.wanted = wanted;
    drey_case cases[] = {drey_on_recv(shared.chan, &shared.message), drey_on_token(shared.token)};
    return drey_go_when(scope, note, NULL, cases, 2);
}

DREY_TEST(r9_steps_until_it_returns_something_else)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_note(&scope, 3), 0);
    for (int i = 10; i < 13; i++)
        DREY_CHECK_EQ(drey_chan_send(shared.chan, &i), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.n, 3);
    for (int i = 0; i < 3; i++)
        DREY_CHECK_EQ(shared.events[i], 10 + i);
    drey_chan_unref(shared.chan);
    return 0;
}

DREY_TEST(r9_cancelled_while_dormant)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_note(&scope, 3), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.n, 1);
    DREY_CHECK_EQ(shared.events[0], -ECANCELED);
    drey_chan_unref(shared.chan);
    return 0;
}

/* Cancelled before it was dormant at all: it is told, since drey_go_when had returned 0. */
DREY_TEST(r9_cancelled_before_it_sleeps)
{
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(start_note(&scope, 3), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.n, 1);
    DREY_CHECK_EQ(shared.events[0], -ECANCELED);
    drey_chan_unref(shared.chan);
    return 0;
}

DREY_TEST(r9_deadline_while_dormant)
{
    drey_time start = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(5));
    DREY_CHECK_EQ(start_note(&scope, 3), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.events[0], -ECANCELED);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(5));
    drey_chan_unref(shared.chan);
    return 0;
}

/* R5: the wake races the cancellation; a message is either noted or still in the channel. */
DREY_TEST(r9_wake_races_cancel, .schedules = 100)
{
    shared.n = 0;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_note(&scope, 2), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    int sent = 77, left = 0;
    DREY_CHECK_EQ(drey_chan_send(shared.chan, &sent), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    int rc = drey_chan_try_recv(shared.chan, &left);
    DREY_CHECK_EQ((rc == 0) + (shared.events[0] == 77), 1);
    DREY_CHECK_EQ(shared.events[shared.n - 1] == -ECANCELED || shared.n == 2, 1);
    drey_chan_unref(shared.chan);
    return 0;
}

/* R18: the drain token is a case like any other. */
DREY_TEST(r9_r18_token_as_a_case)
{
    DREY_CHECK_EQ(drey_token_new(NULL, &shared.token), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_note(&scope, 1), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_token_cancel(shared.token, "drain");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.events[0], 1);
    drey_token_unref(shared.token);
    drey_chan_unref(shared.chan);
    return 0;
}

static DREY_ASYNC int tick(void *arg, int event)
{
    drey_case again[] = {drey_on_after(DREY_MS(10))};
    if (event < 0)
        shared.cancelled++;
    else
        shared.total++;
    (void)arg;
    return event < 0 ? 0 : drey_again_when(again, 1);
}

DREY_TEST(r9_timers)
{
    drey_case first[] = {drey_on_after(DREY_MS(10))};
    DREY_SCOPE(scope, .timeout = DREY_MS(105));
    for (int i = 0; i < 10; i++)
        DREY_CHECK_EQ(drey_go_when(&scope, tick, NULL, first, 1), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.total, 100);
    DREY_CHECK_EQ(shared.cancelled, 10);
    return 0;
}

/* A step is a task: it may wait, open scopes, and start children. */
static DREY_ASYNC int nap(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_MS(1));
}

static DREY_ASYNC int serve(void *arg, int event)
{
    drey_case again[] = {drey_on_acquire(&shared.sem, 1), drey_on_gate(&shared.gate)};
    (void)arg;
    if (event < 0)
        return -EPROTO;
    if (event == 1)
        return 0;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, nap, NULL);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(2));
    rc = drey_scope_close(&scope, rc);
    shared.total++;
    return rc < 0 ? rc : drey_again_when(again, 2);
}

DREY_TEST(r9_steps_may_wait_and_have_children, .schedules = 20)
{
    shared.total = 0;
    shared.gate = (drey_gate){0};
    drey_sem_init(&shared.sem, 0, MANY);
    drey_case first[] = {drey_on_acquire(&shared.sem, 1), drey_on_gate(&shared.gate)};
    DREY_SCOPE(scope);
    for (int i = 0; i < 20; i++)
        DREY_CHECK_EQ(drey_go_when(&scope, serve, NULL, first, 2), 0);
    for (int i = 0; i < 100; i++) {
        drey_sem_release(&shared.sem, 1);
        DREY_CHECK_EQ(drey_sleep(DREY_US(100)), 0);
    }
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(10)), 0);
    drey_gate_open(&shared.gate, 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.total, 100);
    return 0;
}

static DREY_ASYNC int once(void *arg, int event)
{
    (void)arg;
    shared.total++;
    return event;
}

DREY_TEST(r9_results_and_bad_arguments)
{
    drey_case cases[4] = {drey_on_never(), drey_on_never(), drey_on_never(), drey_on_ready()};
    drey_case broken = {.kind = -1};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, once, NULL, cases, 0), -EINVAL);
    DREY_CHECK_EQ(drey_go_when(&scope, once, NULL, cases, DREY_WHEN_MAX + 1), -EINVAL);
    DREY_CHECK_EQ(drey_go_when(&scope, once, NULL, &broken, 1), -EINVAL);
    DREY_CHECK_EQ(drey_go_when(&scope, once, NULL, &cases[1], 3), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.total, 1);
    return 0;
}

static DREY_ASYNC int fail(void *arg, int event)
{
    (void)arg, (void)event;
    return -EIO;
}

DREY_TEST(r9_a_failing_step_fails_the_scope)
{
    drey_case cases[] = {drey_on_after(DREY_SEC(1))};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, fail, NULL, cases, 1), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, drey_sleep(DREY_SEC(5))), -EIO);
    return 0;
}

DREY_TEST(r9_counts_against_the_limit)
{
    drey_case cases[] = {drey_on_after(DREY_SEC(1))};
    DREY_SCOPE(scope, .limit = 1);
    DREY_CHECK_EQ(drey_go_when(&scope, once, NULL, cases, 1), 0);
    DREY_CHECK_EQ(drey_try_go(&scope, nap, NULL), -EAGAIN);
    DREY_CHECK_EQ(drey_go(&scope, nap, NULL), 0);
    DREY_CHECK_EQ(shared.total, 1);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int spin_forever(void *arg, int event)
{
    drey_case again[] = {drey_on_ready()};
    (void)arg;
    shared.total++;
    return event < 0 || shared.total > MANY ? 0 : drey_again_when(again, 1);
}

/* A case that is always ready does not own the worker. */
DREY_TEST(r9_r11_always_ready_lets_others_run, .workers = 1)
{
    drey_case ready[] = {drey_on_ready()};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, spin_forever, NULL, ready, 1), 0);
    for (int i = 0; i < 5; i++)
        DREY_CHECK_EQ(drey_yield(), 0);
    int before = shared.total;
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(before < MANY);
    return 0;
}

static DREY_ASYNC int from_pipe(void *arg, int event)
{
    int fd = *(int *)arg;
    char byte;
    drey_case again[] = {drey_on_fd(fd, POLLIN)};
    if (event < 0 || read(fd, &byte, 1) != 1)
        return event < 0 ? 0 : -EIO;
    return ++shared.total == MESSAGES ? 0 : drey_again_when(again, 1);
}

DREY_TEST(r9_descriptors)
{
    int ends[2];
    DREY_CHECK_EQ(pipe(ends), 0);
    static int in;
    in = ends[0];
    drey_case first[] = {drey_on_fd(in, POLLIN)};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, from_pipe, &in, first, 1), 0);
    for (int i = 0; i < MESSAGES; i++) {
        DREY_CHECK_EQ(write(ends[1], "x", 1), 1);
        DREY_CHECK_EQ(drey_yield(), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* Contract breaks. */

static DREY_ASYNC int bad_step(void *arg, int event)
{
    static drey_mutex mutex;
    drey_case again[] = {drey_on_never()};
    drey_scope scope;
    int out;
    (void)event;
    switch ((intptr_t)arg) {
    case 0:
        drey_scope_open(&scope, .name = "left");
        break;
    case 1:
        if (drey_mutex_lock(&mutex) < 0)
            return -EPROTO;
        break;
    default:
        again[0] = drey_on_recv(shared.chan, &out);
    }
    return drey_again_when(again, 1);
}

static DREY_ASYNC int go_bad(void *arg)
{
    drey_case ready[] = {drey_on_ready()};
    int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(int)}, &shared.chan);
    DREY_SCOPE(scope);
    if (rc == 0)
        rc = drey_go_when(&scope, bad_step, arg, ready, 1);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int again_outside(void *arg)
{
    drey_case never[] = {drey_on_never()};
    (void)arg;
    return drey_again_when(never, 1);
}

static DREY_ASYNC int version_on_stack(void *arg)
{
    static int value;
    uint64_t version = 0;
    drey_watch *watch;
    (void)arg;
    int rc = drey_watch_new(sizeof value, &value, &watch);
    drey_case cases[] = {drey_on_watch(watch, &version, &value)};
    DREY_SCOPE(scope);
    if (rc == 0)
        rc = drey_go_when(&scope, once, NULL, cases, 1);
    return drey_scope_close(&scope, rc);
}

static drey_fn *bad_fn;
static void *bad_arg;

static void run_bad(void)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
    int ignored = drey_run(&config, bad_fn, bad_arg);
    (void)ignored;
}

DREY_TEST(r9_misuse_dies, .no_runtime = true)
{
    bad_fn = go_bad;
    for (intptr_t i = 0; i < 3; i++) {
        bad_arg = (void *)i;
        DREY_CHECK(drey_test_dies(run_bad, "(R9)") == 1);
    }
    bad_fn = again_outside;
    DREY_CHECK(drey_test_dies(run_bad, "drey_again_when") == 1);
    bad_fn = version_on_stack;
    DREY_CHECK(drey_test_dies(run_bad, "(R9)") == 1);
    return 0;
}

DREY_TEST_MAIN()
