/* SPDX-License-Identifier: MIT */
/* The journal: an append-only file of records in groups, the truth of a store of files. It starts with a head that
 * names format and salt; a group is the records up to and with a commit.
 *
 * J1  A group is written at `end` and synced before the next one is written, so after a crash only the last group may
 *     be torn. Opening cuts it off, and syncs, before anything else is written.
 * J2  What is wrong before that is damage: it is told by the commit of a group that cannot have been the last (the
 *     number is higher by two), and refused. A journal that was closed ends with an empty group for that reason.
 * J3  A place (generation, offset) is of one file. A compaction makes a new one; the old one stays open until all who
 *     began to read before have ended. */
#pragma once
#include <pthread.h>

#include "store/dir/record.h"

enum { SQ_DIR_PATH_BYTES = 4096, SQ_JOURNAL_HEAD = 64, SQ_JOURNAL_VERSION = 1 };

typedef struct sq_journal_file {
    struct sq_journal_file *newer;
    int fd;
    int64_t generation;
    unsigned readers;                /* under the journal's lock */
    uint8_t salt[SQ_SALT_BYTES];
} sq_journal_file;

typedef struct sq_journal {
    char path[SQ_DIR_PATH_BYTES];
    pthread_mutex_t lock;            /* of the list; short sections, never across a wait */
    sq_journal_file *oldest, *current;
    /* The writer's. */
    int64_t end;                     /* behind the last commit */
    int64_t group;                   /* its number */
    sq_text pending;                 /* records of the group that is being made */
} sq_journal;

/* A new file with its head and one group, `first` (records), synced; its name is not. The descriptor is the caller's.
 * 0 or a negative errno. */
DREY_ASYNC int sq_journal_make(const char *path, sq_journal_file *out);

/* For replay: what to do with each record of a group that was committed. 0, -ENOMEM, or -EIO: it makes no sense. */
typedef int sq_journal_fn(void *arg, const sq_record *record, int64_t at);

typedef struct sq_journal_state {
    int64_t end, group;              /* of the last commit */
    int64_t bytes;                   /* of the file; more than end: its tail is torn */
    int64_t damaged_at;              /* -1: not */
    char damage[128];                /* what it is */
} sq_journal_state;

/* Reads the head into `file` (its fd is set) and every group. 0, also with damage; or a negative errno. */
DREY_ASYNC int sq_journal_scan(sq_journal_file *file, sq_journal_fn *fn, void *arg, sq_journal_state *out);

/* Takes over a file that was scanned or made as the current one. */
int sq_journal_init(sq_journal *journal, const char *path, const sq_journal_file *file);
DREY_ASYNC void sq_journal_close(sq_journal *journal);

/* J3 */
sq_journal_file *sq_journal_use(sq_journal *journal);        /* before looking for places */
DREY_ASYNC void sq_journal_done(sq_journal *journal, sq_journal_file *used);
/* A file takes the current one's place: first places in it can be read; then, once the tables name no others, it is the
 * current one. NULL: no memory. */
sq_journal_file *sq_journal_add(sq_journal *journal, const sq_journal_file *file);
DREY_ASYNC void sq_journal_switch(sq_journal *journal);

/* The place of what is at an offset of a file; the one that a journal was opened with has generation 1. */
int64_t sq_journal_place_of(int64_t generation, int64_t at);

/* Where the next record of the group will be. */
int64_t sq_journal_place(const sq_journal *journal);
size_t sq_journal_begin(sq_journal *journal, sq_record_type type);
void sq_journal_end(sq_journal *journal, size_t start);
void sq_journal_restored(sq_journal *journal, sq_time when);  /* adds that record */
void sq_journal_seal(sq_journal *journal);                   /* adds the commit */

/* Appends the sealed group and syncs. 0; or a negative errno: `pending` is as it was, and the file as it was before
 * (*out_clean), or nobody knows. */
DREY_ASYNC int sq_journal_append(sq_journal *journal, bool *out_clean);

/* The revision at a place, whole; `thin` is it without data. 0, -ENOMEM or -EINVAL with *error set. */
DREY_ASYNC int sq_journal_load(sq_journal *journal, const sq_revision *thin, int64_t place, const sq_revision **out,
                               sq_error *error);
/* The same on a thread, blocking. `writer`: it may be in the group that is being made. */
int sq_journal_load_here(sq_journal *journal, bool writer, const sq_revision *thin, int64_t place,
                         const sq_revision **out, sq_error *error);
