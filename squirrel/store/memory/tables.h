/* SPDX-License-Identifier: MIT */
/* Revisions in memory: what memory: is, and the index that dir: keeps of its journal.
 *
 *     tables ── shelf (a project) ── log: revisions by seq
 *                                 └─ node (a context): revisions by rev
 *
 * T1  One writer at a time changes them; it alone reads without the lock, and takes the lock for each change. Others
 *     read under the lock, in short sections.
 * T2  What a transaction adds is at once in the tables, but with a seq above its project's `row.seq`: readers look at
 *     nothing above it, so they see what was committed and no more (S1). Publishing is raising row.seq.
 * T3  What a transaction drops it only marks; publishing removes it.
 * T4  A rollback, to a savepoint or of everything, takes back the changes of the list, newest first.
 *
 * The lock is a pthread one, because dir: decides on a thread of its own; no section suspends. */
#pragma once
#include <pthread.h>

#include "store/txn.h"

/* A revision where it is kept. */
typedef struct sq_stored {
    const sq_revision *revision;     /* memory: all of it; dir: without data */
    int64_t place;                   /* dir: where its record is in the journal */
    bool gone;                       /* dropped by the transaction under way (T3) */
} sq_stored;

typedef struct sq_node {
    struct sq_node *next;            /* in its bucket */
    int64_t num;
    sq_stored *stored;               /* oldest first */
    size_t count, room;
    struct sq_node **children;       /* whose newest revision names it as parent */
    size_t child_count, child_room;
    struct sq_sheet *sheet;          /* dir: what is known of its file; freed with the node */
    bool changed;                    /* dir: its file is to be brought up to date */
    char id[SQ_ID_BYTES + 1];
} sq_node;

typedef struct sq_log_entry {
    int64_t seq;
    sq_node *node;
    const sq_revision *revision;     /* borrowed from the node; NULL: removed */
} sq_log_entry;

typedef struct sq_shelf {
    sq_project row;                  /* as committed; seq 0: not yet */
    sq_project work;                 /* as the transaction under way sees it */
    sq_node **buckets;
    size_t bucket_count, node_count;
    sq_node **by_id;                 /* all nodes; the first `sorted` in order */
    size_t by_id_room, sorted;
    sq_log_entry *log;               /* by seq */
    size_t log_count, log_room, log_removed;
    int64_t noted;                   /* dir: the commit that its row was last written in */
    char name[SQ_ID_BYTES + 1];
} sq_shelf;

typedef struct sq_operation_entry {
    struct sq_operation_entry *next;
    sq_shelf *shelf;
    sq_operation operation;
    uint64_t hash;
    char *principal, *key;           /* in the same block */
} sq_operation_entry;

/* One step of the transaction under way (T4). */
typedef enum sq_change_kind { SQ_CHANGE_PROJECT, SQ_CHANGE_PUT, SQ_CHANGE_DROP, SQ_CHANGE_OPERATION } sq_change_kind;

typedef struct sq_change {
    sq_change_kind kind;
    sq_shelf *shelf;
    sq_node *node;
    union {
        sq_project before;           /* PROJECT */
        struct { int64_t rev; bool purge; } drop;
        struct { sq_operation_entry *entry; sq_operation before; bool existed; } operation;
    };
} sq_change;

typedef struct sq_tables {
    pthread_rwlock_t lock;
    sq_shelf **shelves;              /* by name */
    size_t shelf_count, shelf_room;
    int64_t last_project_num, last_node_num;
    sq_operation_entry **operations;
    size_t operation_buckets, operation_count;
} sq_tables;

int sq_tables_init(sq_tables *tables);                       /* 0 or -ENOMEM */
void sq_tables_deinit(sq_tables *tables);

/* For readers under the lock, and for the writer. NULL: none. */
sq_shelf *sq_shelf_find(const sq_tables *tables, const char *name);
sq_node *sq_node_find(const sq_shelf *shelf, const char *id);
const sq_stored *sq_node_newest(const sq_node *node, int64_t upper);   /* with a seq of at most upper */
const sq_stored *sq_node_rev(const sq_node *node, int64_t rev);
size_t sq_log_find(const sq_shelf *shelf, int64_t seq);      /* the index of the first entry with at least this seq */

