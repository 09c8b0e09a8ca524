/* SPDX-License-Identifier: MIT */
/* Rows become revisions and projects. */
#include <errno.h>
#include <string.h>

#include "store/sqlite/sqlite.h"

/* In the order of SQ_REVISION_COLUMNS. */
enum { REV, SEQ, OP, CREATED_AT, AT, EXPIRES_AT, NAME, PARENT, METADATA, SOURCE, DATA, FINGERPRINT, ID };

int sq_sqlite_revision(sqlite3_stmt *row, const char *project, bool with_data, const sq_revision **out, sq_error *error)
{
    sq_revision made = {
        .project = project,
        .id = sq_column_text(row, ID),
        .rev = sq_column_integer(row, REV),
        .seq = sq_column_integer(row, SEQ),
        .created_at = sq_column_integer(row, CREATED_AT),
        .at = sq_column_integer(row, AT),
        .expires_at = sq_column_time(row, EXPIRES_AT),
        .name = sq_column_text(row, NAME),
        .parent_id = sq_column_text(row, PARENT),
        .metadata = sq_column_text(row, METADATA),
        .source = sq_column_text(row, SOURCE),
        .data = with_data ? sq_column_text(row, DATA) : NULL,
        .data_bytes = sq_column_bytes(row, DATA),
    };
    const char *op = sq_column_text(row, OP);
    if (!op || !sq_op_read(op, &made.op) || !made.id || !made.source) {
        sq_fail(error, SQ_STORE_FAILED, "revision %lld of a context is damaged: see `squirrel verify`",
                (long long)made.rev);
        return -EIO;
    }
    if (sq_column_bytes(row, FINGERPRINT) == SQ_DIGEST_BYTES)
        memcpy(made.fingerprint, sqlite3_column_blob(row, FINGERPRINT), SQ_DIGEST_BYTES);
    *out = sq_revision_new(&made);
    return *out ? 0 : sq_fail_memory(error);
}

/* In the order of SQ_PROJECT_COLUMNS. */
void sq_sqlite_project(sqlite3_stmt *row, sq_project *out)
{
    const char *name = sq_column_text(row, 8);
    *out = (sq_project){
        .num = sq_column_integer(row, 0),
        .seq = sq_column_integer(row, 1),
        .pruned_seq = sq_column_integer(row, 2),
        .live = sq_column_integer(row, 3),
        .bytes = sq_column_integer(row, 4),
        .max_live = sq_column_integer(row, 5),
        .max_bytes = sq_column_integer(row, 6),
        .created_at = sq_column_integer(row, 7),
    };
    if (name)
        strncat(out->name, name, SQ_ID_BYTES);
}

int sq_sqlite_find_project(sq_db *db, const char *name, sq_project *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_PROJECT_GET);
    sq_bind_text(s, 1, name);
    int rc = sq_db_row(db, s, error);
    if (rc == 0)
        sq_sqlite_project(s, out);
    sqlite3_reset(s);
    return rc;
}

int sq_sqlite_find_context(sq_db *db, const sq_project *project, const char *id, int64_t *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_CONTEXT_NUM);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, id);
    int rc = sq_db_row(db, s, error);
    if (rc == 0)
        *out = sq_column_integer(s, 0);
    sqlite3_reset(s);
    return rc;
}
