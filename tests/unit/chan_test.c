/* SPDX-License-Identifier: MIT */
/* Channels: order (R7), messages move exactly once (R5), closing, cancellation (R4), limits (R19), threads (R12). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>

#include "chan_kit.h"

static drey_chan *channel(size_t capacity)
{
    drey_chan *chan;
    return drey_chan_new((drey_chan_options){.message_bytes = 8, .capacity = capacity}, &chan) == 0 ? chan : NULL;
}

/* Start one child a transfer, each waiting before the next begins. */
static DREY_ASYNC int go_each(drey_scope *scope, drey_fn *fn, transfer *transfers, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = drey_go(scope, fn, &transfers[i]);
        if (rc == 0)
            rc = drey_sleep(DREY_MS(1));
    }
    return rc;
}

DREY_TEST(r7_messages_come_in_the_order_of_sending)
{
    drey_chan *chan = channel(1000);
    uint64_t sent = 0, got = 0, message;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < round; i++, sent++)
            DREY_CHECK_EQ(drey_chan_send(chan, &sent), 0);
        DREY_CHECK_EQ(drey_chan_length(chan), round);
        for (int i = 0; i < round; i++, got++) {
            DREY_CHECK_EQ(drey_chan_recv(chan, &message), 0);
            DREY_CHECK_EQ(message, got);
        }
    }
    drey_chan_unref(chan);
    return 0;
}

/* The ring wraps before it grows. */
DREY_TEST(r7_growing_keeps_the_order)
{
    drey_chan *chan = channel(100000);
    uint64_t sent = 0, got = 0, message;
    while (sent < 50000) {
        for (int i = 0; i < 3; i++, sent++)
            DREY_CHECK_EQ(drey_chan_try_send(chan, &sent), 0);
        DREY_CHECK_EQ(drey_chan_try_recv(chan, &message), 0);
        DREY_CHECK_EQ(message, got++);
    }
    while (drey_chan_try_recv(chan, &message) == 0)
        DREY_CHECK_EQ(message, got++);
    DREY_CHECK_EQ(got, sent);
    DREY_CHECK_EQ(drey_chan_try_send(chan, &sent), 0); /* after the large ring was given back */
    DREY_CHECK_EQ(drey_chan_try_recv(chan, &message), 0);
    DREY_CHECK_EQ(message, sent);
    drey_chan_unref(chan);
    return 0;
}

static DREY_ASYNC int senders_in_order(size_t capacity)
{
    drey_chan *chan = channel(capacity);
    transfer senders[4] = {{chan, 0, 1}, {chan, 1, 1}, {chan, 2, 1}, {chan, 3, 1}};
    uint64_t message, wrong = 0;
    DREY_SCOPE(scope);
    int rc = go_each(&scope, send_one, senders, 4);
    for (uint64_t i = 0; i < 4 && rc == 0; i++) {
        rc = drey_chan_recv(chan, &message);
        wrong += message != i;
    }
    rc = drey_scope_close(&scope, rc);
    drey_chan_unref(chan);
    DREY_CHECK_EQ(wrong, 0);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(senders[i].rc, 0);
    return rc;
}

DREY_TEST(r7_senders_are_served_first_come_first_served)
{
    for (size_t capacity = 0; capacity < 5; capacity++)
        DREY_CHECK_EQ(senders_in_order(capacity), 0);
    return 0;
}

static DREY_ASYNC int receivers_in_order(size_t capacity)
{
    drey_chan *chan = channel(capacity);
    transfer receivers[3] = {{chan, 9, 1}, {chan, 9, 1}, {chan, 9, 1}};
    DREY_SCOPE(scope);
    int rc = go_each(&scope, recv_one, receivers, 3);
    for (uint64_t i = 0; i < 3 && rc == 0; i++)
        rc = drey_chan_send(chan, &i);
    rc = drey_scope_close(&scope, rc);
    drey_chan_unref(chan);
    for (unsigned i = 0; i < 3; i++) {
        DREY_CHECK_EQ(receivers[i].rc, 0);
        DREY_CHECK_EQ(receivers[i].value, i);
    }
    return rc;
}

DREY_TEST(r7_receivers_are_served_first_come_first_served)
{
    DREY_CHECK_EQ(receivers_in_order(0), 0);
    DREY_CHECK_EQ(receivers_in_order(2), 0);
    return 0;
}

