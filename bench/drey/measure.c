/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_NS = 20000000, MEASURED_NS = 80000000, FIRST_N = 64 };

int64_t bench_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "bench-drey: %s\n", strerror(-rc));
    exit(1);
}

static int64_t timed(bench_op *op, void *context, uint64_t n)
{
    int64_t start = bench_clock();
    op(context, n);
    return bench_clock() - start;
}

double bench_steady(bench_op *op, void *context)
{
    uint64_t n = FIRST_N;
    int64_t took;
    while ((took = timed(op, context, n)) < WARM_NS)
        n *= 4;
    n = (uint64_t)((double)n * MEASURED_NS / (double)took) + FIRST_N;
    return (double)timed(op, context, n) / (double)n;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double bench_batch(bench_run *run, void *context)
{
    run(context);
    int64_t runs[3];
    for (int i = 0; i < 3; i++)
        runs[i] = run(context);
    qsort(runs, 3, sizeof(runs[0]), compare);
    return (double)runs[1];
}

double bench_resident_bytes(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long total = 0, kilobytes;
    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1 || sscanf(line, "VmPTE: %ld", &kilobytes) == 1)
            total += kilobytes;
    if (status != NULL)
        fclose(status);
    return (double)total * 1024;
}
