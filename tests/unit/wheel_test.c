/* SPDX-License-Identifier: MIT */
/* The timing wheel by itself, against a plain array (I1, I2 of timer/wheel.h). */
#include "timer/wheel.h"

#include <drey/test.h>
#include <errno.h>

#include "base/base.h"
#include "base/random.h"

enum { TIMERS = 300, STEPS = 3000 };

static struct drey__wheel wheel;
static struct drey__timer timers[TIMERS];
static bool set[TIMERS];
static int64_t now;
static int early, out_of_order, fired;
static int64_t last_fired;

static void fire(struct drey__timer *t)
{
    size_t i = (size_t)(t - timers);
    early += t->when > now;
    out_of_order += t->when < last_fired;
    last_fired = t->when;
    set[i] = false;
    fired++;
}

static void start(int64_t at)
{
    now = at;
    last_fired = 0;
    drey__wheel_init(&wheel, at);
}

static void add(size_t i, int64_t when)
{
    timers[i].when = when;
    timers[i].fire = fire;
    set[i] = true;
    drey__wheel_add(&wheel, &timers[i]);
}

static bool bits_agree(void)
{
    for (unsigned l = 0; l < DREY__WHEEL_LEVELS; l++)
        for (unsigned s = 0; s < DREY__WHEEL_SLOTS; s++)
            if (((wheel.bits[l][s / 64] >> (s % 64)) & 1) == drey__list_empty(&wheel.slots[l][s]))
                return false;
    return true;
}

/* No timer that is due is left, and the next one is not promised later than it is. */
static int check(void)
{
    int64_t next = INT64_MAX;
    uint64_t pending = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        DREY_CHECK(!set[i] || timers[i].when > now);
        if (set[i] && timers[i].when < next)
            next = timers[i].when;
        pending += set[i];
    }
    DREY_CHECK_EQ(wheel.pending, pending);
    DREY_CHECK(pending == 0 ? drey__wheel_next(&wheel) == INT64_MAX : drey__wheel_next(&wheel) <= next);
    DREY_CHECK(pending == 0 || drey__wheel_next(&wheel) > now || drey__wheel_next(&wheel) <= next);
    return 0;
}

static int64_t some_duration(uint64_t *rng)
{
    return (int64_t)(drey__random(rng) >> (drey__random_below(rng, 44) + 18));
}

static int against_a_model(uint64_t seed)
{
    uint64_t rng = seed;
    start((int64_t)(drey__random(&rng) >> 10));
    for (int step = 0; step < STEPS; step++) {
        size_t i = drey__random_below(&rng, TIMERS);
        switch (drey__random_below(&rng, 4)) {
        case 0:
        case 1:
            if (!set[i])
                add(i, now + some_duration(&rng));
            break;
        case 2:
            drey__wheel_remove(&wheel, &timers[i]);
            set[i] = false;
            break;
        default:
            now = drey__random_below(&rng, 2) != 0 || wheel.pending == 0 ? now + some_duration(&rng) / 16
                                                                        : drey__wheel_next(&wheel);
            last_fired = 0;
            drey__wheel_advance(&wheel, now);
            if (check() < 0)
                return -EPROTO;
        }
        DREY_CHECK(bits_agree());
    }
    for (size_t i = 0; i < TIMERS; i++) {
        drey__wheel_remove(&wheel, &timers[i]);
        set[i] = false;
    }
    return 0;
}

DREY_TEST(never_early_never_lost_in_order, .no_runtime = true)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        DREY_CHECK_EQ(against_a_model(seed), 0);
    DREY_CHECK_EQ(early, 0);
    DREY_CHECK_EQ(out_of_order, 0);
    DREY_CHECK(fired > STEPS);
    return 0;
}

/* The worker sleeps until `next`, again and again: it gets there in a few steps, one a level. */
DREY_TEST(following_next_arrives, .no_runtime = true)
{
    for (int64_t d = 1; d < INT64_MAX / 8; d *= 5) {
        int steps = 0;
        start(12345);
        add(0, now + d);
        for (; set[0] && steps < 20; steps++) {
            int64_t next = drey__wheel_next(&wheel);
            DREY_CHECK(next <= timers[0].when);
            now = next > now ? next : now + 1;
            drey__wheel_advance(&wheel, now);
        }
        DREY_CHECK(!set[0]);
        DREY_CHECK_EQ(now, timers[0].when);
    }
    return 0;
}

DREY_TEST(far_ends_of_time, .no_runtime = true)
{
    start(1);
    add(0, INT64_MAX);
    add(1, 0);
    add(2, 1);
    drey__wheel_advance(&wheel, now);
    DREY_CHECK(set[0] && !set[1] && !set[2]);
    now = INT64_MAX;
    drey__wheel_advance(&wheel, now);
    DREY_CHECK(!set[0]);
    DREY_CHECK_EQ(wheel.pending, 0);
    return 0;
}

static struct drey__timer chain;
static int links;

static void fire_again(struct drey__timer *t)
{
    links++;
    if (links < 10) {
        t->when += DREY__WHEEL_TICK_SHIFT; /* due already */
        drey__wheel_add(&wheel, t);
    }
    drey__wheel_remove(&wheel, &timers[5]); /* which is due at the same instant */
    set[5] = false;
}

DREY_TEST(firing_may_add_and_remove, .no_runtime = true)
{
    start(1000);
    chain = (struct drey__timer){.when = 2000, .fire = fire_again};
    drey__wheel_add(&wheel, &chain);
    add(5, 2000);
    now = 3000000;
    drey__wheel_advance(&wheel, now);
    DREY_CHECK_EQ(links, 10);
    DREY_CHECK_EQ(fired, 0);
    DREY_CHECK_EQ(wheel.pending, 0);
    DREY_CHECK(bits_agree());
    return 0;
}

DREY_TEST(equal_times_in_order_of_setting, .no_runtime = true)
{
    start(1000);
    for (size_t i = 0; i < 50; i++)
        add(i, 5000);
    for (size_t i = 0; i < 50; i++) {
        DREY_CHECK(set[i]);
        now = 5000;
    }
    drey__wheel_next(&wheel); /* deals them to their slots */
    DREY_CHECK(wheel.slots[0][5000 >> DREY__WHEEL_TICK_SHIFT].next == &timers[0].link);
    DREY_CHECK_EQ(drey__wheel_advance(&wheel, now), 50);
    return 0;
}

DREY_TEST_MAIN()
