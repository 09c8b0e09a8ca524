/* SPDX-License-Identifier: MIT */
/* The index follows the log (S7, Q2): what was written is added in batches, by the order of rid. What leaves the
 * history is taken out by telling the index the same tokens again, as it keeps no texts. */
#include <errno.h>
#include <string.h>

#include "store/sqlite/hooks.h"
#include "store/sqlite/sqlite.h"

static void bind_columns(sqlite3_stmt *s, int at, const sq_columns *columns)
{
    sq_bind_bytes(s, at, columns->name.data ? columns->name.data : "", columns->name.bytes);
    sq_bind_bytes(s, at + 1, columns->body.data ? columns->body.data : "", columns->body.bytes);
    sq_bind_bytes(s, at + 2, columns->paths.data ? columns->paths.data : "", columns->paths.bytes);
}

static int change(sq_sqlite *store, sq_sql which, int64_t rid, const char *project, const sq_searched *searched,
                  sq_error *error)
{
    sq_text encoded = {0};
    sq_tokens_encode(&encoded, project, strlen(project));
    if (encoded.failed || !sq_columns_fill(&store->columns, searched)) {
        sq_text_free(&encoded);
        return sq_fail_memory(error);
    }
    sqlite3_stmt *s = sq_db_sql(&store->db, which);
    sq_bind_integer(s, 1, rid);
    sq_bind_bytes(s, 2, encoded.data, encoded.bytes);
    bind_columns(s, 3, &store->columns);
    int rc = sq_db_index_result(&store->db, sq_db_run(&store->db, s, error), error);
    sq_text_free(&encoded);
    return rc;
}

int sq_sqlite_index_drop(sq_sqlite *store, const sq_unindexed *gone, sq_error *error)
{
    sq_searched searched = {gone->id, gone->name, gone->metadata, gone->metadata_bytes, gone->data, gone->data_bytes};
    return change(store, SQ_SQL_INDEX_DROP, gone->rid, gone->project, &searched, error);
}

/* A row of INDEX_NEXT. What ended a context has no data, and is not indexed. */
static int index_row(sq_sqlite *store, sqlite3_stmt *row, int64_t rid, sq_error *error)
{
    const char *project = sq_column_text(row, 1);
    sq_searched searched = {.id = sq_column_text(row, 2), .name = sq_column_text(row, 3)};
    searched.metadata = sq_column_text(row, 4);
    searched.metadata_bytes = sq_column_bytes(row, 4);
    searched.data = sq_column_text(row, 5);
    searched.data_bytes = sq_column_bytes(row, 5);
    return searched.data ? change(store, SQ_SQL_INDEX_ADD, rid, project, &searched, error) : 0;
}

int sq_sqlite_index_some(sq_sqlite *store, sq_error *error)
{
    int64_t indexed = store->txn.indexed;
    unsigned count = 0;
    sqlite3_stmt *s = sq_db_sql(&store->db, SQ_SQL_INDEX_NEXT);
    sq_bind_integer(s, 1, indexed);
    sq_bind_integer(s, 2, SQ_INDEX_BATCH);
    int rc;
    while ((rc = sq_db_row(&store->db, s, error)) == 0) {
        indexed = sq_column_integer(s, 0);
        rc = index_row(store, s, indexed, error);
        if (rc < 0)
            break;
        count++;
    }
    sqlite3_reset(s);
    if (rc != -ENOENT)
        return rc;
    bool more = count == SQ_INDEX_BATCH;
    store->txn.indexed = more ? indexed : store->txn.rid;
    rc = sq_meta_put_integer(&store->db, "indexed", store->txn.indexed, error);
    return rc < 0 ? rc : more;
}

/* One batch in a transaction of its own. */
int sq_sqlite_index_batch(sq_sqlite *store, sq_error *error)
{
    sq_txn *txn = &store->txn.txn;
    int more = 0, rc = txn->ops->begin(txn, error);
    if (rc < 0)
        return rc;
    more = rc = sq_sqlite_index_some(store, error);
    if (rc >= 0)
        rc = txn->ops->commit(txn, error);
    if (rc < 0)
        txn->ops->rollback(txn);
    return rc < 0 ? rc : more;
}

void sq_sqlite_look_at_index(sq_sqlite *store, sq_db *db)
{
    if (!db->index_damaged)
        return;
    db->index_damaged = false;
    store->index_damaged = true;
    drey_notify_one(&store->work);
}

/* An index so damaged that SQLite does not open it: its tables as they are when it is new. */
static const char anew[] = "DELETE FROM search_data; DELETE FROM search_idx; DELETE FROM search_docsize;"
                           "INSERT INTO search_data(id,block) VALUES(1,x''),(10,x'00000000000000')";

static int empty_index(sq_db *db, bool by_hand, sq_error *error)
{
    if (!by_hand)
        return sq_db_run(db, sq_db_sql(db, SQ_SQL_INDEX_CLEAR), error);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    int rc = sq_db_exec(db, anew, error);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return rc;
}

/* Everything is to be indexed anew. */
static int clear(sq_sqlite *store, bool by_hand, sq_error *error)
{
    sq_db *db = &store->db;
    int rc = sq_db_exec(db, "BEGIN IMMEDIATE", error);
    if (rc == 0)
        rc = empty_index(db, by_hand, error);
    if (rc == 0)
        rc = sq_meta_put_integer(db, "indexed", 0, error);
    if (rc == 0)
        rc = sq_meta_put_integer(db, "tokens", SQ_TOKENS_VERSION, error);
    if (rc == 0)
        rc = sq_db_exec(db, "COMMIT", error);
    if (rc < 0)
        sq_db_exec(db, "ROLLBACK", &(sq_error){0});
    return rc;
}

int sq_sqlite_index_check_version(sq_sqlite *store, sq_error *error)
{
    int64_t version = 0;
    int rc = sq_meta_integer(&store->db, "tokens", &version, error);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    return version == SQ_TOKENS_VERSION ? 0 : clear(store, false, error);
}

int sq_sqlite_index_renew(sq_txn *txn, void *arg, sq_error *error)
{
    sq_sqlite *store = arg;
    (void)txn;
    int64_t rid = 0;
    int rc = clear(store, false, error);
    if (rc < 0)
        rc = clear(store, true, error);
    if (rc == 0)
        rc = sq_db_number(&store->db, "SELECT seq FROM sqlite_sequence WHERE name='revisions'", &rid, error);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    store->lag = rid;
    store->index_damaged = false;
    return 0;
}
