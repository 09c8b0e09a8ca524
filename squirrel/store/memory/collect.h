/* SPDX-License-Identifier: MIT */
/* Internal to read.c, list.c and rank.c: from what the tables have to the items of a page. */
#pragma once
#include "store/memory/tables.h"

/* A revision that was found under the lock: a reference, perhaps still without data. */
typedef struct sq_found {
    const sq_revision *revision;
    int64_t place;
} sq_found;

int sq_reader_load(const sq_reader *reader, sq_found *found, sq_error *error);   /* with data from now on */
void sq_found_drop(sq_found *found, size_t count);
sq_shelf *sq_reader_shelf(const sq_reader *reader, const char *project);   /* NULL: nothing committed; lock held */

/* The items of a page. */
typedef struct sq_collected {
    size_t limit, max_bytes;
    const sq_revision **items;
    size_t count, room, bytes;
    bool full;                       /* the last one offered had no room */
} sq_collected;

int sq_collect(sq_collected *c, const sq_revision *revision);   /* takes a reference, or sets full; 0 or -ENOMEM */
void sq_collected_drop(sq_collected *c);

uint32_t sq_page_limit(uint32_t limit);                      /* the defaults */
size_t sq_page_bytes(size_t max_bytes);
