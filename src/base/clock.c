/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A virtual clock starts at a fixed wall time, so that what a test prints does not depend on the day. */
static const int64_t VIRTUAL_EPOCH_NS = INT64_C(1767225600) * DREY__NS_PER_SEC; /* 2026-01-01T00:00:00Z */
static const int64_t VIRTUAL_START_NS = DREY__NS_PER_SEC;

enum {
    GOOD_NS = 1000000, /* how long the rate of the counter is taken as constant */
    DRIFT = 2048,      /* the rate is known to one part in this: the clock follows the network's, which is no faster */
    APART_NS = 300,    /* two readings of the clock that are further apart have been interrupted */
    LONG_NS = DREY__NS_PER_SEC, /* over longer spans the system may have slept */
};

bool drey__clock_virtual;
static bool counter_is_good;
static _Atomic int64_t virtual_now;

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * DREY__NS_PER_SEC + ts.tv_nsec;
}

int64_t drey__clock_now(void)
{
    if (drey__clock_virtual)
        return atomic_load_explicit(&virtual_now, memory_order_acquire);
    return read_clock(CLOCK_MONOTONIC);
}

int64_t drey__clock_real(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t drey__clock_wall(void)
{
    if (drey__clock_virtual)
        return VIRTUAL_EPOCH_NS + drey__clock_now() - VIRTUAL_START_NS;
    return read_clock(CLOCK_REALTIME);
}

/* The kernel, which checks the counter all the time, says whether it takes the clock from it. A guest's clock is the
 * counter times a rate that its host gives; should that change, two spans do not agree (`measure`). */
static bool is_counter(const char *source)
{
#ifdef __x86_64__
    static const char *const counters[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page"};
#else
    static const char *const counters[] = {"arch_sys_counter"};
#endif
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (strcmp(source, counters[i]) == 0)
            return true;
    return false;
}

void drey__clock_find_counter(void)
{
    static bool asked;
    char source[64];
    if (asked)
        return;
    asked = true;
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, source, sizeof source - 1) : -1;
    if (fd >= 0)
        close(fd);
    source[n > 0 ? n : 0] = '\0';
    source[strcspn(source, "\n")] = '\0';
    counter_is_good = is_counter(source);
}

/* Measure the rate between two readings. It is believed once two spans in a row agree: those in which the system slept,
 * or the counter was set, do not. */
static void measure(const struct drey__reading *former, struct drey__reading *now)
{
    uint64_t ticks = now->ticks - former->ticks, ns = (uint64_t)(now->ns - former->ns);
    if (former->ns == 0 || ns > LONG_NS || ticks == 0)
        return;
    uint64_t rate = (ns << 32) / ticks, off = rate > former->scale ? rate - former->scale : former->scale - rate;
    now->scale = rate + rate / DRIFT; /* ahead rather than behind: what is to last a time lasts no less */
    if (off <= rate / DRIFT * 2)
        now->good = ((uint64_t)GOOD_NS << 32) / now->scale;
}

int64_t drey__clock_read_for(struct drey__reading *r)
{
    if (drey__clock_virtual || !counter_is_good)
        return drey__clock_now();
    int64_t before = drey__clock_real();
    struct drey__reading now = {.ticks = drey__clock_ticks(), .last = r->last};
    now.ns = drey__clock_real();
    int64_t answer = now.ns > r->last ? now.ns : r->last;
    if (now.ns - before > APART_NS)
        now.ns = 0;
    else if (now.ns - r->ns < GOOD_NS)
        now = *r; /* too short a span to measure */
    else
        measure(r, &now);
    *r = now;
    return r->last = answer;
}

void drey__clock_virtual_start(void)
{
    atomic_store_explicit(&virtual_now, VIRTUAL_START_NS, memory_order_release);
}

void drey__clock_virtual_move(int64_t to)
{
    if (to > atomic_load_explicit(&virtual_now, memory_order_relaxed))
        atomic_store_explicit(&virtual_now, to, memory_order_release);
}
