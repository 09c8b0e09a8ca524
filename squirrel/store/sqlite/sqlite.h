/* SPDX-License-Identifier: MIT */
/* The store of SQLite: one file in WAL mode, and beside it its -wal and -shm. docs/design/store-sqlite.md tells how it
 * works. Who runs where:
 *
 *     the writer's pool, one thread   every transaction that writes, checkpoints, opening and closing (S6)
 *     the readers' pool               get, list, history, ..., each thread with a connection that only reads
 *     tasks                           everything else; none of them calls SQLite
 *
 * Q1  One connection writes and checkpoints, and only the writer's thread uses it (S6).
 * Q2  In the file, and so in every snapshot, `indexed` of the table meta is a rid such that the index has exactly those
 *     revisions up to it that have data (S7).
 * Q3  Before a group runs, at most SQ_TAIL_MAX revisions are not indexed (S7). Only an index that is made anew has more
 *     before it: then each group has some of them indexed first, and searches scan the rest.
 * Q4  `scrub` of the table meta is not 0 as long as the files may hold bytes of what was purged (S31). */
#pragma once
#include <drey.h>
#include <pthread.h>

#include "store/sqlite/db.h"
#include "store/tokens.h"
#include "store/txn.h"
#include "store/writer.h"

enum {
    SQ_SCHEMA_VERSION = 1,
    SQ_APPLICATION_ID = 1397838385,
    SQ_TAIL_MAX = 4096,              /* revisions that are not indexed */
    SQ_INDEX_BATCH = 256,            /* that are indexed in one transaction */
    SQ_READERS = 4,
    SQ_RANKED_MAX = 1000,            /* matches that order=relevance looks at (S8) */
    SQ_PATH_BYTES = 4096,
};

/* An entry of the index that goes when its revision does: at the end of the transaction, all of them at once, because
 * each savepoint writes the index out. */
typedef struct sq_unindexed {
    int64_t rid;
    char *project, *id, *name, *metadata, *data;     /* what it was made of; one allocation */
    size_t metadata_bytes, data_bytes;
    struct sq_unindexed *next;
} sq_unindexed;

/* The writer's transaction; only the writer's thread touches it. */
typedef struct sq_sqlite_txn {
    sq_txn txn;
    struct sq_sqlite *store;
    int64_t rid;                     /* of the newest revision */
    int64_t indexed;
    bool scrub;                      /* something was purged */
    sq_unindexed *unindexed;
    struct {
        sq_unindexed *unindexed;
        int64_t indexed;
        bool scrub;
    } saved;                         /* as they were at the savepoint */
} sq_sqlite_txn;

typedef struct sq_reader {
    sq_db db;
    struct sq_reader *next;
} sq_reader;

typedef struct sq_sqlite {
    sq_store store;
    char path[SQ_PATH_BYTES], folder[SQ_PATH_BYTES];
    drey_pool *write_pool, *read_pool;
    sq_writer *writer;

    /* The writer's thread. */
    sq_db db;
    sq_sqlite_txn txn;
    sq_columns columns;

    /* Readers that no thread uses at the moment. */
    pthread_mutex_t readers_lock;
    sq_reader *readers;

    /* Written by the writer's thread, read by tasks: what is to do. Relaxed would do, as nothing else goes by them. */
    _Atomic int64_t lag;             /* revisions that are not indexed */
    _Atomic int64_t scrubs;          /* purges that are not physical */
    _Atomic int64_t wal_pages, wal_moved;   /* in the WAL, and of these in the file */
    _Atomic bool index_damaged;      /* it is to be made anew */

    /* The task that indexes, checkpoints and scrubs: told by committed(). */
    drey_notify work;
    drey_mutex trouble_lock;
    sq_error trouble;                /* under the lock: what it met last */
    _Atomic bool closing;
    bool keeps;                      /* the task was started */
    drey_gate kept;                  /* it has ended */
} sq_sqlite;

