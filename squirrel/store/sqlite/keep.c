/* SPDX-License-Identifier: MIT */
/* What the store does beside writing, by a task that is woken after each commit: it has the index follow the log, moves
 * the WAL into the file, and makes purges physical. Every step runs on the writer's thread between or inside groups, so
 * none of them is long. */
#include <errno.h>

#include "store/sqlite/hooks.h"
#include "store/sqlite/sqlite.h"

enum {
    GATHER_MS = 20,    /* for so long nothing more is written before less than a batch is indexed, */
    GATHERS_MAX = 5,   /* or that many times something is */
    WAL_PAGES = 2000,  /* that come together before a checkpoint: 8 MB */
    MERGE_PAGES = 256, /* of the index that a step of scrubbing writes */
    BUSY_MS = 20,
    RETRY_MS = 1000, /* after a failure */
};

/* Only the pages that no reader still needs in the WAL are moved; `all`: and the WAL is emptied. -EAGAIN: a reader is
 * in the way. After a sync that failed nobody knows what is in the file, so the caller poisons the store (S4). */
int sq_sqlite_checkpoint(sq_sqlite *store, bool all, sq_error *error)
{
    int pages = 0, moved = 0;
    sqlite3_busy_timeout(store->db.handle, 0);
    int code = sqlite3_wal_checkpoint_v2(store->db.handle, NULL,
                                         all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    sqlite3_busy_timeout(store->db.handle, 5000);
    store->wal_moved = moved;
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
        return -EAGAIN;
    return code == SQLITE_OK ? 0 : sq_db_fail_code(&store->db, code, error);
}

static int checkpoint(sq_txn *txn, void *arg, sq_error *error)
{
    (void)txn;
    sq_sqlite *store = arg;
    int rc = sq_sqlite_checkpoint(store, false, error);
    return rc == -EAGAIN ? 0 : rc;
}

static int index_some(sq_txn *txn, void *arg, sq_error *error)
{
    (void)txn;
    sq_sqlite *store = arg;
    int rc = sq_sqlite_index_some(store, error);
    return rc >= 0 ? 0 : store->db.index_damaged ? -EINVAL : rc; /* that the index is damaged fails no write */
}

/* One purge after the other may come while the index is merged: those that came after `seen` need another round. */
typedef struct scrubbing {
    sq_sqlite *store;
    enum { BEGIN, MERGE, EMPTY, END } phase;
    int64_t seen;
    bool busy;
} scrubbing;

/* Merges a part of the index, so that the entries that were taken out leave the file. 1: there is more to do. */
static int merge(sq_sqlite *store, int pages, sq_error *error)
{
    sq_db *db = &store->db;
    sqlite3_int64 before = sqlite3_total_changes64(db->handle);
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_INDEX_MERGE);
    sq_bind_integer(s, 1, pages);
    int rc = sq_db_index_result(db, sq_db_run(db, s, error), error);
    return rc < 0 ? rc : sqlite3_total_changes64(db->handle) - before >= 2;
}

static int scrub_end(scrubbing *s, sq_error *error)
{
    int64_t now = 0;
    int rc = sq_meta_integer(&s->store->db, "scrub", &now, error);
    if (rc == -ENOENT)
        rc = 0;
    bool more = now != s->seen;
    if (rc == 0 && !more)
        rc = sq_meta_put_integer(&s->store->db, "scrub", 0, error);
    if (rc == 0 && !more)
        s->store->scrubs = 0;
    s->phase = more ? BEGIN : END;
    return rc;
}

/* One step; `alone`, so each statement is a transaction. */
static int scrub_step(sq_txn *txn, void *arg, sq_error *error)
{
    scrubbing *s = arg;
    int rc = 0;
    (void)txn;
    s->busy = false;
    if (s->phase == BEGIN) {
        rc = sq_meta_integer(&s->store->db, "scrub", &s->seen, error);
        if (rc == 0 || rc == -ENOENT)
            rc = merge(s->store, -MERGE_PAGES, error);
        s->phase = MERGE;
    } else if (s->phase == MERGE) {
        rc = merge(s->store, MERGE_PAGES, error);
        if (rc == 0)
            s->phase = EMPTY;
    } else {
        rc = sq_sqlite_checkpoint(s->store, true, error);
        s->busy = rc == -EAGAIN;
        if (rc == 0)
            rc = scrub_end(s, error);
    }
    return rc == -EAGAIN || rc > 0 ? 0 : rc;
}

int sq_sqlite_scrub_now(sq_sqlite *store, sq_error *error)
{
    scrubbing s = {.store = store};
    while (store->scrubs > 0 && s.phase != END) {
        int rc = sq_writer_call(store->writer, scrub_step, &s, true, error);
        if (rc == 0 && s.busy)
            rc = drey_sleep(DREY_MS(BUSY_MS));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sq_sqlite_scrub(sq_store *store, sq_error *error)
{
    return sq_sqlite_scrub_now((sq_sqlite *)store, error);
}

/* What is written meanwhile is indexed together: a word that many of them have is written once, and merged less often
 * later on. */
static DREY_ASYNC int gather(sq_sqlite *store)
{
    int rc = 0;
    int64_t before = 0;
    for (int i = 0; rc == 0 && i < GATHERS_MAX && store->lag < SQ_INDEX_BATCH && store->lag != before; i++) {
        before = store->lag;
        rc = drey_sleep(DREY_MS(GATHER_MS));
    }
    return rc;
}

static DREY_ASYNC int move_wal(sq_sqlite *store, sq_error *error)
{
    int64_t pages = sq_sqlite_hook.wal_pages ? sq_sqlite_hook.wal_pages : WAL_PAGES;
    if (store->closing || store->wal_pages - store->wal_moved <= pages)
        return 0;
    int rc = sq_writer_call(store->writer, checkpoint, store, true, error);
    if (rc == -EINVAL || rc == -ENOMEM)
        sq_writer_poison(store->writer, error);
    return rc;
}

/* Everything that there is to do now. */
static DREY_ASYNC int work(sq_sqlite *store, sq_error *error)
{
    int rc = store->index_damaged ? sq_writer_call(store->writer, sq_sqlite_index_renew, store, true, error) : 0;
    while (rc == 0 && store->lag > 0 && !store->closing && !sq_sqlite_hook.without_index) {
        rc = gather(store);
        if (rc == 0)
            rc = sq_writer_call(store->writer, index_some, store, false, error);
        if (rc == 0)
            rc = move_wal(store, error);
    }
    if (rc == 0)
        rc = move_wal(store, error);
    return rc == 0 && !store->closing ? sq_sqlite_scrub_now(store, error) : rc;
}

static DREY_ASYNC int wait_for_work(sq_sqlite *store, bool again)
{
    drey_case cases[] = {drey_on_notify(&store->work), again ? drey_on_after(DREY_MS(RETRY_MS)) : drey_on_never()};
    int rc = drey_select(cases, 2);
    return rc < 0 ? rc : 0;
}

/* A failure is kept for status until all went well again: after the next write, or a little later. */
int sq_sqlite_keep(void *arg)
{
    sq_sqlite *store = arg;
    int rc = 0;
    while (rc != -ECANCELED && !store->closing) {
        sq_error error = {0};
        rc = wait_for_work(store, rc < 0);
        if (rc == 0)
            rc = work(store, &error);
        if (rc != -ECANCELED) {
            DREY_LOCKED(&store->trouble_lock);
            store->trouble = error;
        }
    }
    drey_gate_open(&store->kept, 0);
    return 0;
}
