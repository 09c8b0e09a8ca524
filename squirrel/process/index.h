/* SPDX-License-Identifier: MIT */
/* Where parents are. Children name their parent by id, and any input may hold it, so the first child to need one has
 * all inputs read once: of each, 16 bytes are kept until it is known which ids are wanted, then a second walk, over
 * names alone, keeps the paths of those that are parents. Runs without parents never pay for this. */
#pragma once
#include <drey.h>
#include <stdatomic.h>

#include "context/error.h"

typedef struct sq_index_record { uint64_t key, parent; } sq_index_record;   /* hashes of project and id; 0: none */
typedef struct sq_index_entry { uint64_t key; char *path; } sq_index_entry;

typedef struct sq_index {
    uint64_t key[2];             /* random, so that no inputs can be made whose hashes collide */
    _Atomic bool asked;
    drey_gate built;             /* opened with the result of building */
    drey_mutex lock;             /* guards records while they are collected */
    sq_index_record *records;    /* one an input, in input order */
    size_t record_count;
    sq_index_entry *entries;     /* parents, sorted by key; complete and constant once built */
    size_t count, room;
} sq_index;

struct sq_run;

DREY_MUST_USE int sq_index_init(sq_index *index);   /* 0 or a negative errno */

/* Has the index built, by whoever comes first. 0, or negative with *error set; -ECANCELED without.
 * Suspends: until it is built. Cancel: -ECANCELED. */
DREY_ASYNC DREY_MUST_USE int sq_index_wait(struct sq_run *run, sq_error *error);

/* After sq_index_wait: the path of the input that holds project/id, to be freed. 0, or negative: *error is
 * broken_parent if no input or more than one holds it. Suspends: to look at files. Cancel: -ECANCELED. */
DREY_ASYNC DREY_MUST_USE
int sq_index_find(const struct sq_run *run, const char *project, const char *id, char **out_path, sq_error *error);
void sq_index_deinit(sq_index *index);
