/* SPDX-License-Identifier: MIT */
/* Channels as cases of a select (R6). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

typedef struct {
    drey_chan *here, *there;
    uint64_t in, out;
    int which, result;
} choice;

static drey_chan *channel(size_t capacity)
{
    drey_chan *chan;
    return drey_chan_new((drey_chan_options){.message_bytes = 8, .capacity = capacity}, &chan) == 0 ? chan : NULL;
}

DREY_TEST(r6_ready_cases_happen_at_once)
{
    drey_chan *chan = channel(1);
    uint64_t out = 5, in = 0;
    drey_case cases[] = {drey_on_recv(chan, &in), drey_on_send(chan, &out)};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    DREY_CHECK_EQ(cases[1].result, 0);
    DREY_CHECK_EQ(drey_select(cases, 2), 0);
    DREY_CHECK_EQ(in, 5);
    DREY_CHECK_EQ(drey_try_select(cases, 1), -EAGAIN);
    drey_chan_close(chan);
    DREY_CHECK_EQ(drey_select(cases, 1), 0);
    DREY_CHECK_EQ(cases[0].result, -EPIPE);
    drey_chan_unref(chan);
    return 0;
}

/* Send on one rendezvous or receive from it: never with oneself. */
DREY_TEST(r6_a_select_does_not_meet_itself)
{
    drey_chan *chan = channel(0);
    uint64_t out = 5, in = 0;
    drey_case cases[] = {drey_on_recv(chan, &in), drey_on_send(chan, &out), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(cases, 3), 2);
    DREY_CHECK_EQ(in, 0);
    drey_chan_unref(chan);
    return 0;
}

static DREY_ASYNC int choose(void *arg)
{
    choice *c = arg;
    drey_case cases[] = {drey_on_send(c->here, &c->out), drey_on_recv(c->there, &c->in)};
    c->which = drey_select(cases, 2);
    c->result = c->which >= 0 ? cases[c->which].result : c->which;
    return 0;
}

/* Two selects that can serve each other on two channels: exactly one of the two messages moves. */
static DREY_ASYNC int selects_meet(void)
{
    for (int round = 0; round < 200; round++) {
        drey_chan *one = channel(0), *two = channel(0);
        choice a = {one, two, 0, 1, -1, -1}, b = {two, one, 0, 2, -1, -1};
        DREY_SCOPE(scope, .spread = true);
        int rc = drey_go(&scope, choose, &a);
        if (rc == 0)
            rc = drey_go(&scope, choose, &b);
        rc = drey_scope_close(&scope, rc);
        drey_chan_unref(one);
        drey_chan_unref(two);
        DREY_CHECK_EQ(rc, 0);
        DREY_CHECK(a.result == 0 && b.result == 0);
        DREY_CHECK_EQ(a.which + b.which, 1);
        DREY_CHECK_EQ(a.in, a.which == 1 ? 2 : 0);
        DREY_CHECK_EQ(b.in, b.which == 1 ? 1 : 0);
    }
    return 0;
}

DREY_TEST(r6_two_selects_meet, .schedules = 5)
{
    return selects_meet();
}

DREY_TEST(r6_two_selects_meet_on_two_workers, .workers = 2)
{
    return selects_meet();
}

DREY_TEST(r6_two_selects_meet_on_four_workers, .workers = 4)
{
    return selects_meet();
}

/* A waiting select is served by plain calls, and its other cases are withdrawn. */
static DREY_ASYNC int served_by(bool by_receiver, bool by_close)
{
    drey_chan *here = channel(0), *there = channel(3);
    choice c = {here, there, 0, 6, -1, -1};
    uint64_t message = 8;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, choose, &c);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (by_close)
        drey_chan_close(by_receiver ? here : there);
    else if (rc == 0)
        rc = by_receiver ? drey_chan_recv(here, &message) : drey_chan_send(there, &message);
    rc = drey_scope_close(&scope, rc);
    int left_here = drey_chan_try_recv(here, &message), left_there = drey_chan_try_recv(there, &message);
    drey_chan_unref(here);
    drey_chan_unref(there);
    DREY_CHECK_EQ(c.which, by_receiver ? 0 : 1);
    DREY_CHECK_EQ(c.result, by_close ? -EPIPE : 0);
    DREY_CHECK_EQ(message, by_receiver && !by_close ? 6 : 8);
    DREY_CHECK(left_here < 0 && left_there < 0);
    return rc;
}

