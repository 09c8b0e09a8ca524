/* SPDX-License-Identifier: MIT */
/* What the programs of the C runtimes share: they have one thread, so they measure with one worker only. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_NS = 20000000, MEASURED_NS = 80000000, FIRST_N = 64, NOT_OFFERED = 3 };

typedef void bench_op(uint64_t n);                   /* performs n operations */

typedef struct {
    const char *name;
    bench_op *op;
} bench;

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static int64_t timed(bench_op *op, uint64_t n)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    op(n);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (int64_t)(end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
}

static double steady(bench_op *op)
{
    uint64_t n = FIRST_N;
    int64_t took;
    while ((took = timed(op, n)) < WARM_NS)
        n *= 4;
    n = (uint64_t)((double)n * MEASURED_NS / (double)took) + FIRST_N;
    return (double)timed(op, n) / (double)n;
}

/* The table ends with a NULL name. */
static int single_main(const char *system, const bench *benches, int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench-%s BENCH WORKERS\n", system);
        return 2;
    }
    if (strcmp(argv[2], "1") != 0)
        return NOT_OFFERED;
    for (const bench *b = benches; b->name != NULL; b++)
        if (strcmp(argv[1], b->name) == 0) {
            printf("%s %s 1 %.3f ns\n", b->name, system, steady(b->op));
            return 0;
        }
    return NOT_OFFERED;
}
