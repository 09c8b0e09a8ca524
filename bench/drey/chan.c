/* SPDX-License-Identifier: MIT */
/* Messages between tasks: of 8 bytes, or SIZE. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>

enum { CAPACITY = 128, PEERS = 4 };

typedef struct {
    drey_chan *there, *here;
    uint64_t n;
} exchange;

static drey_chan *channel(size_t capacity)
{
    drey_chan *chan;
    size_t bytes = bench_sized(sizeof(uint64_t));
    must(drey_chan_new((drey_chan_options){.message_bytes = bytes, .capacity = capacity}, &chan));
    return chan;
}

/* On the heap: a large one would not fit a task's stack. */
static void *new_message(void)
{
    return calloc(1, bench_sized(sizeof(uint64_t)));
}

static DREY_ASYNC int echo(void *arg)
{
    exchange *ex = arg;
    void *message = new_message();
    while (drey_chan_recv(ex->there, message) == 0)
        must(drey_chan_send(ex->here, message));
    free(message);
    return 0;
}

static DREY_ASYNC int caller(void *arg)
{
    exchange *ex = arg;
    uint64_t *message = new_message();
    for (uint64_t i = 0; i < ex->n; i++) {
        *message = i;
        must(drey_chan_send(ex->there, message));
        must(drey_chan_recv(ex->here, message));
    }
    free(message);
    drey_chan_close(ex->there);
    return 0;
}

static DREY_ASYNC void pingpong(void *context, uint64_t n)
{
    (void)context;
    exchange ex = {channel(1), channel(1), n};
    DREY_SCOPE(scope);
    must(drey_go(&scope, echo, &ex));
    must(drey_go(&scope, caller, &ex));
    must(drey_scope_close(&scope, 0));
    drey_chan_unref(ex.there);
    drey_chan_unref(ex.here);
}

DREY_ASYNC double bench_chan_pingpong(void)
{
    return bench_steady(pingpong, NULL);
}

static DREY_ASYNC int produce(void *arg)
{
    exchange *ex = arg;
    uint64_t *message = new_message();
    for (uint64_t i = 0; i < ex->n / PEERS; i++) {
        *message = i;
        must(drey_chan_send(ex->there, message));
    }
    free(message);
    return 0;
}

static DREY_ASYNC int consume(void *arg)
{
    exchange *ex = arg;
    void *message = new_message();
    int rc;
    while ((rc = drey_chan_recv(ex->there, message)) == 0)
        continue;
    free(message);
    return rc == -EPIPE ? 0 : rc;
}

static DREY_ASYNC void mpmc(void *context, uint64_t n)
{
    (void)context;
    exchange ex = {.there = channel(CAPACITY), .n = n};
    DREY_SCOPE(consumers);
    for (int i = 0; i < PEERS; i++)
        must(drey_go(&consumers, consume, &ex));
    DREY_SCOPE(producers);
    for (int i = 0; i < PEERS; i++)
        must(drey_go(&producers, produce, &ex));
    must(drey_scope_close(&producers, 0));
    drey_chan_close(ex.there);
    must(drey_scope_close(&consumers, 0));
    drey_chan_unref(ex.there);
}

DREY_ASYNC double bench_chan_mpmc(void)
{
    return bench_steady(mpmc, NULL);
}