DREY_TEST(r6_a_waiting_select_is_served)
{
    DREY_CHECK_EQ(served_by(true, false), 0);
    DREY_CHECK_EQ(served_by(false, false), 0);
    DREY_CHECK_EQ(served_by(true, true), 0);
    DREY_CHECK_EQ(served_by(false, true), 0);
    return 0;
}

DREY_TEST(r5_a_cancelled_select_moves_nothing)
{
    drey_chan *here = channel(0), *there = channel(1);
    choice c = {here, there, 0, 6, -1, -1};
    uint64_t message = 8;
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    int rc = drey_scope_close(&scope, drey_go(&scope, choose, &c));
    int got = drey_chan_try_recv(here, &message), put = drey_chan_try_send(there, &message);
    int back = drey_chan_try_recv(there, &message);
    drey_chan_unref(here);
    drey_chan_unref(there);
    DREY_CHECK_EQ(c.which, -ECANCELED);
    DREY_CHECK_EQ(got, -EAGAIN);
    DREY_CHECK_EQ(put, 0);
    DREY_CHECK_EQ(back, 0);
    return rc;
}

enum { PEERS = 3, EACH = 2000 };

typedef struct {
    drey_chan *chans[2];
    uint64_t first, sum, count;
} load;

static DREY_ASYNC int produce(void *arg)
{
    load *l = arg;
    for (uint64_t i = 0; i < EACH; i++) {
        uint64_t message = l->first + i;
        drey_case cases[] = {drey_on_send(l->chans[0], &message), drey_on_send(l->chans[1], &message)};
        int which = drey_select(cases, 2);
        if (which < 0 || cases[which].result < 0)
            return -EIO;
    }
    return 0;
}

/* Until both are closed: a closed one is switched off. */
static DREY_ASYNC int consume(void *arg)
{
    load *l = arg;
    uint64_t message;
    drey_case cases[] = {drey_on_recv(l->chans[0], &message), drey_on_recv(l->chans[1], &message)};
    for (int open = 2; open > 0;) {
        int which = drey_select(cases, 2);
        if (which < 0)
            return which;
        if (cases[which].result < 0) {
            cases[which] = drey_on_never();
            open--;
            continue;
        }
        l->sum += message;
        l->count++;
    }
    return 0;
}

static DREY_ASYNC int many_to_many(size_t first_capacity, size_t second_capacity)
{
    drey_chan *one = channel(first_capacity), *two = channel(second_capacity);
    load in[PEERS], out[PEERS];
    uint64_t count = 0, sum = 0;
    DREY_SCOPE(consumers, .spread = true);
    DREY_SCOPE(producers, .spread = true);
    int rc = 0;
    for (unsigned i = 0; i < PEERS && rc == 0; i++) {
        out[i] = (load){.chans = {one, two}};
        in[i] = (load){.chans = {one, two}, .first = i * (uint64_t)EACH};
        rc = drey_go(&producers, produce, &in[i]);
        if (rc == 0)
            rc = drey_try_go(&consumers, consume, &out[i]);
    }
    rc = drey_scope_close(&producers, rc);
    drey_chan_close(one);
    drey_chan_close(two);
    rc = drey_scope_close(&consumers, rc);
    for (int i = 0; i < PEERS; i++) {
        count += out[i].count;
        sum += out[i].sum;
    }
    drey_chan_unref(one);
    drey_chan_unref(two);
    uint64_t all = (uint64_t)PEERS * EACH;
    DREY_CHECK_EQ(count, all);
    DREY_CHECK_EQ(sum, all * (all - 1) / 2);
    return rc;
}

static DREY_ASYNC int many_to_many_all(void)
{
    DREY_CHECK_EQ(many_to_many(0, 0), 0);
    DREY_CHECK_EQ(many_to_many(0, 2), 0);
    DREY_CHECK_EQ(many_to_many(1, 5), 0);
    return 0;
}

DREY_TEST(r6_exactly_once_through_selects, .schedules = 3)
{
    return many_to_many_all();
}

DREY_TEST(r6_exactly_once_through_selects_on_two_workers, .workers = 2)
{
    return many_to_many_all();
}

DREY_TEST(r6_exactly_once_through_selects_on_four_workers, .workers = 4)
{
    return many_to_many_all();
}

DREY_TEST_MAIN()
