/* SPDX-License-Identifier: MIT */
/* The primitives of store/txn.h that make, read and drop revisions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/txn.h"

int sq_sqlite_txn_revision(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                           const sq_revision **out, sq_error *error)
{
    (void)id;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_REVISION_GET);
    sq_bind_integer(s, 1, head->num);
    sq_bind_integer(s, 2, rev);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0)
        rc = sq_sqlite_revision(s, project->name, true, out, error);
    sqlite3_reset(s);
    return rc;
}

static int find_parent(sq_txn *txn, const sq_project *project, const char *id, int64_t *out, sq_error *error)
{
    *out = 0;
    if (!id)
        return 0;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_CONTEXT_NUM);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, id);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0)
        *out = sq_column_integer(s, 0);
    sqlite3_reset(s);
    return rc;
}

/* A new context is told the rid of the revision that follows, so it is written once. */
static int put_context(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *made, int64_t parent,
                       sq_error *error)
{
    bool new = head->num == 0;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), new ? SQ_SQL_CONTEXT_ADD : SQ_SQL_CONTEXT_SET);
    int at = 1;
    sq_bind_integer(s, at++, new ? project->num : head->num);
    if (new)
        sq_bind_text(s, at++, made->id);
    sq_bind_integer(s, at++, head->state);
    sq_bind_integer(s, at++, head->rev);
    sq_bind_integer(s, at++, sq_txn_of(txn)->rid);
    sq_bind_integer(s, at++, head->seq);
    sq_bind_or_null(s, at++, parent);
    sq_bind_text(s, at++, made->name);
    sq_bind_integer(s, at++, head->bytes);
    sq_bind_integer(s, at++, head->created_at);
    sq_bind_integer(s, at++, head->updated_at);
    sq_bind_time(s, at++, head->expires_at);
    int rc = sq_db_run(sq_db_of(txn), s, error);
    if (rc == 0 && new)
        head->num = sqlite3_last_insert_rowid(sq_db_of(txn)->handle);
    return rc;
}

static int put_revision(sq_txn *txn, const sq_project *project, const sq_head *head, const sq_revision *made,
                        int64_t parent, sq_error *error)
{
    static const uint8_t none[SQ_DIGEST_BYTES];
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_REVISION_ADD);
    sq_bind_integer(s, 1, sq_txn_of(txn)->rid);
    sq_bind_integer(s, 2, project->num);
    sq_bind_integer(s, 3, made->seq);
    sq_bind_integer(s, 4, head->num);
    sq_bind_integer(s, 5, made->rev);
    sq_bind_text(s, 6, sq_op_name(made->op));
    sq_bind_integer(s, 7, made->at);
    sq_bind_text(s, 8, made->source);
    sq_bind_text(s, 9, made->name);
    sq_bind_or_null(s, 10, parent);
    sq_bind_time(s, 11, made->expires_at);
    sq_bind_text(s, 12, made->metadata);
    if (memcmp(made->fingerprint, none, sizeof none) != 0)
        sq_bind_blob(s, 13, made->fingerprint, sizeof made->fingerprint);
    if (made->data)
        sq_bind_bytes(s, 14, made->data, made->data_bytes);
    return sq_db_run(sq_db_of(txn), s, error);
}

int sq_sqlite_txn_put(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *made, sq_error *error)
{
    int64_t parent;
    int rc = find_parent(txn, project, made->parent_id, &parent, error);
    if (rc == -ENOENT) {
        sq_fail(error, SQ_STORE_FAILED, "a parent is missing in the store: see `squirrel verify`");
        rc = -EIO;
    }
    sq_txn_of(txn)->rid++;
    if (rc == 0)
        rc = put_context(txn, project, head, made, parent, error);
    return rc < 0 ? rc : put_revision(txn, project, head, made, parent, error);
}

int sq_sqlite_txn_oldest(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t after,
                         sq_oldest *out, sq_error *error)
{
    (void)project, (void)id;
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_OLDEST);
    sq_bind_integer(s, 1, head->num);
    sq_bind_integer(s, 2, after);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc == 0)
        *out = (sq_oldest){
            .rev = sq_column_integer(s, 0),
            .seq = sq_column_integer(s, 1),
            .at = sq_column_integer(s, 2),
            .charge = sq_revision_charge(sq_column_bytes(s, 3), sq_column_bytes(s, 4)),
        };
    sqlite3_reset(s);
    return rc;
}

static char *copy(char **at, const char *text, size_t bytes)
{
    if (!text)
        return NULL;
    char *made = *at;
    memcpy(made, text, bytes);
    made[bytes] = '\0';
    *at += bytes + 1;
    return made;
}

/* Remembers what the index was told of a revision (the row), to tell it at the commit that it is gone. */
static int unindex(sq_sqlite_txn *t, const sq_project *project, sqlite3_stmt *row, int64_t rid, sq_error *error)
{
    enum { ID = 12, NAME = 6, METADATA = 8, DATA = 10 };
    size_t id = sq_column_bytes(row, ID), name = sq_column_bytes(row, NAME), metadata = sq_column_bytes(row, METADATA),
           data = sq_column_bytes(row, DATA), length = strlen(project->name);
    sq_unindexed *made = malloc(sizeof *made + id + name + metadata + data + length + 5);
    if (!made)
        return sq_fail_memory(error);
    char *at = (char *)(made + 1);
    *made = (sq_unindexed){.rid = rid, .metadata_bytes = metadata, .data_bytes = data, .next = t->unindexed};
    made->project = copy(&at, project->name, length);
    made->id = copy(&at, sq_column_text(row, ID), id);
    made->name = copy(&at, sq_column_text(row, NAME), name);
    made->metadata = copy(&at, sq_column_text(row, METADATA), metadata);
    made->data = copy(&at, sq_column_text(row, DATA), data);
    t->unindexed = made;
    return 0;
}

int sq_sqlite_txn_drop(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                       bool purge, sq_error *error)
{
    enum { DATA = 10, RID = 13 };
    (void)id;
    sq_sqlite_txn *t = sq_txn_of(txn);
    sqlite3_stmt *s = sq_db_sql(sq_db_of(txn), SQ_SQL_REVISION_GET);
    sq_bind_integer(s, 1, head->num);
    sq_bind_integer(s, 2, rev);
    int rc = sq_db_row(sq_db_of(txn), s, error);
    if (rc < 0)
        return rc;
    int64_t rid = sq_column_integer(s, RID);
    if (rid <= t->indexed && sq_column_text(s, DATA))
        rc = unindex(t, project, s, rid, error);
    sqlite3_reset(s);
    if (rc < 0)
        return rc;
    t->scrub |= purge;
    s = sq_db_sql(sq_db_of(txn), SQ_SQL_REVISION_DROP);
    sq_bind_integer(s, 1, rid);
    return sq_db_run(sq_db_of(txn), s, error);
}
