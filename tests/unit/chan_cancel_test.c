/* SPDX-License-Identifier: MIT */
/* Channels: cancellation (R4, R5), misuse and threads (R12). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "chan_kit.h"

static drey_chan *channel(size_t capacity, bool foreign)
{
    drey_chan *chan;
    int rc = drey_chan_new((drey_chan_options){.message_bytes = 8, .capacity = capacity, .foreign = foreign}, &chan);
    return rc == 0 ? chan : NULL;
}

DREY_TEST(r4_refused_once_cancelled_but_for_the_try_calls)
{
    drey_chan *chan = channel(2, false);
    uint64_t message = 1;
    int sent, received, tried_send, tried_recv;
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    tried_send = drey_chan_try_send(chan, &message);
    received = drey_chan_recv(chan, &message);
    tried_recv = drey_chan_try_recv(chan, &message);
    sent = drey_chan_send(chan, &message);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(drey_chan_length(chan), 0);
    drey_chan_unref(chan);
    DREY_CHECK_EQ(tried_send, 0);
    DREY_CHECK_EQ(received, -ECANCELED);
    DREY_CHECK_EQ(tried_recv, 0);
    DREY_CHECK_EQ(sent, -ECANCELED);
    return rc;
}

/* Two wait in one line; the scope of the first is cancelled, by request or by its deadline. */
static DREY_ASYNC int leave_the_line(drey_fn *fn, bool by_deadline)
{
    bool sending = fn == send_one;
    drey_chan *chan = channel(0, false);
    transfer first = {chan, 1, 1}, second = {chan, 2, 1};
    uint64_t message = 3;
    DREY_SCOPE(outer);
    DREY_SCOPE(inner, .timeout = by_deadline ? DREY_SEC(1) : 0);
    int rc = drey_go(&inner, fn, &first);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_go(&outer, fn, &second);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (!by_deadline)
        drey_scope_cancel(&inner, 0, "test");
    rc = drey_scope_close(&inner, rc);
    if (rc == 0)
        rc = sending ? drey_chan_recv(chan, &message) : drey_chan_send(chan, &message);
    rc = drey_scope_close(&outer, rc);
    drey_chan_unref(chan);
    DREY_CHECK_EQ(first.rc, -ECANCELED);
    DREY_CHECK_EQ(first.value, 1);
    DREY_CHECK_EQ(second.rc, 0);
    DREY_CHECK_EQ(sending ? message : second.value, sending ? 2 : 3);
    return rc;
}

DREY_TEST(r5_a_cancelled_waiter_takes_nothing_and_the_next_is_served)
{
    DREY_CHECK_EQ(leave_the_line(send_one, false), 0);
    DREY_CHECK_EQ(leave_the_line(recv_one, false), 0);
    return 0;
}

DREY_TEST(r5_a_waiter_whose_time_is_up_takes_nothing)
{
    DREY_CHECK_EQ(leave_the_line(send_one, true), 0);
    DREY_CHECK_EQ(leave_the_line(recv_one, true), 0);
    return 0;
}

/* The message is handed over, and before the receiver runs its scope is cancelled: it keeps the message. */
DREY_TEST(r5_what_was_granted_before_the_cancellation_is_kept)
{
    drey_chan *chan = channel(0, false);
    transfer receiver = {chan, 0, 1}, sender = {chan, 7, 1};
    uint64_t message = 5;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, recv_one, &receiver);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_chan_send(chan, &message);
    if (rc == 0)
        rc = drey_go(&scope, send_one, &sender);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_chan_recv(chan, &message);
    drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    drey_chan_unref(chan);
    DREY_CHECK_EQ(receiver.rc, 0);
    DREY_CHECK_EQ(receiver.value, 5);
    DREY_CHECK_EQ(sender.rc, 0);
    DREY_CHECK_EQ(message, 7);
    return rc;
}

/* Receivers that are cancelled while senders race to wake them: what was sent is received or left, never lost. */
static DREY_ASYNC int race(void)
{
    enum { ROUNDS = 300, RECEIVERS = 4 };
    for (int round = 0; round < ROUNDS; round++) {
        drey_chan *chan = channel(RECEIVERS, false);
        transfer receivers[RECEIVERS];
        uint64_t message = 1, sent = 0, got = 0;
        DREY_SCOPE(scope, .spread = true);
        int rc = 0;
        for (int i = 0; i < RECEIVERS && rc == 0; i++) {
            receivers[i] = (transfer){chan, 0, 1};
            rc = drey_go(&scope, recv_one, &receivers[i]);
        }
        if (rc == 0 && round % 2 == 0)
            rc = drey_yield();
        for (int i = 0; i < 2; i++)
            sent += drey_chan_try_send(chan, &message) == 0;
        drey_scope_cancel(&scope, 0, "test");
        for (int i = 0; i < 2; i++)
            sent += drey_chan_try_send(chan, &message) == 0;
        rc = drey_scope_close(&scope, rc);
        for (int i = 0; i < RECEIVERS; i++)
            got += receivers[i].rc == 0;
        while (drey_chan_try_recv(chan, &message) == 0)
            got++;
        drey_chan_unref(chan);
        DREY_CHECK_EQ(rc, 0);
        DREY_CHECK_EQ(got, sent);
    }
    return 0;
}

