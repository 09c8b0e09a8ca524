/* SPDX-License-Identifier: MIT */
/* Memory for the library's values. A document is hundreds of small blocks that come and go together, and the system's
 * allocator keeps no more than seven of a size at hand for a thread; beyond that it locks, splits and merges. So each
 * thread keeps what it frees, up to a limit, and takes from there first. The blocks are the system's own, so that those
 * from before sq_json_keep_memory, or from another thread, are as good. */
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "json/json.h"

enum { STEP = 16, SIZES = 32, KEPT_BYTES = 1 << 18 };

typedef struct block {
    struct block *next;
} block;

typedef struct keep {
    block *blocks[SIZES]; /* at [i] those of STEP * i + 8 usable bytes, as the system's allocator makes them */
    size_t bytes;         /* in all of them */
    bool ends;            /* the thread's end frees them */
} keep;

static _Thread_local keep mine;
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

/* Looks for values that are used after they were freed, and would not find them. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
enum { CHECKED = 1 };
#else
enum { CHECKED = 0 };
#endif

static size_t room_of(size_t size)
{
    return STEP * size + STEP / 2;
}

static void *take(size_t bytes)
{
    size_t size = bytes <= room_of(1) ? 1 : (bytes + STEP / 2 - 1) / STEP;
    block *first = size < SIZES ? mine.blocks[size] : NULL;
    if (!first)
        return malloc(size < SIZES ? room_of(size) : bytes);
    mine.blocks[size] = first->next;
    mine.bytes -= room_of(size);
    return first;
}

static void give(void *memory)
{
    size_t room = memory ? malloc_usable_size(memory) : 0, size = room / STEP;
    if (size == 0 || size >= SIZES || room != room_of(size) || mine.bytes + room > KEPT_BYTES) {
        free(memory);
        return;
    }
    if (!mine.ends) {
        if (!has_key || pthread_setspecific(at_end, &mine) != 0) {
            free(memory);
            return;
        }
        mine.ends = true;
    }
    block *first = memory;
    first->next = mine.blocks[size];
    mine.blocks[size] = first;
    mine.bytes += room;
}

static void give_back(void *arg)
{
    keep *all = arg;
    for (size_t i = 0; i < SIZES; i++) {
        for (block *next; all->blocks[i]; all->blocks[i] = next) {
            next = all->blocks[i]->next;
            free(all->blocks[i]);
        }
    }
    *all = (keep){0};
}

static void start(void)
{
    has_key = pthread_key_create(&at_end, give_back) == 0;
    json_set_alloc_funcs(take, give);
}

void sq_json_keep_memory(void)
{
    if (!CHECKED)
        pthread_once(&once, start);
}
