/* SPDX-License-Identifier: MIT */
/* bench-drey BENCH WORKERS: prints "BENCH drey WORKERS VALUE UNIT"; status 3 if it does not have that benchmark. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *name;
    bench_fn *run;
    const char *unit;
} bench;

static const bench BENCHES[] = {
    {"yield", bench_yield, "ns"},
    {"yield_100k", bench_yield_100k, "ns"},
    {"spawn_join", bench_spawn_join, "ns"},
    {"spawn_batch", bench_spawn_batch, "ns"},
    {"skynet", bench_skynet, "ms"},
    {"chan_pingpong", bench_chan_pingpong, "ns"},
    {"chan_mpmc", bench_chan_mpmc, "ns"},
    {"mutex", bench_mutex, "ns"},
    {"rwlock_read", bench_rwlock_read, "ns"},
    {"sem", bench_sem, "ns"},
    {"mutex_64", bench_mutex_64, "ns"},
    {"timeout_ready", bench_timeout_ready, "ns"},
    {"timers_1m", bench_timers_1m, "ns"},
    {"cancel_100k", bench_cancel_100k, "ms"},
    {"mem_unstarted", bench_mem_unstarted, "bytes"},
    {"mem_dormant", bench_mem_dormant, "bytes"},
    {"mem_parked", bench_mem_parked, "bytes"},
    {"files_bytes", bench_files_bytes, "files/s"},
    {"files_parsed", bench_files_parsed, "files/s"},
};

typedef struct {
    const bench *bench;
    unsigned workers;
} request;

static DREY_ASYNC int measure(void *arg)
{
    const request *asked = arg;
    double value = asked->bench->run();
    printf("%s drey %u %.3f %s\n", asked->bench->name, asked->workers, value, asked->bench->unit);
    return 0;
}

static const bench *find(const char *name)
{
    for (size_t i = 0; i < sizeof(BENCHES) / sizeof(BENCHES[0]); i++)
        if (strcmp(BENCHES[i].name, name) == 0)
            return &BENCHES[i];
    return NULL;
}

int main(int argc, char **argv)
{
    request asked = {.workers = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0};
    if (asked.workers == 0) {
        fprintf(stderr, "usage: bench-drey BENCH WORKERS\n");
        return 2;
    }
    asked.bench = find(argv[1]);
    if (asked.bench == NULL)
        return 3;
    must(drey_run(&(drey_config){.workers = asked.workers}, measure, &asked));
    return 0;
}
