/* SPDX-License-Identifier: MIT */
/* Spawning and joining: one at a time, a batch (or as many small ones as make one), a tree. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 100000, FAN_OUT = 10, LEAVES = 1000000 };

static int trivial(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC void spawn_and_join(void *context, uint64_t n)
{
    (void)context;
    DREY_SCOPE(scope);
    for (uint64_t i = 0; i < n; i++) {
        drey_task *task;
        int result;
        must(drey_spawn(&scope, trivial, NULL, &task));
        must(drey_join(task, &result));
    }
    must(drey_scope_close(&scope, 0));
}

DREY_ASYNC double bench_spawn_join(void)
{
    return bench_steady(spawn_and_join, NULL);
}

typedef struct {
    uint64_t tasks, times;
} batches;

static DREY_ASYNC int64_t batch_once(void *arg)
{
    const batches *all = arg;
    int64_t start = bench_clock();
    for (uint64_t time = 0; time < all->times; time++) {
        DREY_SCOPE(scope);
        for (uint64_t i = 0; i < all->tasks; i++)
            must(drey_go(&scope, trivial, NULL));
        must(drey_scope_close(&scope, 0));
    }
    return bench_clock() - start;
}

DREY_ASYNC double bench_spawn_batch(void)
{
    batches all = {.tasks = bench_sized(BATCH), .times = 1};
    if (all.tasks < BATCH)
        all.times = BATCH / all.tasks;
    return bench_batch(batch_once, &all) / (double)(all.tasks * all.times);
}

typedef struct {
    uint64_t first, leaves, sum;
} node;

static DREY_ASYNC int skynet(void *arg)
{
    node *self = arg;
    if (self->leaves == 1) {
        self->sum = self->first;
        return 0;
    }
    node children[FAN_OUT];
    drey_task *tasks[FAN_OUT];
    uint64_t leaves = self->leaves / FAN_OUT;
    DREY_SCOPE(scope);
    for (unsigned i = 0; i < FAN_OUT; i++) {
        children[i] = (node){.first = self->first + i * leaves, .leaves = leaves};
        must(drey_spawn(&scope, skynet, &children[i], &tasks[i]));
    }
    self->sum = 0;
    for (unsigned i = 0; i < FAN_OUT; i++) {
        int result;
        must(drey_join(tasks[i], &result));
        self->sum += children[i].sum;
    }
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int64_t skynet_once(void *context)
{
    (void)context;
    node root = {.first = 0, .leaves = LEAVES};
    int64_t start = bench_clock();
    must(skynet(&root));
    int64_t took = bench_clock() - start;
    if (root.sum != (uint64_t)LEAVES * (LEAVES - 1) / 2) {
        fprintf(stderr, "bench-drey: skynet: wrong sum\n");
        exit(1);
    }
    return took;
}

DREY_ASYNC double bench_skynet(void)
{
    return bench_batch(skynet_once, NULL) / 1e6;
}
