/* SPDX-License-Identifier: MIT */
/* The primitives of store/txn.h over the writer's connection. They run on the writer's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/disk.h"
#include "store/sqlite/txn.h"
#include "store/wall.h"

static int run(sq_txn *txn, sq_sql which, sq_error *error)
{
    sq_db *db = sq_db_of(txn);
    int rc = sq_db_run(db, sq_db_sql(db, which), error);
    /* At savepoints and commits the index writes what it has gathered. Nothing else has constraints then. */
    bool constraint = rc == -EIO && (sqlite3_errcode(db->handle) & 0xff) == SQLITE_CONSTRAINT;
    return constraint ? sq_db_index_result(db, rc, error) : rc;
}

/* Frees entries up to, not with, `until`. */
static void forget(sq_sqlite_txn *t, const sq_unindexed *until)
{
    while (t->unindexed != until) {
        sq_unindexed *one = t->unindexed;
        t->unindexed = one->next;
        free(one);
    }
}

static int begin(sq_txn *txn, sq_error *error)
{
    sq_sqlite_txn *t = sq_txn_of(txn);
    sq_db *db = sq_db_of(txn);
    int rc = run(txn, SQ_SQL_BEGIN_WRITE, error);
    if (rc < 0)
        return rc;
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_LAST_RID);
    rc = sq_db_row(db, s, error);
    t->rid = rc == 0 ? sq_column_integer(s, 0) : 0;
    sqlite3_reset(s);
    if (rc == 0 || rc == -ENOENT)
        rc = sq_meta_integer(db, "indexed", &t->indexed, error);
    if (rc == -ENOENT)
        t->indexed = rc = 0;
    t->scrub = false;
    txn->disk_low = sq_disk_low(t->store->folder);
    txn->now = sq_wall();
    if (rc < 0)
        run(txn, SQ_SQL_ROLLBACK, &(sq_error){0});
    return rc;
}

static int commit(sq_txn *txn, sq_error *error)
{
    sq_sqlite_txn *t = sq_txn_of(txn);
    sq_db *db = sq_db_of(txn);
    bool known = db->index_damaged;
    int rc = 0;
    db->index_damaged = false;
    for (const sq_unindexed *one = t->unindexed; one && rc == 0; one = one->next)
        rc = sq_sqlite_index_drop(t->store, one, error);
    if (rc == 0 && t->scrub)
        rc = sq_meta_put_integer(db, "scrub", t->store->scrubs + 1, error);
    if (rc == 0)
        rc = run(txn, SQ_SQL_COMMIT, error);
    bool by_index = db->index_damaged; /* it is asked before anything is written */
    db->index_damaged |= known;
    if (rc < 0)
        return by_index ? -EAGAIN : rc;
    forget(t, NULL);
    t->store->lag = t->rid - t->indexed;
    if (t->scrub)
        t->store->scrubs++;
    return 0;
}

static void rollback(sq_txn *txn)
{
    forget(sq_txn_of(txn), NULL);
    if (!sqlite3_get_autocommit(sq_db_of(txn)->handle))
        run(txn, SQ_SQL_ROLLBACK, &(sq_error){0});
}

static int save(sq_txn *txn, sq_error *error)
{
    sq_sqlite_txn *t = sq_txn_of(txn);
    t->saved.unindexed = t->unindexed;
    t->saved.indexed = t->indexed;
    t->saved.scrub = t->scrub;
    return run(txn, SQ_SQL_SAVE, error);
}

static int keep(sq_txn *txn, sq_error *error)
{
    return run(txn, SQ_SQL_KEEP, error);
}

static int revert(sq_txn *txn, sq_error *error)
{
    sq_sqlite_txn *t = sq_txn_of(txn);
    forget(t, t->saved.unindexed);
    t->indexed = t->saved.indexed;
    t->scrub = t->saved.scrub;
    int rc = run(txn, SQ_SQL_REVERT, error);
    return rc < 0 ? rc : run(txn, SQ_SQL_KEEP, error);
}

static int project_get(sq_txn *txn, const char *name, sq_project *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_PROJECT_GET);
    sq_bind_text(s, 1, name);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0)
        sq_sqlite_project(s, out);
    sqlite3_reset(s);
    return rc;
}

