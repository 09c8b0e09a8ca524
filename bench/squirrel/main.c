/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct arguments {
    const char *url;
    long numbers[2];
} arguments;

static int disk(const arguments *a)
{
    (void)a;
    return bench_disk();
}

static int direct(const arguments *a)
{
    return bench_direct(a->url, (uint32_t)a->numbers[0], a->numbers[1]);
}

static int fill(const arguments *a)
{
    return bench_fill(a->url, a->numbers[0]);
}

static int reads(const arguments *a)
{
    return bench_reads(a->url, a->numbers[0]);
}

static int owner(const arguments *a)
{
    return bench_owner(a->url, (uint32_t)a->numbers[0]);
}

static int clients(const arguments *a)
{
    return bench_clients(a->url, a->numbers[0], (int)a->numbers[1]);
}

static int sustain(const arguments *a)
{
    return bench_sustain(a->url, (int)a->numbers[0], (int)a->numbers[1]);
}

static int single(const arguments *a)
{
    return bench_single(a->url, a->numbers[0], a->numbers[1]);
}

static const struct {
    const char *name;
    int words;
    int (*run)(const arguments *);
} modes[] = {
    {"disk", 0, disk},   {"direct", 3, direct},   {"fill", 2, fill},       {"reads", 2, reads},
    {"owner", 2, owner}, {"clients", 3, clients}, {"sustain", 3, sustain}, {"single", 3, single},
};

int main(int argc, char **argv)
{
    arguments a = {.url = argc > 2 ? argv[2] : NULL};
    for (int i = 3; i < argc && i < 5; i++)
        a.numbers[i - 3] = atol(argv[i]);
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0 && argc == 2 + modes[i].words)
            return modes[i].run(&a);
    }
    fputs("usage: see bench/squirrel/bench.h\n", stderr);
    return 2;
}
