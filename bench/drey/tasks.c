/* SPDX-License-Identifier: MIT */
/* Yielding: two tasks that alternate, and 100,000 (or SIZE) in an order that is random in memory. */
#include "bench.h"

#include <stdlib.h>

enum { WALKERS = 100000, YIELDS = 1000000 };     /* of all walkers together */

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
    uint64_t walkers, yields, waiting, awake, done;
} walk;

static DREY_ASYNC int walker(void *arg)
{
    int opened;
    walk.waiting++;
    must(drey_gate_wait(arg, &opened));
    must(drey_yield()); /* the first round still pays for the wake-up */
    if (walk.awake++ == 0)
        walk.start = bench_clock();
    for (uint64_t i = 0; i < walk.yields; i++)
        must(drey_yield());
    if (++walk.done == walk.walkers)
        walk.end = bench_clock();
    return 0;
}

static void shuffle(uint32_t *order)
{
    uint64_t random = 1;
    for (uint32_t i = 0; i < walk.walkers; i++)
        order[i] = i;
    for (uint32_t i = (uint32_t)walk.walkers - 1; i > 0; i--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t j = (uint32_t)(random >> 33) % (i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

static DREY_ASYNC int64_t walk_once(void *order)
{
    const uint32_t *wake_order = order;
    walk.gates = calloc(walk.walkers, sizeof(walk.gates[0]));
    walk.waiting = walk.awake = walk.done = 0;
    DREY_SCOPE(scope);
    for (uint64_t i = 0; i < walk.walkers; i++)
        must(drey_go(&scope, walker, &walk.gates[i]));
    while (walk.waiting < walk.walkers)
        must(drey_yield());
    for (uint64_t i = 0; i < walk.walkers; i++)
        drey_gate_open(&walk.gates[wake_order[i]], 0);
    must(drey_scope_close(&scope, 0));
    free(walk.gates);
    return walk.end - walk.start;
}

DREY_ASYNC double bench_yield_100k(void)
{
    walk.walkers = bench_sized(WALKERS);
    walk.yields = walk.walkers < YIELDS ? YIELDS / walk.walkers : 1;
    uint32_t *order = malloc(walk.walkers * sizeof(order[0]));
    shuffle(order);
    double took = bench_batch(walk_once, order);
    free(order);
    return took / (double)(walk.walkers * walk.yields);
}
