/* SPDX-License-Identifier: MIT */
/* sharing WORK WORKERS: three benchmarks in which workers meet, with count.c watching. tools/sharing.py builds it. */
#include "count.h"

#include <drey.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 100000, LOCKS = 200000, MESSAGES = 200000, CONTENDERS = 64, PEERS = 4, TIMES = 3 };

typedef DREY_ASYNC int work_fn(void);

static void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "sharing: %s\n", strerror(-rc));
    exit(1);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC int spawn_batch(void)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < TASKS; i++)
        must(drey_go(&scope, nothing, NULL));
    must(drey_scope_close(&scope, 0));
    return TASKS;
}

/* Far from each other, so that they do not share a line by accident. */
static struct {
    _Alignas(128) drey_mutex mutex;
    _Alignas(128) uint64_t counter;
} guarded;

static DREY_ASYNC int contend(void *arg)
{
    (void)arg;
    for (int i = 0; i < LOCKS / CONTENDERS; i++) {
        must(drey_mutex_lock(&guarded.mutex));
        guarded.counter++;
        drey_mutex_unlock(&guarded.mutex);
    }
    return 0;
}

static DREY_ASYNC int mutex_64(void)
{
    DREY_SCOPE(scope, .limit = CONTENDERS, .spread = true);
    for (int i = 0; i < CONTENDERS; i++)
        must(drey_go(&scope, contend, NULL));
    must(drey_scope_close(&scope, 0));
    return LOCKS;
}

static DREY_ASYNC int produce(void *arg)
{
    for (uint64_t i = 0; i < MESSAGES / PEERS; i++)
        must(drey_chan_send(arg, &i));
    return 0;
}

static DREY_ASYNC int consume(void *arg)
{
    uint64_t message;
    while (drey_chan_recv(arg, &message) == 0)
        continue;
    return 0;
}

static DREY_ASYNC int chan_mpmc(void)
{
    drey_chan *chan;
    must(drey_chan_new((drey_chan_options){.message_bytes = sizeof(uint64_t), .capacity = 128}, &chan));
    DREY_SCOPE(consumers);
    for (int i = 0; i < PEERS; i++)
        must(drey_go(&consumers, consume, chan));
    DREY_SCOPE(producers);
    for (int i = 0; i < PEERS; i++)
        must(drey_go(&producers, produce, chan));
    must(drey_scope_close(&producers, 0));
    drey_chan_close(chan);
    must(drey_scope_close(&consumers, 0));
    drey_chan_unref(chan);
    return MESSAGES;
}

static const struct {
    const char *name;
    work_fn *run;
} WORKS[] = {{"spawn_batch", spawn_batch}, {"mutex_64", mutex_64}, {"chan_mpmc", chan_mpmc}};

/* The first time warms up. */
static DREY_ASYNC int watch(void *arg)
{
    work_fn *const *run = arg;
    int operations = 0;
    must((*run)());
    sharing_count();
    for (int i = 0; i < TIMES; i++)
        operations += (*run)();
    sharing_report(operations);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned workers = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    for (size_t i = 0; workers > 0 && i < sizeof(WORKS) / sizeof(WORKS[0]); i++)
        if (strcmp(argv[1], WORKS[i].name) == 0) {
            work_fn *run = WORKS[i].run;
            must(drey_run(&(drey_config){.workers = workers}, watch, &run));
            return 0;
        }
    fprintf(stderr, "usage: sharing spawn_batch|mutex_64|chan_mpmc WORKERS\n");
    return 2;
}
