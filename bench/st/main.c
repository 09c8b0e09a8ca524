/* SPDX-License-Identifier: MIT */
/* State Threads' side of the table: bench-st BENCH WORKERS. It has one thread, and no channels: the one here is a
 * slot with a condition variable, which is what its programs write. Status 3 for what it does not offer. */
#define _GNU_SOURCE
#include "../single.h"

#include <st.h>
#include <stdbool.h>

enum { STACK_BYTES = 65536 };

static st_mutex_t mutex;
static volatile uint64_t counter;

static st_thread_t start(void *(*fn)(void *), void *arg)
{
    st_thread_t thread = st_thread_create(fn, arg, 1, STACK_BYTES);
    need(thread != NULL, "create");
    return thread;
}

/* There is no yield: a sleep of no time is what the manual offers for it. */
static void *yielder(void *arg)
{
    for (uint64_t i = *(const uint64_t *)arg; i > 0; i--)
        st_usleep(0);
    return NULL;
}

static void yield_pair(uint64_t n)
{
    uint64_t each = n / 2;
    st_thread_t one = start(yielder, &each), other = start(yielder, &each);
    need(st_thread_join(one, NULL) == 0 && st_thread_join(other, NULL) == 0, "join");
}

static void *nothing(void *arg)
{
    return arg;
}

static void spawn_join(uint64_t n)
{
    while (n-- > 0)
        need(st_thread_join(start(nothing, NULL), NULL) == 0, "join");
}

typedef struct {
    uint64_t message;
    bool full;
    st_cond_t changed;
} slot;

typedef struct {
    slot there, here;
    uint64_t n;
} exchange;

static void put(slot *s, uint64_t message)
{
    while (s->full)
        st_cond_wait(s->changed);
    s->message = message;
    s->full = true;
    st_cond_signal(s->changed);
}

static uint64_t take(slot *s)
{
    while (!s->full)
        st_cond_wait(s->changed);
    s->full = false;
    st_cond_signal(s->changed);
    return s->message;
}

static void *echo(void *arg)
{
    exchange *ex = arg;
    for (uint64_t i = 0; i < ex->n; i++)
        put(&ex->here, take(&ex->there));
    return NULL;
}

static void pingpong(uint64_t n)
{
    exchange ex = {.there.changed = st_cond_new(), .here.changed = st_cond_new(), .n = n};
    st_thread_t other = start(echo, &ex);
    for (uint64_t i = 0; i < n; i++) {
        put(&ex.there, i);
        need(take(&ex.here) == i, "echo");
    }
    need(st_thread_join(other, NULL) == 0, "join");
    st_cond_destroy(ex.there.changed);
    st_cond_destroy(ex.here.changed);
}

static void lock_pairs(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        st_mutex_lock(mutex);
        counter++;
        st_mutex_unlock(mutex);
    }
}

static const bench BENCHES[] = {
    {"yield", yield_pair}, {"spawn_join", spawn_join}, {"chan_pingpong", pingpong}, {"mutex", lock_pairs}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    need(st_set_eventsys(ST_EVENTSYS_ALT) == 0 && st_init() == 0, "start");
    mutex = st_mutex_new();
    return single_main("st", BENCHES, argc, argv);
}