/* For the writer, with the lock held for writing. 0 or -ENOMEM. */
int sq_shelf_add(sq_tables *tables, const sq_project *row, sq_shelf **out);
void sq_shelf_remove(sq_tables *tables, sq_shelf *shelf);    /* without contexts */
int sq_node_add(sq_shelf *shelf, const char *id, int64_t num, sq_node **out);
void sq_node_remove(sq_shelf *shelf, sq_node *node);         /* without revisions and children */
int sq_node_push(sq_shelf *shelf, sq_node *node, const sq_revision *revision, int64_t place);   /* takes a reference */
void sq_node_pop(sq_shelf *shelf, sq_node *node);            /* the newest of node and log */
void sq_node_drop(sq_shelf *shelf, sq_node *node, int64_t rev);
void sq_shelf_sort(sq_shelf *shelf);                         /* by_id */

/* A transaction on tables; memory: and dir: embed it at the start of theirs. The ops below are its primitives; where
 * commits must be durable, the store brings its own `commit`, which calls publish in the end. */
typedef struct sq_stage {
    sq_txn txn;
    sq_tables *tables;
    sq_change *changes;
    size_t change_count, change_room;
    size_t saved;                    /* changes before the savepoint */
    int64_t place;                   /* of the next revision that is put */
    size_t reap_shelf, reap_node, reap_bucket;   /* where the search for what has expired goes on */
} sq_stage;

extern const sq_txn_ops sq_stage_ops;

void sq_stage_init(sq_stage *stage, sq_tables *tables, sq_store *store, const sq_txn_ops *ops);
void sq_stage_publish(sq_stage *stage);
void sq_stage_deinit(sq_stage *stage);

/* Internal to stage.c and operations.c. */
sq_change *sq_stage_change(sq_stage *stage);                 /* room for one more, not yet counted; NULL: no memory */
int sq_operation_get(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                     sq_operation *out, sq_error *error);
int sq_operation_put(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                     const sq_operation *operation, sq_error *error);
int sq_operations_expire(sq_txn *txn, size_t limit, sq_error *error);
void sq_operation_undo(sq_tables *tables, const sq_change *change);
/* At the start, from what is on disk: no transaction, no undo. 0 or -ENOMEM. */
int sq_operation_add(sq_tables *tables, sq_shelf *shelf, const char *principal, const char *key,
                     const sq_operation *operation);

/* Reading; loads bodies by `load` where they are not in memory. Legal in tasks and in offloaded work; a list that looks
 * at many contexts gives up with -ECANCELED once its scope is cancelled. */
typedef struct sq_reader {
    sq_store *store;
    sq_tables *tables;
    /* Makes a whole revision of a stored one, a new reference. NULL: it is whole already. 0, -ENOMEM or -EINVAL. */
    int (*load)(sq_store *store, const sq_revision *revision, int64_t place, const sq_revision **out, sq_error *error);
} sq_reader;

int sq_read_get(const sq_reader *reader, const char *project, const char *id, int64_t rev, const sq_revision **out,
                sq_error *error);
int sq_read_lineage(const sq_reader *reader, const char *project, const char *id, const sq_revision **out,
                    size_t *out_count, sq_error *error);
int sq_read_list(const sq_reader *reader, const sq_list *list, sq_page *out, sq_error *error);
int sq_read_history(const sq_reader *reader, const sq_history *history, sq_page *out, sq_error *error);
int sq_read_changes(const sq_reader *reader, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                    sq_changes *out, sq_error *error);
int sq_read_projects(const sq_reader *reader, const char *after, sq_project *out, size_t *count);
void sq_shelf_verify(const sq_shelf *shelf, sq_verified *out);   /* with the lock held; a dir: adds its own */
void sq_read_totals(const sq_reader *reader, sq_status *out);   /* projects, live, bytes */
