/* SPDX-License-Identifier: MIT */
/* A new journal of what there is now: for compaction, which is how what was purged leaves the disk (S31), and for
 * backups. In the writer's task, between groups. */
#pragma once
#include "store/dir/dir.h"

typedef struct sq_copy {
    sq_journal_file file;            /* fd -1: none */
    int64_t end, group;
    int64_t *places;                 /* offsets of revisions, in the order of sq_copy_each */
    size_t count, room;
} sq_copy;

/* Makes the file `path`, synced; its name is not. `notes`: with what is known of sheets. 0, or -EINVAL or -ENOMEM with
 * *error, and no file. Free with sq_copy_free, which does not close it. */
DREY_ASYNC int sq_copy_make(sq_dir *dir, const char *path, bool notes, sq_copy *out, sq_error *error);
void sq_copy_free(sq_copy *copy);

/* Revisions now have the places of the copy. With the tables' lock held for writing. */
void sq_copy_place(sq_dir *dir, const sq_copy *copy, int64_t generation);