/* txn.c: the primitives for decide.c. */
extern const sq_txn_ops sq_sqlite_txn_ops;
void sq_sqlite_txn_init(sq_sqlite *store);
void sq_sqlite_txn_deinit(sq_sqlite *store);

/* schema.c: brings the file to this version, or refuses it. On the writer's thread. */
int sq_sqlite_schema(sq_db *db, const char *path, uint8_t secret[SQ_DIGEST_BYTES], sq_error *error);
int sq_sqlite_schema_known(sq_db *db, int64_t *out_version, sq_error *error);    /* is it a store of squirrel? */

/* row.c: a revision from a row of SQ_REVISION_COLUMNS. -EIO if it is damaged. */
int sq_sqlite_revision(sqlite3_stmt *row, const char *project, bool with_data, const sq_revision **out,
                       sq_error *error);
void sq_sqlite_project(sqlite3_stmt *row, sq_project *out);
int sq_sqlite_find_project(sq_db *db, const char *name, sq_project *out, sq_error *error);                 /* -ENOENT */
int sq_sqlite_find_context(sq_db *db, const sq_project *project, const char *id, int64_t *out, sq_error *error);

/* read.c: runs `fn` on a thread of the readers' pool, in one snapshot. */
typedef int sq_read(sq_sqlite *store, sq_db *db, void *arg, sq_error *error);
DREY_ASYNC int sq_sqlite_read(sq_sqlite *store, sq_read *fn, void *arg, sq_error *error);
DREY_ASYNC int sq_sqlite_write_call(sq_sqlite *store, drey_fn *fn, void *arg);    /* on the writer's thread */

DREY_ASYNC int sq_sqlite_get(sq_store *, const char *project, const char *id, int64_t rev, const sq_revision **out,
                             sq_error *);
DREY_ASYNC int sq_sqlite_lineage(sq_store *, const char *project, const char *id, const sq_revision **out,
                                 size_t *out_count, sq_error *);
DREY_ASYNC int sq_sqlite_history(sq_store *, const sq_history *, sq_page *out, sq_error *);
DREY_ASYNC int sq_sqlite_changes(sq_store *, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                                 sq_changes *out, sq_error *);
DREY_ASYNC int sq_sqlite_projects(sq_store *, const char *after, sq_project *out, size_t *count, sq_error *);
DREY_ASYNC int sq_sqlite_list(sq_store *, const sq_list *, sq_page *out, sq_error *);               /* list.c */
DREY_ASYNC int sq_sqlite_backup(sq_store *, const char *path, sq_error *);                          /* backup.c */
DREY_ASYNC int sq_sqlite_restore(const char *path, const char *backup, sq_error *);
DREY_ASYNC int sq_sqlite_verify(sq_store *, sq_verified *out, sq_error *);                          /* verify.c */
DREY_ASYNC int sq_sqlite_scrub(sq_store *, sq_error *);                                             /* keep.c */

/* index.c. In a transaction of the writer: indexes up to SQ_INDEX_BATCH revisions; 1: there are more. */
int sq_sqlite_index_some(sq_sqlite *store, sq_error *error);
int sq_sqlite_index_batch(sq_sqlite *store, sq_error *error);   /* the same in a transaction of its own */
int sq_sqlite_index_drop(sq_sqlite *store, const sq_unindexed *gone, sq_error *error);
int sq_sqlite_index_check_version(sq_sqlite *store, sq_error *error);   /* at opening: clears what another one made */
int sq_sqlite_index_renew(sq_txn *, void *store, sq_error *error);      /* an sq_work, alone: clears what is damaged */
void sq_sqlite_look_at_index(sq_sqlite *store, sq_db *db);      /* after work on a connection: has it met damage? */

/* keep.c: what the store does beside writing. */
DREY_ASYNC int sq_sqlite_keep(void *store);                     /* the task */
int sq_sqlite_checkpoint(sq_sqlite *store, bool all, sq_error *error);          /* on the writer's thread */
DREY_ASYNC int sq_sqlite_scrub_now(sq_sqlite *store, sq_error *error);


