/* SPDX-License-Identifier: MIT */
/* The inputs, one at a time: explicit paths as given, and below a directory every *.json, sorted bytewise, level by
 * level. Names that start with a dot are skipped. Links to files are followed and links to directories are not, so no
 * walk goes in circles; a path that was given may be a link to anything. Only the listings on the way down are kept. */
#pragma once
#include <drey.h>

enum { SQ_WALK_DEPTH = 64, SQ_WALK_ENTRIES = 1000000 };

typedef struct sq_walk_level {
    char *path;
    drey_dir_entry *entries;
    size_t count, next;
} sq_walk_level;

typedef struct sq_walk {
    char *const *paths;
    size_t path_count, next;
    sq_walk_level levels[SQ_WALK_DEPTH];
    unsigned depth;
} sq_walk;

void sq_walk_open(sq_walk *walk, char *const *paths, size_t path_count);
void sq_walk_close(sq_walk *walk);

/* 1: *out_path is the next input, to be freed by the caller; *out_failure is 0, or a negative errno if it is a
 * directory that could not be listed. 0: that was all. Or -ECANCELED, -ENOMEM.
 * Suspends: at directories. Cancel: -ECANCELED; the next call goes on. */
DREY_ASYNC DREY_MUST_USE int sq_walk_next(sq_walk *walk, char **out_path, int *out_failure);