DREY_TEST(r5_nothing_is_lost_when_a_wake_races_a_cancellation, .schedules = 3)
{
    return race();
}

DREY_TEST(r5_nothing_is_lost_between_two_workers, .workers = 2)
{
    return race();
}

DREY_TEST(r5_nothing_is_lost_between_four_workers, .workers = 4)
{
    return race();
}

static DREY_ASYNC int exchange(void *arg)
{
    (void)arg;
    drey_chan *chan = channel(1, false);
    if (chan == NULL)
        return -ENOMEM;
    transfer sender = {chan, 4, 1};
    uint64_t message = 0;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, send_one, &sender);
    if (rc == 0)
        rc = drey_chan_recv(chan, &message);
    rc = drey_scope_close(&scope, rc);
    while (drey_chan_try_recv(chan, &message) == 0)
        continue;
    drey_chan_unref(chan);
    return rc;
}

DREY_TEST(r4_cancelled_at_every_point, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(exchange, NULL, 0) >= 2);
    return 0;
}

static DREY_ASYNC int leave_messages(void *arg)
{
    (void)arg;
    drey_chan *chan = channel(1, false);
    uint64_t message = 0;
    int rc = drey_chan_send(chan, &message);
    drey_chan_unref(chan);
    return rc;
}

static DREY_ASYNC int leave_a_waiter(void *arg)
{
    (void)arg;
    transfer receiver = {channel(1, false), 0, 1};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, recv_one, &receiver);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_chan_unref(receiver.chan);
    return drey_scope_close(&scope, rc);
}

static void run_strict(drey_fn *fn)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .lock_rule = DREY_LOCK_RULE_ABORT};
    int rc = drey_run(&config, fn, NULL);
    (void)rc;
}

static void die_with_messages(void)
{
    run_strict(leave_messages);
}

static void die_with_a_waiter(void)
{
    run_strict(leave_a_waiter);
}

DREY_TEST(r19_leftover_messages_abort_in_tests, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(die_with_messages, "holds 1 messages"), 1);
    return 0;
}

DREY_TEST(r7_the_last_reference_goes_with_waiters, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(die_with_a_waiter, "while a task waits"), 1);
    return 0;
}

static void close_outside(void)
{
    drey_chan_close(channel(1, false));
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_chan *chan = channel(1, false);
    uint64_t message = 0;
    DREY_CHECK_EQ(drey_chan_send(chan, &message), -EPERM);
    DREY_CHECK_EQ(drey_chan_recv(chan, &message), -EPERM);
    DREY_CHECK_EQ(drey_chan_try_send(chan, &message), -EPERM);
    DREY_CHECK_EQ(drey_chan_try_recv(chan, &message), -EPERM);
    drey_chan_unref(drey_chan_ref(chan));
    drey_chan_unref(chan);
    DREY_CHECK_EQ(drey_test_dies(close_outside, "drey_chan_close"), 1);
    return 0;
}

enum { FOREIGN_MESSAGES = 20000 };

typedef struct {
    drey_chan *requests, *replies;
    uint64_t sum;
} outsider;

/* A thread of the program's own: answers each request. */
static void *answer(void *arg)
{
    outsider *o = arg;
    for (uint64_t answered = 0; answered < FOREIGN_MESSAGES;) {
        uint64_t message;
        if (drey_chan_try_recv(o->requests, &message) < 0) {
            sched_yield();
            continue;
        }
        o->sum += message;
        while (drey_chan_try_send(o->replies, &message) < 0)
            sched_yield();
        answered++;
    }
    return NULL;
}

static DREY_ASYNC int ask(void *arg)
{
    outsider *o = arg;
    for (uint64_t i = 0; i < FOREIGN_MESSAGES; i++) {
        int rc = drey_chan_send(o->requests, &i);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int foreign_exchange(void)
{
    outsider o = {channel(4, true), channel(2, true), 0};
    uint64_t message, wrong = 0;
    pthread_t thread;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, answer, &o), 0);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, ask, &o);
    for (uint64_t i = 0; i < FOREIGN_MESSAGES && rc == 0; i++) {
        rc = drey_chan_recv(o.replies, &message);
        wrong += message != i;
    }
    rc = drey_scope_close(&scope, rc);
    pthread_join(thread, NULL);
    drey_chan_unref(o.requests);
    drey_chan_unref(o.replies);
    DREY_CHECK_EQ(wrong, 0);
    DREY_CHECK_EQ(o.sum, (uint64_t)FOREIGN_MESSAGES * (FOREIGN_MESSAGES - 1) / 2);
    return rc;
}

DREY_TEST(r12_a_foreign_channel_serves_other_threads, .real_clock = true)
{
    return foreign_exchange();
}

DREY_TEST(r12_a_foreign_channel_with_two_workers, .workers = 2, .real_clock = true)
{
    return foreign_exchange();
}

DREY_TEST_MAIN()