static int project_put(sq_txn *txn, sq_project *project, sq_error *error)
{
    bool new = project->num == 0;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), new ? SQ_SQL_PROJECT_ADD : SQ_SQL_PROJECT_SET);
    if (new)
        sq_bind_text(s, 1, project->name);
    else
        sq_bind_integer(s, 1, project->num);
    sq_bind_integer(s, 2, project->seq);
    sq_bind_integer(s, 3, project->pruned_seq);
    sq_bind_integer(s, 4, project->live);
    sq_bind_integer(s, 5, project->bytes);
    sq_bind_or_null(s, 6, project->max_live);
    sq_bind_or_null(s, 7, project->max_bytes);
    if (new)
        sq_bind_integer(s, 8, project->created_at);
    int rc = sq_db_run(sq_db_of(txn), s, error);
    if (rc == 0 && new)
        project->num = sqlite3_last_insert_rowid(sq_db_of(txn)->handle);
    return rc;
}

static int head(sq_txn *txn, const sq_project *project, const char *id, sq_head *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_HEAD);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, id);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0) {
        *out = (sq_head){
            .num = sq_column_integer(s, 0),
            .state = (sq_state)sq_column_integer(s, 1),
            .rev = sq_column_integer(s, 2),
            .seq = sq_column_integer(s, 3),
            .bytes = sq_column_integer(s, 4),
            .created_at = sq_column_integer(s, 5),
            .updated_at = sq_column_integer(s, 6),
            .expires_at = sq_column_time(s, 7),
        };
        const char *parent = sq_column_text(s, 8);
        if (parent)
            strncat(out->parent_id, parent, SQ_ID_BYTES);
    }
    sqlite3_reset(s);
    return rc;
}

static int child(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t *position,
                 char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    (void)project, (void)id;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_CHILD);
    sq_bind_integer(s, 1, head->num);
    sq_bind_integer(s, 2, *position);
    sq_bind_integer(s, 3, txn->now);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0) {
        const char *found = sq_column_text(s, 1);
        *position = sq_column_integer(s, 0);
        out_id[0] = '\0';
        strncat(out_id, found ? found : "", SQ_ID_BYTES);
    }
    sqlite3_reset(s);
    return rc;
}

static int operation_get(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                         sq_operation *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_OPERATION_GET);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, principal);
    sq_bind_text(s, 3, key);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0 && !sq_operation_unpack(sqlite3_column_blob(s, 0), sq_column_bytes(s, 0), out)) {
        sq_fail(error, SQ_STORE_FAILED, "an operation key is damaged: see `squirrel verify`");
        rc = -EIO;
    }
    if (rc == 0) {
        out->seq = sq_column_integer(s, 1);
        out->expires_at = sq_column_integer(s, 2);
    }
    sqlite3_reset(s);
    return rc;
}

static int operation_put(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                         const sq_operation *operation, sq_error *error)
{
    uint8_t packed[SQ_OPERATION_BYTES];
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_OPERATION_PUT);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, principal);
    sq_bind_text(s, 3, key);
    sq_bind_blob(s, 4, packed, sq_operation_pack(operation, packed));
    sq_bind_integer(s, 5, operation->seq);
    sq_bind_integer(s, 6, operation->expires_at);
    return sq_db_run(sq_db_of(txn), s, error);
}

static int expired(sq_txn *txn, sq_project *out_project, char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_EXPIRED);
    sq_bind_integer(s, 1, txn->now);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0) {
        sq_sqlite_project(s, out_project);
        const char *id = sq_column_text(s, 9);
        out_id[0] = '\0';
        strncat(out_id, id ? id : "", SQ_ID_BYTES);
    }
    sqlite3_reset(s);
    return rc;
}

static int operations_expire(sq_txn *txn, size_t limit, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_OPERATIONS_EXPIRE);
    sq_bind_integer(s, 1, txn->now);
    sq_bind_integer(s, 2, (int64_t)limit);
    int rc = sq_db_run(sq_db_of(txn), s, error);
    return rc < 0 ? rc : sqlite3_changes(sq_db_of(txn)->handle);
}

const sq_txn_ops sq_sqlite_txn_ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .save = save,
    .keep = keep,
    .revert = revert,
    .project_get = project_get,
    .project_put = project_put,
    .head = head,
    .revision = sq_sqlite_txn_revision,
    .child = child,
    .put = sq_sqlite_txn_put,
    .oldest = sq_sqlite_txn_oldest,
    .drop = sq_sqlite_txn_drop,
    .operation_get = operation_get,
    .operation_put = operation_put,
    .expired = expired,
    .operations_expire = operations_expire,
};

void sq_sqlite_txn_init(sq_sqlite *store)
{
    store->txn = (sq_sqlite_txn){.store = store};
    store->txn.txn.ops = &sq_sqlite_txn_ops;
    store->txn.txn.limits = &store->store.options.limits;
    store->txn.txn.pins = &store->store.pins;
}

void sq_sqlite_txn_deinit(sq_sqlite *store)
{
    forget(&store->txn, NULL);
}
