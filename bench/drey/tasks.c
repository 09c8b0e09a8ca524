/* SPDX-License-Identifier: MIT */
/* Yielding: two tasks that alternate, and 100,000 in an order that is random in memory. */
#include "bench.h"

#include <stdlib.h>

enum { WALKERS = 100000, WALKER_YIELDS = 10 };

static DREY_ASYNC int yielder(void *arg)
{
    for (uint64_t i = *(const uint64_t *)arg; i > 0; i--)
        must(drey_yield());
    return 0;
}

static DREY_ASYNC void yield_pair(void *context, uint64_t n)
{
    (void)context;
    uint64_t each = n / 2;
    DREY_SCOPE(scope);
    must(drey_go(&scope, yielder, &each));
    must(drey_go(&scope, yielder, &each));
    must(drey_scope_close(&scope, 0));
}

DREY_ASYNC double bench_yield(void)
{
    return bench_steady(yield_pair, NULL);
}

/* One worker, so nothing here is contended. */
static struct {
    drey_gate *gates;
    int64_t start, end;
    unsigned waiting, awake, done;
} walk;

static DREY_ASYNC int walker(void *arg)
{
    int opened;
    walk.waiting++;
    must(drey_gate_wait(arg, &opened));
    must(drey_yield()); /* the first round still pays for the wake-up */
    if (walk.awake++ == 0)
        walk.start = bench_clock();
    for (int i = 0; i < WALKER_YIELDS; i++)
        must(drey_yield());
    if (++walk.done == WALKERS)
        walk.end = bench_clock();
    return 0;
}

static void shuffle(uint32_t *order)
{
    uint64_t random = 1;
    for (uint32_t i = 0; i < WALKERS; i++)
        order[i] = i;
    for (uint32_t i = WALKERS - 1; i > 0; i--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t j = (uint32_t)(random >> 33) % (i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

static DREY_ASYNC int64_t walk_once(void *order)
{
    const uint32_t *wake_order = order;
    walk.gates = calloc(WALKERS, sizeof(walk.gates[0]));
    walk.waiting = walk.awake = walk.done = 0;
    DREY_SCOPE(scope);
    for (int i = 0; i < WALKERS; i++)
        must(drey_go(&scope, walker, &walk.gates[i]));
    while (walk.waiting < WALKERS)
        must(drey_yield());
    for (int i = 0; i < WALKERS; i++)
        drey_gate_open(&walk.gates[wake_order[i]], 0);
    must(drey_scope_close(&scope, 0));
    free(walk.gates);
    return walk.end - walk.start;
}

DREY_ASYNC double bench_yield_100k(void)
{
    uint32_t *order = malloc(WALKERS * sizeof(order[0]));
    shuffle(order);
    double took = bench_batch(walk_once, order);
    free(order);
    return took / ((double)WALKERS * WALKER_YIELDS);
}
