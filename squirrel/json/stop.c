/* SPDX-License-Identifier: MIT */
#include "json/stop.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 4096, BLOCK = 4096 };

static _Thread_local struct {
    sq_stop *stop;
    unsigned steps;
    bool stopped;
} state;

void sq_stop_set(sq_stop *stop)
{
    state.stop = stop;
    state.steps = 0;
    state.stopped = false;
}

bool sq_stopped(unsigned steps)
{
    if (!state.stop || state.stopped)
        return state.stopped;
    state.steps += steps;
    if (state.steps >= STEPS) {
        state.steps = 0;
        state.stopped = state.stop();
    }
    return state.stopped;
}

typedef struct sorter {
    size_t size;
    int (*compare)(const void *, const void *);
} sorter;

/* Merges the neighbours [from, middle) and [middle, to) into the same places of `out`. */
static bool merge(const sorter *s, const char *items, char *out, size_t from, size_t middle, size_t to)
{
    size_t left = from, right = middle;
    for (size_t at = from; at < to; at++) {
        bool first = right == to || (left < middle && s->compare(items + left * s->size, items + right * s->size) <= 0);
        memcpy(out + at * s->size, items + (first ? left++ : right++) * s->size, s->size);
        if (sq_stopped(1))
            return false;
    }
    return true;
}

static bool merge_all(const sorter *s, char *items, char *spare, size_t count)
{
    char *from = items, *to = spare;
    for (size_t run = BLOCK; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += 2 * run) {
            size_t middle = at + run < count ? at + run : count, end = at + 2 * run < count ? at + 2 * run : count;
            if (!merge(s, from, to, at, middle, end))
                return false;
        }
        char *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * s->size);
    return true;
}

bool sq_sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    char *start = items;
    for (size_t at = 0; at < count; at += BLOCK) {
        size_t rest = count - at;
        qsort(start + at * size, rest < BLOCK ? rest : BLOCK, size, compare);
        if (sq_stopped(STEPS))
            return false;
    }
    if (count <= BLOCK)
        return true;
    char *spare = malloc(count * size);
    bool sorted = spare && merge_all(&(sorter){size, compare}, start, spare, count);
    free(spare);
    return sorted;
}
