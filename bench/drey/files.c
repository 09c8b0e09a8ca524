/* SPDX-License-Identifier: MIT */
/* Reading many small files, 64 at a time. BENCH_FILES names the directory. */
#include "bench.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES = 10000, IN_FLIGHT = 64, FILE_BYTES = 4096, PATH_BYTES = 512 };

typedef struct {
    char (*paths)[PATH_BYTES];
    atomic_uint next;
    bool parse;
} reading;

static void parse_object(const char *path, const char *data, size_t bytes)
{
    json_error_t error;
    json_t *value = json_loadb(data, bytes, 0, &error);
    if (!json_is_object(value)) {
        fprintf(stderr, "bench-drey: %s: line %d: %s\n", path, error.line, error.text);
        exit(1);
    }
    json_decref(value);
}

static DREY_ASYNC int read_some(void *arg)
{
    reading *all = arg;
    char data[FILE_BYTES];
    size_t bytes;
    for (;;) {
        unsigned i = atomic_fetch_add_explicit(&all->next, 1, memory_order_relaxed);
        if (i >= FILES)
            return 0;
        must(drey_file_load_into(all->paths[i], data, sizeof(data), &bytes));
        if (all->parse)
            parse_object(all->paths[i], data, bytes);
    }
}

static DREY_ASYNC int64_t read_all(void *arg)
{
    reading *all = arg;
    atomic_store(&all->next, 0);
    int64_t start = bench_clock();
    DREY_SCOPE(scope, .limit = IN_FLIGHT, .spread = true);
    for (int i = 0; i < IN_FLIGHT; i++)
        must(drey_go(&scope, read_some, all));
    must(drey_scope_close(&scope, 0));
    return bench_clock() - start;
}

static DREY_ASYNC double files_per_second(bool parse)
{
    const char *directory = getenv("BENCH_FILES");
    reading all = {.paths = calloc(FILES, sizeof(*all.paths)), .parse = parse};
    for (int i = 0; i < FILES; i++)
        snprintf(all.paths[i], PATH_BYTES, "%s/%05d.json", directory == NULL ? "." : directory, i);
    json_object_seed(1); /* jansson seeds itself at its first object otherwise, on whichever thread */
    double took = bench_batch(read_all, &all);
    free(all.paths);
    return FILES / (took / 1e9);
}

DREY_ASYNC double bench_files_bytes(void)
{
    return files_per_second(false);
}

DREY_ASYNC double bench_files_parsed(void)
{
    return files_per_second(true);
}
