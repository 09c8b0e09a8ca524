/* SPDX-License-Identifier: MIT */
/* guard OPERATION N: performs it N times on one worker. tools/guard.py runs it under valgrind twice, with N and 2 N;
 * the difference is what an operation costs in instructions, free of what starting and ending the runtime costs. */
#include <drey.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef DREY_ASYNC void guard_fn(uint64_t n);

typedef struct {
    const char *name;
    guard_fn *run;
    uint64_t n;
} operation;

static void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "guard: %s\n", strerror(-rc));
    exit(1);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC void spawn_join(uint64_t n)
{
    DREY_SCOPE(scope);
    for (uint64_t i = 0; i < n; i++) {
        drey_task *task = NULL;
        int result;
        must(drey_spawn(&scope, nothing, NULL, &task));
        must(drey_join(task, &result));
    }
    must(drey_scope_close(&scope, 0));
}

/* In batches of a hundred, so that more work does not mean more memory. */
static DREY_ASYNC void go_run(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 100) {
        DREY_SCOPE(scope);
        for (int k = 0; k < 100; k++)
            must(drey_go(&scope, nothing, NULL));
        must(drey_scope_close(&scope, 0));
    }
}

static DREY_ASYNC int yielder(void *arg)
{
    for (uint64_t i = *(const uint64_t *)arg; i > 0; i--)
        must(drey_yield());
    return 0;
}

static DREY_ASYNC void yield_among(uint64_t tasks, uint64_t n)
{
    uint64_t each = n / tasks;
    DREY_SCOPE(scope);
    for (uint64_t i = 0; i < tasks; i++)
        must(drey_go(&scope, yielder, &each));
    must(drey_scope_close(&scope, 0));
}

static DREY_ASYNC void yield(uint64_t n)
{
    yield_among(2, n);
}

/* Enough of them that those to come are fetched ahead: without that they would take fewer instructions, and longer. */
static DREY_ASYNC void yield_100(uint64_t n)
{
    yield_among(100, n);
}

static DREY_ASYNC void mutex(uint64_t n)
{
    static drey_mutex lock;
    for (uint64_t i = 0; i < n; i++) {
        must(drey_mutex_lock(&lock));
        drey_mutex_unlock(&lock);
    }
}

static drey_chan *channel(size_t capacity)
{
    drey_chan *chan;
    must(drey_chan_new((drey_chan_options){.message_bytes = sizeof(uint64_t), .capacity = capacity}, &chan));
    return chan;
}

/* There is room for the message, and then a message: nobody waits. */
static DREY_ASYNC void send_receive(uint64_t n)
{
    drey_chan *chan = channel(1);
    for (uint64_t i = 0, received; i < n; i++) {
        must(drey_chan_send(chan, &i));
        must(drey_chan_recv(chan, &received));
    }
    drey_chan_unref(chan);
}

static DREY_ASYNC int send_all(void *arg)
{
    drey_chan *chan = arg;
    uint64_t message = 0;
    int rc;
    while ((rc = drey_chan_send(chan, &message)) == 0)
        continue;
    return 0;
}

/* Each message wakes the other side. */
static DREY_ASYNC void hand_over(uint64_t n)
{
    drey_chan *chan = channel(1);
    DREY_SCOPE(scope);
    must(drey_go(&scope, send_all, chan));
    for (uint64_t i = 0, received; i < n; i++)
        must(drey_chan_recv(chan, &received));
    drey_chan_close(chan);
    must(drey_scope_close(&scope, 0));
    drey_chan_unref(chan);
}

static DREY_ASYNC void timer(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        DREY_SCOPE(scope, .timeout = DREY_SEC(3600));
        must(drey_scope_close(&scope, 0));
    }
}

static const operation OPERATIONS[] = {
    {"spawn_join", spawn_join, 0}, {"go_run", go_run, 0}, {"yield", yield, 0},
    {"yield_100", yield_100, 0},   {"mutex", mutex, 0},   {"send_receive", send_receive, 0},
    {"hand_over", hand_over, 0},   {"timer", timer, 0},
};

static DREY_ASYNC int perform(void *arg)
{
    const operation *asked = arg;
    asked->run(asked->n);
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++)
        if (strcmp(argv[1], OPERATIONS[i].name) == 0) {
            operation asked = {argv[1], OPERATIONS[i].run, strtoul(argv[2], NULL, 10)};
            must(drey_run(&(drey_config){.workers = 1, .io = DREY_IO_EPOLL}, perform, &asked));
            return 0;
        }
    fprintf(stderr, "usage: guard OPERATION N\n");
    return 2;
}
