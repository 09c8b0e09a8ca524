/* SPDX-License-Identifier: MIT */
/* The workers took their snapshots one after the other, so a row may name one above that is missing, or that has been
 * used again for something else. Whatever the rows say, each is printed at most once. */
#include <stdlib.h>

#include "base/alloc.h"
#include "observe/observe.h"

/* A row's place in the order of addresses. */
struct key {
    const void *self;
    uint32_t row;
};

static int compare(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    return x->self < y->self ? -1 : x->self > y->self;
}

static uint32_t find(const struct key *keys, uint32_t n, const void *self)
{
    const struct key wanted = {.self = self};
    const struct key *k = self == NULL ? NULL : bsearch(&wanted, keys, n, sizeof *keys, compare);
    return k == NULL ? 0 : k->row;
}

static void append(struct drey__row *rows, uint32_t up, uint32_t i)
{
    rows[i].up = up;
    *(rows[up].last != 0 ? &rows[rows[up].last].next : &rows[up].first) = i;
    rows[up].last = i;
}

void drey__tree_link(struct drey__row *rows, uint32_t count)
{
    uint32_t n = 0;
    struct key *keys = drey__alloc(count * sizeof *keys);
    rows[0] = (struct drey__row){0};
    for (uint32_t i = 1; i < count; i++) {
        rows[i].first = rows[i].last = rows[i].next = 0;
        if (keys != NULL)
            keys[n++] = (struct key){.self = rows[i].self, .row = i};
    }
    if (keys != NULL)
        qsort(keys, n, sizeof *keys, compare);
    for (uint32_t i = 1; i < count; i++) {
        uint32_t up = keys != NULL ? find(keys, n, rows[i].above) : 0;
        /* a task stands under a scope, a scope under a task; anything else is an address used again */
        bool fits = up != 0 && rows[up].is_scope != rows[i].is_scope;
        append(rows, fits ? up : 0, i);
    }
    drey__free(keys);
}

uint32_t drey__tree_next(const struct drey__row *rows, uint32_t at, unsigned *depth)
{
    if (rows[at].first != 0) {
        ++*depth;
        return rows[at].first;
    }
    while (at != 0 && rows[at].next == 0) {
        at = rows[at].up;
        --*depth;
    }
    return at == 0 ? 0 : rows[at].next;
}