DREY_TEST(a_rendezvous_holds_nothing)
{
    drey_chan *chan = channel(0);
    uint64_t message = 5;
    DREY_CHECK_EQ(drey_chan_try_send(chan, &message), -EAGAIN);
    DREY_CHECK_EQ(drey_chan_try_recv(chan, &message), -EAGAIN);
    DREY_CHECK_EQ(drey_chan_length(chan), 0);
    drey_chan_unref(chan);
    return 0;
}

/* Each size through the ring, with canaries around the bytes. */
static DREY_ASYNC int check_size(size_t bytes)
{
    static char message[65536], out[65536 + 2];
    drey_chan *chan;
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = bytes, .capacity = 3}, &chan), 0);
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < bytes; i++)
            message[i] = (char)((int)i * 7 + round + 1);
        memset(out, 99, bytes + 2);
        DREY_CHECK_EQ(drey_chan_send(chan, message), 0);
        DREY_CHECK_EQ(drey_chan_recv(chan, out + 1), 0);
        DREY_CHECK(memcmp(message, out + 1, bytes) == 0);
        DREY_CHECK(out[0] == 99 && out[bytes + 1] == 99);
    }
    drey_chan_unref(chan);
    return 0;
}

DREY_TEST(messages_of_every_size)
{
    for (size_t bytes = 0; bytes <= 40; bytes++)
        DREY_CHECK_EQ(check_size(bytes), 0);
    return check_size(65536);
}

DREY_TEST(signals_of_no_bytes_are_counted)
{
    drey_chan *chan;
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.capacity = 1000}, &chan), 0);
    for (int i = 0; i < 1000; i++)
        DREY_CHECK_EQ(drey_chan_send(chan, NULL), 0);
    DREY_CHECK_EQ(drey_chan_try_send(chan, NULL), -EAGAIN);
    for (int i = 0; i < 1000; i++)
        DREY_CHECK_EQ(drey_chan_recv(chan, NULL), 0);
    DREY_CHECK_EQ(drey_chan_try_recv(chan, NULL), -EAGAIN);
    drey_chan_unref(chan);
    return 0;
}

DREY_TEST(r19_limits_are_clear_errors)
{
    drey_chan *chan = NULL;
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = 65537, .capacity = 1}, &chan), -EINVAL);
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = 8, .capacity = SIZE_MAX}, &chan), -EINVAL);
    DREY_CHECK(chan == NULL);
    chan = channel((size_t)1 << 31); /* a ceiling: nothing of it is reserved */
    DREY_CHECK(chan != NULL);
    drey_chan_unref(chan);
    chan = channel(3);
    for (uint64_t i = 0; i < 3; i++)
        DREY_CHECK_EQ(drey_chan_try_send(chan, &i), 0);
    uint64_t message = 3;
    DREY_CHECK_EQ(drey_chan_try_send(chan, &message), -EAGAIN);
    while (drey_chan_try_recv(chan, &message) == 0)
        continue;
    DREY_CHECK_EQ(message, 2);
    drey_chan_unref(chan);
    return 0;
}

/* R19: without memory the ring is full earlier, and grows when there is memory again. */
DREY_TEST(r19_no_memory_means_full_not_failed)
{
    drey_chan *chan;
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = 8, .capacity = 64}, &chan), -ENOMEM);
    chan = channel(64);
    uint64_t sent = 0, got = 0, message;
    drey_test_fail_alloc(1);
    while (drey_chan_try_send(chan, &sent) == 0)
        sent++;
    DREY_CHECK(sent >= 1 && sent < 64);
    while (drey_chan_try_send(chan, &sent) == 0)
        sent++;
    DREY_CHECK_EQ(sent, 64);
    while (drey_chan_try_recv(chan, &message) == 0)
        DREY_CHECK_EQ(message, got++);
    DREY_CHECK_EQ(got, 64);
    drey_chan_unref(chan);
    return 0;
}

