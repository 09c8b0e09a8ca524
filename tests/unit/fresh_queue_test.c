/* SPDX-License-Identifier: MIT */
/* The queue of unstarted tasks by itself (I1 to I3 of sched/fresh.h). */
#include "sched/fresh.h"

#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "base/random.h"

enum { TASKS = 1000, STORM = 300000, LOOT = 64 };

static struct drey_task tasks[TASKS];
static struct drey__fresh queue;

static size_t number(const struct drey_task *t)
{
    return (size_t)(t - tasks);
}

/* Only tasks with a handle are taken out by name. */
static void give_handles(void)
{
    for (size_t i = 0; i < TASKS; i++)
        tasks[i].flags = DREY__HANDLE;
}

DREY_TEST(r8_first_in_first_out_while_it_grows, .no_runtime = true)
{
    size_t in = 0, out = 0;
    DREY_CHECK_EQ(drey__fresh_init(&queue), 0);
    while (out < TASKS) {
        for (int i = 0; i < 3 && in < TASKS; i++)
            drey__fresh_push(&queue, &tasks[in++]);
        DREY_CHECK_EQ(number(drey__fresh_pop(&queue)), out++);
        DREY_CHECK_EQ(drey__fresh_count(&queue), in - out);
    }
    DREY_CHECK(drey__fresh_pop(&queue) == NULL);
    drey__fresh_deinit(&queue);
    return 0;
}

/* I3 */
DREY_TEST(r14_take_out_of_the_middle, .no_runtime = true)
{
    uint64_t rng = 1;
    bool taken[TASKS] = {false};
    give_handles();
    DREY_CHECK_EQ(drey__fresh_init(&queue), 0);
    for (size_t i = 0; i < TASKS; i++)
        drey__fresh_push(&queue, &tasks[i]);
    for (int i = 0; i < TASKS; i++) {
        size_t n = drey__random_below(&rng, TASKS);
        DREY_CHECK_EQ(drey__fresh_take(&queue, &tasks[n]), !taken[n]);
        taken[n] = true;
        if (i % 10 == 0) { /* as good as new, at the end */
            drey__fresh_push(&queue, &tasks[n]);
            DREY_CHECK(drey__fresh_take(&queue, &tasks[n]));
        }
    }
    for (size_t i = 0; i < TASKS; i++)
        if (!taken[i])
            DREY_CHECK_EQ(number(drey__fresh_pop(&queue)), i);
    DREY_CHECK(drey__fresh_pop(&queue) == NULL);
    DREY_CHECK_EQ(drey__fresh_count(&queue), 0);
    drey__fresh_deinit(&queue);
    return 0;
}

DREY_TEST(any_of_them_by_the_seed, .no_runtime = true)
{
    uint64_t rng = 7;
    bool seen[TASKS] = {false};
    DREY_CHECK_EQ(drey__fresh_init(&queue), 0);
    for (size_t i = 0; i < TASKS; i++)
        drey__fresh_push(&queue, &tasks[i]);
    for (uint32_t left = TASKS; left > 0; left--) {
        struct drey_task *t = drey__fresh_pop_at(&queue, drey__random_below(&rng, left));
        DREY_CHECK(t != NULL && !seen[number(t)]);
        seen[number(t)] = true;
    }
    DREY_CHECK(drey__fresh_pop_at(&queue, 0) == NULL);
    drey__fresh_deinit(&queue);
    return 0;
}

/* R19: without memory for a larger ring nothing is lost. */
DREY_TEST(r19_no_memory_to_grow, .no_runtime = true)
{
    bool seen[TASKS] = {false};
    DREY_CHECK_EQ(drey__fresh_init(&queue), 0);
    for (size_t i = 0; i < TASKS; i++) {
        drey__alloc_fail_at(1);
        drey__fresh_push(&queue, &tasks[i]);
    }
    drey__alloc_fail_at(0);
    for (size_t i = 0; i < TASKS; i++) {
        struct drey_task *t = drey__fresh_pop(&queue);
        DREY_CHECK(t != NULL && !seen[number(t)]);
        seen[number(t)] = true;
    }
    drey__fresh_deinit(&queue);
    return 0;
}

/* One owner, two that ask and steal; each task goes to exactly one of them, and comes back by a counter. */
static _Atomic int taken_count[TASKS];
static _Atomic uint64_t stolen;
static _Atomic bool stop;

static void *steal(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    struct drey_task *loot[LOOT];
    while (!atomic_load(&stop)) {
        if (!drey__fresh_ask(&queue, self)) {
            sched_yield();
            continue;
        }
        uint32_t n;
        drey__fresh_steal(&queue, self, loot, LOOT, &n);
        for (uint32_t i = 0; i < n; i++)
            atomic_fetch_add(&taken_count[number(loot[i])], 1);
        atomic_fetch_add(&stolen, n);
        drey__fresh_withdraw(&queue, self);
    }
    return NULL;
}

/* The owner's turn: a task that is out may be pushed again. */
static int own(uint64_t *rng, int *out)
{
    size_t n = drey__random_below(rng, TASKS);
    struct drey_task *t;
    if (atomic_load(&taken_count[n]) == 1) {
        atomic_store(&taken_count[n], 0);
        drey__fresh_push(&queue, &tasks[n]);
    }
    switch (drey__random_below(rng, 3)) {
    case 0:
        t = drey__fresh_pop(&queue);
        break;
    case 1:
        t = drey__fresh_take(&queue, &tasks[n]) ? &tasks[n] : NULL;
        break;
    default:
        return 0;
    }
    *out += t != NULL;
    DREY_CHECK(t == NULL || atomic_fetch_add(&taken_count[number(t)], 1) == 0);
    return 0;
}

DREY_TEST(i1_stealing_takes_each_once, .no_runtime = true)
{
    pthread_t thieves[2];
    uint64_t rng = 3;
    int popped = 0;
    drey__multi = true;
    drey__fresh_setup();
    give_handles();
    DREY_CHECK_EQ(drey__fresh_init(&queue), 0);
    for (size_t i = 0; i < TASKS; i++)
        atomic_store(&taken_count[i], 1);
    for (uintptr_t i = 0; i < 2; i++)
        DREY_CHECK_EQ(pthread_create(&thieves[i], NULL, steal, (void *)(i + 1)), 0);
    for (int i = 0; i < STORM; i++)
        if (own(&rng, &popped) < 0)
            return -EPROTO;
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thieves[i], NULL);
    struct drey_task *t;
    while ((t = drey__fresh_pop(&queue)) != NULL)
        atomic_fetch_add(&taken_count[number(t)], 1);
    for (size_t i = 0; i < TASKS; i++)
        DREY_CHECK_EQ(atomic_load(&taken_count[i]), 1);
    DREY_CHECK(popped > 0);
    DREY_CHECK(atomic_load(&stolen) > 0);
    DREY_CHECK_EQ(drey__fresh_count(&queue), 0);
    drey__fresh_deinit(&queue);
    drey__multi = false;
    return 0;
}

DREY_TEST_MAIN()
