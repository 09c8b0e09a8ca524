/* SPDX-License-Identifier: MIT */
/* Memory a task, at a million tasks or SIZE of them: resident pages and page tables. One worker. */
#include "bench.h"

enum { MILLION = 1000000 };

static drey_notify never;
static uint64_t started;

static int trivial(void *arg)
{
    (void)arg;
    return 0;
}

static int woken(void *arg, int event)
{
    (void)arg;
    return event < 0 ? event : 0;
}

static DREY_ASYNC int sleeper(void *arg)
{
    (void)arg;
    started++;
    return drey_sleep(DREY_SEC(3600));
}

/* Closing is not measured, but it shows that a million tasks also end. */
static DREY_ASYNC double finish(drey_scope *scope, double before)
{
    double each = (bench_resident_bytes() - before) / (double)bench_sized(MILLION);
    drey_scope_cancel(scope, 0, "measured");
    must(drey_scope_close(scope, 0));
    return each;
}

DREY_ASYNC double bench_mem_unstarted(void)
{
    uint64_t tasks = bench_sized(MILLION);
    DREY_SCOPE(scope);
    double before = bench_resident_bytes();
    for (uint64_t i = 0; i < tasks; i++)
        must(drey_try_go(&scope, trivial, NULL)); /* drey_go could let tasks start: it may suspend */
    return finish(&scope, before);
}

DREY_ASYNC double bench_mem_dormant(void)
{
    uint64_t tasks = bench_sized(MILLION);
    DREY_SCOPE(scope);
    double before = bench_resident_bytes();
    for (uint64_t i = 0; i < tasks; i++) {
        drey_case wake = drey_on_notify(&never);
        must(drey_go_when(&scope, woken, NULL, &wake, 1));
    }
    return finish(&scope, before);
}

DREY_ASYNC double bench_mem_parked(void)
{
    uint64_t tasks = bench_sized(MILLION);
    DREY_SCOPE(scope);
    double before = bench_resident_bytes();
    for (uint64_t i = 0; i < tasks; i++)
        must(drey_go(&scope, sleeper, NULL));
    while (started < tasks)
        must(drey_yield());
    return finish(&scope, before);
}