DREY_TEST(closing_lets_receivers_drain)
{
    drey_chan *chan = channel(4);
    uint64_t message = 1;
    DREY_CHECK_EQ(drey_chan_send(chan, &message), 0);
    drey_chan_close(chan);
    drey_chan_close(chan);
    DREY_CHECK_EQ(drey_chan_send(chan, &message), -EPIPE);
    DREY_CHECK_EQ(drey_chan_try_send(chan, &message), -EPIPE);
    message = 0;
    DREY_CHECK_EQ(drey_chan_recv(chan, &message), 0);
    DREY_CHECK_EQ(message, 1);
    DREY_CHECK_EQ(drey_chan_recv(chan, &message), -EPIPE);
    DREY_CHECK_EQ(drey_chan_try_recv(chan, &message), -EPIPE);
    DREY_CHECK_EQ(message, 1);
    drey_chan_unref(chan);
    return 0;
}

static DREY_ASYNC int close_while_waiting(drey_fn *fn, size_t capacity, uint64_t fill)
{
    drey_chan *chan = channel(capacity);
    transfer waiting[3] = {{chan, 7, 1}, {chan, 7, 1}, {chan, 7, 1}};
    for (uint64_t i = 0; i < fill; i++)
        DREY_CHECK_EQ(drey_chan_send(chan, &i), 0);
    DREY_SCOPE(scope);
    int rc = go_each(&scope, fn, waiting, 3);
    drey_chan_close(chan);
    rc = drey_scope_close(&scope, rc);
    uint64_t message, left = 0;
    while (drey_chan_recv(chan, &message) == 0)
        left++;
    drey_chan_unref(chan);
    DREY_CHECK_EQ(left, fill);
    for (int i = 0; i < 3; i++)
        DREY_CHECK_EQ(waiting[i].rc, -EPIPE);
    return rc;
}

DREY_TEST(closing_wakes_who_waits)
{
    DREY_CHECK_EQ(close_while_waiting(send_one, 2, 2), 0);
    DREY_CHECK_EQ(close_while_waiting(send_one, 0, 0), 0);
    DREY_CHECK_EQ(close_while_waiting(recv_one, 2, 0), 0);
    return 0;
}

typedef struct {
    drey_chan *chan;
    uint64_t first, sum, count;
} load;

enum { PEERS = 4, EACH = 3000 };

static DREY_ASYNC int produce(void *arg)
{
    load *l = arg;
    for (uint64_t i = 0; i < EACH; i++) {
        uint64_t message = l->first + i;
        int rc = drey_chan_send(l->chan, &message);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int consume(void *arg)
{
    load *l = arg;
    uint64_t message;
    int rc;
    while ((rc = drey_chan_recv(l->chan, &message)) == 0) {
        l->sum += message;
        l->count++;
    }
    return rc == -EPIPE ? 0 : rc;
}

static DREY_ASYNC int many_to_many(size_t capacity)
{
    drey_chan *chan = channel(capacity);
    load in[PEERS], out[PEERS];
    uint64_t count = 0, sum = 0;
    DREY_SCOPE(consumers, .spread = true);
    DREY_SCOPE(producers, .spread = true);
    int rc = 0;
    for (unsigned i = 0; i < PEERS && rc == 0; i++) {
        out[i] = (load){.chan = chan};
        in[i] = (load){.chan = chan, .first = i * (uint64_t)EACH};
        rc = drey_go(&producers, produce, &in[i]);
        if (rc == 0)
            rc = drey_try_go(&consumers, consume, &out[i]);
    }
    rc = drey_scope_close(&producers, rc);
    drey_chan_close(chan);
    rc = drey_scope_close(&consumers, rc);
    for (int i = 0; i < PEERS; i++) {
        count += out[i].count;
        sum += out[i].sum;
    }
    drey_chan_unref(chan);
    uint64_t all = (uint64_t)PEERS * EACH;
    DREY_CHECK_EQ(count, all);
    DREY_CHECK_EQ(sum, all * (all - 1) / 2);
    return rc;
}

static DREY_ASYNC int many_to_many_all(void)
{
    const size_t capacities[] = {0, 1, 3, 128};
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(many_to_many(capacities[i]), 0);
    return 0;
}

DREY_TEST(r5_exactly_once_with_one_worker, .schedules = 5)
{
    return many_to_many_all();
}

DREY_TEST(r5_exactly_once_with_two_workers, .workers = 2)
{
    return many_to_many_all();
}

DREY_TEST(r5_exactly_once_with_four_workers, .workers = 4)
{
    return many_to_many_all();
}

DREY_TEST_MAIN()
