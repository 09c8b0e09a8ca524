/* SPDX-License-Identifier: MIT */
/* Reading many small files, 64 at a time. BENCH_FILES names the directory; for the bare loop that `squirrel process` is
 * compared with, BENCH_CONTEXTS names the one of the contexts. */
#include "bench.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if BENCH_CJSON
#include <cjson/cJSON.h>
#endif

enum { FILES = 10000, CONTEXTS = 100000, IN_FLIGHT = 64, FILE_BYTES = 4096, PATH_BYTES = 512 };

/* Makes a tree of the text, reads a field of it, and frees it. False: the text is not as it should be. */
typedef bool parser(const char *text, size_t bytes, unsigned number);

typedef struct {
    char (*paths)[PATH_BYTES];
    unsigned count;
    atomic_uint next;
    parser *parse; /* NULL: the bytes are all that is wanted */
} reading;

static bool parse_by_jansson(const char *text, size_t bytes, unsigned number)
{
    json_error_t error;
    json_t *value = json_loadb(text, bytes, 0, &error);
    bool good = json_integer_value(json_object_get(value, "version")) == number;
    json_decref(value);
    return good;
}

/* As `squirrel process` reads. */
static bool parse_context(const char *text, size_t bytes, unsigned number)
{
    json_error_t error;
    json_t *value = json_loadb(text, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    bool good = json_integer_value(json_object_get(json_object_get(value, "data"), "version")) == number;
    json_decref(value);
    return good;
}

#if BENCH_CJSON
/* The length of the UTF-8 sequence at `at`, or 0. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if (length > left || (at[i] & 0xc0) != 0x80)
            return 0;
    bool bad = length > 2 && ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ||
                              (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f));
    return bad ? 0 : length;
}

static bool is_utf8(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        uint64_t word;
        if (bytes - at >= sizeof word && (memcpy(&word, text + at, sizeof word), (word & 0x8080808080808080) == 0)) {
            at += sizeof word;
            continue;
        }
        size_t length = utf8_length((const unsigned char *)text + at, bytes - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* cJSON takes any bytes for text, which the peers' readers do not. */
static bool parse_by_cjson(const char *text, size_t bytes, unsigned number)
{
    if (!is_utf8(text, bytes))
        return false;
    cJSON *value = cJSON_ParseWithLength(text, bytes);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(value, "version");
    bool good = cJSON_IsNumber(version) && version->valueint == (int)number;
    cJSON_Delete(value);
    return good;
}
#endif

static DREY_ASYNC int read_some(void *arg)
{
    reading *all = arg;
    char data[FILE_BYTES];
    size_t bytes;
    for (;;) {
        unsigned i = atomic_fetch_add_explicit(&all->next, 1, memory_order_relaxed);
        if (i >= all->count)
            return 0;
        must(drey_file_load_into(all->paths[i], data, sizeof(data), &bytes));
        if (all->parse != NULL && !all->parse(data, bytes, i)) {
            fprintf(stderr, "bench-drey: %s is not what it should be\n", all->paths[i]);
            exit(1);
        }
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

static DREY_ASYNC double files_per_second(parser *parse)
{
    const char *directory = getenv("BENCH_FILES");
    reading all = {.paths = calloc(FILES, sizeof(*all.paths)), .count = FILES, .parse = parse};
    for (int i = 0; i < FILES; i++)
        snprintf(all.paths[i], PATH_BYTES, "%s/%05d.json", directory == NULL ? "." : directory, i);
    json_object_seed(1); /* jansson seeds itself at its first object otherwise, on whichever thread */
    double took = bench_batch(read_all, &all);
    free(all.paths);
    return FILES / (took / 1e9);
}

DREY_ASYNC double bench_files_bytes(void)
{
    return files_per_second(NULL);
}

#if BENCH_CJSON
DREY_ASYNC double bench_files_parsed(void)
{
    return files_per_second(parse_by_cjson);
}
#endif

DREY_ASYNC double bench_files_parsed_jansson(void)
{
    return files_per_second(parse_by_jansson);
}

/* Once over all: `squirrel process` does not come back to a file either. */
DREY_ASYNC double bench_process_100k(void)
{
    const char *directory = getenv("BENCH_CONTEXTS");
    reading all = {.paths = calloc(CONTEXTS, sizeof(*all.paths)), .count = CONTEXTS, .parse = parse_context};
    for (int i = 0; i < CONTEXTS; i++)
        snprintf(all.paths[i], PATH_BYTES, "%s/%d/%02d/%05d.json", directory == NULL ? "." : directory, i / 10000,
                 i / 1000, i);
    json_object_seed(1);
    double took = (double)read_all(&all);
    free(all.paths);
    return CONTEXTS / (took / 1e9);
}
