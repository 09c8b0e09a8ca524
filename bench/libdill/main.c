/* SPDX-License-Identifier: MIT */
/* libdill's side of the table: bench-libdill BENCH WORKERS. It has one thread, and its channels have no buffer.
 * Status 3 for what it does not offer. */
#define _GNU_SOURCE
#include "../single.h"

#include <errno.h>
#include <libdill.h>

enum { PEERS = 4 };

static coroutine void yielder(uint64_t n)
{
    while (n-- > 0)
        need(yield() == 0, "yield");
}

static void yield_pair(uint64_t n)
{
    int both = bundle();
    need(bundle_go(both, yielder(n / 2)) == 0 && bundle_go(both, yielder(n / 2)) == 0, "go");
    need(bundle_wait(both, -1) == 0, "wait");
    hclose(both);
}

static coroutine void nothing(void)
{
}

static void spawn_join(uint64_t n)
{
    while (n-- > 0) {
        int child = go(nothing());
        need(child >= 0, "go");
        hclose(child);
    }
}

static coroutine void echo(int end)
{
    uint64_t message;
    while (chrecv(end, &message, sizeof(message), -1) == 0)
        need(chsend(end, &message, sizeof(message), -1) == 0, "send");
}

/* A channel of libdill has two ends, and carries messages both ways. */
static void pingpong(uint64_t n)
{
    int ends[2];
    need(chmake(ends) == 0, "channel");
    int other = go(echo(ends[1]));
    for (uint64_t i = 0; i < n; i++) {
        uint64_t message = i;
        need(chsend(ends[0], &message, sizeof(message), -1) == 0, "send");
        need(chrecv(ends[0], &message, sizeof(message), -1) == 0, "receive");
    }
    hclose(other);
    hclose(ends[0]);
    hclose(ends[1]);
}

static coroutine void produce(int end, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        need(chsend(end, &i, sizeof(i), -1) == 0, "send");
}

static coroutine void consume(int end)
{
    uint64_t message;
    while (chrecv(end, &message, sizeof(message), -1) == 0)
        continue;
    need(errno == EPIPE, "receive");
}

static void mpmc(uint64_t n)
{
    int ends[2], consumers = bundle(), producers = bundle();
    need(chmake(ends) == 0, "channel");
    for (int i = 0; i < PEERS; i++) {
        need(bundle_go(consumers, consume(ends[1])) == 0, "go");
        need(bundle_go(producers, produce(ends[0], n / PEERS)) == 0, "go");
    }
    need(bundle_wait(producers, -1) == 0, "wait");
    chdone(ends[0]);
    need(bundle_wait(consumers, -1) == 0, "wait");
    hclose(producers);
    hclose(consumers);
    hclose(ends[0]);
    hclose(ends[1]);
}

static const bench BENCHES[] = {
    {"yield", yield_pair}, {"spawn_join", spawn_join}, {"chan_pingpong", pingpong}, {"chan_mpmc", mpmc}, {NULL, NULL},
};

int main(int argc, char **argv)
{
    return single_main("libdill", BENCHES, argc, argv);
}
