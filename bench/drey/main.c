/* SPDX-License-Identifier: MIT */
/* bench-drey BENCH WORKERS [SIZE]: prints "BENCH drey WORKERS VALUE UNIT", a line for each way to do it ("drey-WAY");
 * status 3 if it does not have that benchmark. SIZE, for those that grow: tasks at once (yield_100k, spawn_batch,
 * mem_*) or bytes of a message (chan_*). */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *name; /* or NAME-WAY, if it can be done in several */
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
#if BENCH_CJSON
    {"files_parsed-cjson", bench_files_parsed, "files/s"},
#endif
    {"files_parsed-jansson", bench_files_parsed_jansson, "files/s"},
    {"process_100k-bare", bench_process_100k, "files/s"},
    {"serve", bench_serve, ""},                 /* it never returns: net.c */
    {"serve_dormant", bench_serve_dormant, ""}, /* nor does this, */
#if BENCH_TLS
    {"serve_tls", bench_serve_tls, ""}, /* or this */
#endif
};

typedef struct {
    const bench *bench;
    unsigned workers;
} request;

static DREY_ASYNC int measure(void *arg)
{
    const request *asked = arg;
    const char *name = asked->bench->name;
    int bytes = (int)strcspn(name, "-");
    double value = asked->bench->run();
    printf("%.*s drey%s %u %.3f %s\n", bytes, name, name + bytes, asked->workers, value, asked->bench->unit);
    return 0;
}

static uint64_t asked_size;

uint64_t bench_sized(uint64_t usual)
{
    return asked_size == 0 ? usual : asked_size;
}

static bool goes_by(const char *full, const char *name)
{
    size_t bytes = strlen(name);
    return strncmp(full, name, bytes) == 0 && (full[bytes] == '\0' || full[bytes] == '-');
}

int main(int argc, char **argv)
{
    request asked = {.workers = argc == 3 || argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0};
    asked_size = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (asked.workers == 0 || (argc == 4 && asked_size == 0)) {
        fprintf(stderr, "usage: bench-drey BENCH WORKERS [SIZE]\n");
        return 2;
    }
    int status = 3;
    for (size_t i = 0; i < sizeof(BENCHES) / sizeof(BENCHES[0]); i++) {
        if (!goes_by(BENCHES[i].name, argv[1]))
            continue;
        asked.bench = &BENCHES[i];
        must(drey_run(&(drey_config){.workers = asked.workers}, measure, &asked));
        status = 0;
    }
    return status;
}
