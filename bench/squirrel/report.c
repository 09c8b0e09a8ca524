/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

double bench_cpu_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_report(const char *figure, double *ms, size_t count, double cpu_ms)
{
    qsort(ms, count, sizeof *ms, by_size);
    printf("{\"figure\":\"%s\",\"median_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,\"cpu_ms\":%.4f}\n", figure,
           ms[count / 2], ms[count * 99 / 100], ms[count - 1], cpu_ms / (double)count);
    fflush(stdout);
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int bench_disk(void)
{
    enum { TIMES = 200, BLOCK = 4096, BLOCKS = 16 };
    double ms[TIMES];
    char name[] = "bench-store-XXXXXX", block[BLOCK] = "";
    int fd = mkstemp(name);
    if (fd < 0)
        return 1;
    unlink(name);
    for (int i = 0; i < TIMES; i++) {
        double start = now_ms();
        if (pwrite(fd, block, sizeof block, (off_t)(i % BLOCKS) * BLOCK) < 0 || fdatasync(fd) < 0)
            return 1;
        ms[i] = now_ms() - start;
    }
    close(fd);
    bench_report("fdatasync", ms, TIMES, 0);
    return 0;
}
