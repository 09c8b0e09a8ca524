/* SPDX-License-Identifier: MIT */
/* The store of plain files. docs/design/store-dir.md tells how it works. Who runs where:
 *
 *     the writer's task      takes a group, has it decided, appends it to the journal, syncs, publishes
 *     a thread of its own    decides: the rules of decide.c over tables in memory; bodies are read from the journal
 *     tasks                  reads; a search, which looks at many bodies, on a thread of the default pool
 *
 * F1  The journal is the truth. What was answered is in it, synced; all else can be made anew from it. */
#pragma once
#include <drey.h>

#include "store/dir/journal.h"
#include "store/dir/sheet.h"
#include "store/memory/tables.h"
#include "store/writer.h"

/* A context whose sheet is to be brought up to date. */
typedef struct sq_changed {
    sq_shelf *shelf;
    sq_node *node;
} sq_changed;

/* Between the keeper's task (keeper.h) and the writer's. Under `lock`, in short sections, unless said otherwise. */
typedef struct sq_keeper {
    pthread_mutex_t lock;
    sq_changed *changed;             /* each node once: node->changed */
    size_t changed_first, changed_count, changed_room;
    sq_note *notes;                  /* that go to the journal with the next group */
    size_t note_count, note_room, notes_put;
    sq_error trouble;                /* what the keeper met last; SQ_OK: nothing */
    int64_t conflicts;               /* files .conflict */
    uint8_t (*purged)[SQ_DIGEST_BYTES];   /* fingerprints of what the journal says was purged, as it was opened */
    size_t purged_count, purged_room;
    int64_t scrubs;                  /* revisions that were purged since the last compaction (S31) */
    bool scrub_now, compact_now;     /* wanted */
    drey_notify work;
    drey_gate ready, ended;          /* the first look at all is done; the task has ended */
    _Atomic bool closing;
    bool runs;                       /* the task was started */
    struct sq_watches *watches;      /* the keeper's */
} sq_keeper;

typedef struct sq_dir {
    sq_store store;
    char path[SQ_DIR_PATH_BYTES];    /* the folder, without a slash at its end */
    char own[SQ_DIR_PATH_BYTES];     /* PATH/.squirrel */
    drey_pool *pool;                 /* one thread: decides */
    sq_writer *writer;
    sq_tables tables;
    sq_stage stage;                  /* the transaction; its thread's, or the writer's task's while that waits */
    sq_journal journal;
    sq_time restored;                /* when a backup was put here; 0: sheets followed since. The keeper's */
    int64_t commits;                 /* that were tried */
    int64_t compacted;               /* size of the journal when it was last looked at for what is dead */
    size_t saved;                    /* bytes of journal.pending at the savepoint */
    sq_keeper keeper;
    bool opened;                     /* the journal is open */
    sq_error *open_error;            /* while it is being opened */
} sq_dir;

/* txn.c: the primitives for decide.c. A commit seals the group; who runs it makes it durable and publishes. */
extern const sq_txn_ops sq_dir_txn_ops;

/* open.c: makes or reads the journal. 0, or -EINVAL or -ENOMEM with *error set. */
DREY_ASYNC int sq_dir_open(sq_dir *dir, bool must_exist, sq_error *error);

/* compact.c: the journal is made anew, by the writer between groups. */
DREY_ASYNC int sq_compact(sq_dir *dir, sq_error *error);     /* -EAGAIN: sheets of what was purged come first (K6) */
bool sq_compact_wanted(sq_dir *dir);
int64_t sq_scrubs(sq_dir *dir);
DREY_ASYNC int sq_dir_scrub(sq_store *store, sq_error *error);

/* backup.c */
DREY_ASYNC int sq_dir_backup(sq_store *store, const char *path, sq_error *error);
DREY_ASYNC int sq_dir_restore(const char *path, const char *backup, sq_error *error);

/* verify.c */
DREY_ASYNC int sq_dir_verify(sq_store *store, sq_verified *out, sq_error *error);

/* What tests change, before a store is opened. */
typedef struct sq_dir_hooks {
    int64_t compact_bytes;           /* that a journal has at least before it is compacted; 0: 8 MiB */
} sq_dir_hooks;

extern sq_dir_hooks sq_dir_hook;

/* group.c: what runs a group of the writer. */
DREY_ASYNC int sq_dir_run_group(sq_store *store, sq_group *group);

void sq_own_path(const sq_dir *dir, const char *name, char out[SQ_DIR_PATH_BYTES]);   /* of a file in own */

/* A failure of the system, about a file: *error, by its kind. -EINVAL, or -ECANCELED as it is. */
int sq_dir_fail(sq_error *error, const char *path, int rc);
