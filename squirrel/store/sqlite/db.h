/* SPDX-License-Identifier: MIT */
/* One connection to SQLite with its prepared statements; used by one thread at a time. */
#pragma once
#include <sqlite3.h>

#include "context/error.h"
#include "store/sqlite/sql.h"

typedef struct sq_db {
    sqlite3 *handle;                     /* NULL: not open */
    sqlite3_stmt *made[SQ_SQL_COUNT];    /* as they are first asked for */
    bool index_damaged;                  /* a call has met damage of the search index, and of nothing else */
} sq_db;

/* Opens the file for reading only, or for writing too. Failures here and below: -EIO or -ENOMEM with *error set. */
int sq_db_open(sq_db *db, const char *path, bool writes, sq_error *error);
void sq_db_close(sq_db *db);             /* also one that never was open */

/* The statement, reset and without bindings; NULL: it could not be made, which the first step of NULL reports. */
sqlite3_stmt *sq_db_sql(sq_db *db, sq_sql which);

void sq_bind_integer(sqlite3_stmt *statement, int at, int64_t value);
void sq_bind_text(sqlite3_stmt *statement, int at, const char *text);   /* NULL: null; borrowed until it is reset */
void sq_bind_bytes(sqlite3_stmt *statement, int at, const char *text, size_t bytes);
void sq_bind_blob(sqlite3_stmt *statement, int at, const void *data, size_t bytes);
void sq_bind_time(sqlite3_stmt *statement, int at, int64_t when);                   /* SQ_NEVER: null */

/* Steps: 0: there is a row. -ENOENT: there is none; the statement was reset. */
int sq_db_row(sq_db *db, sqlite3_stmt *statement, sq_error *error);

/* Steps a statement that gives no rows, and resets it. */
int sq_db_run(sq_db *db, sqlite3_stmt *statement, sq_error *error);

int64_t sq_column_integer(sqlite3_stmt *statement, int at);            /* null: 0 */
int64_t sq_column_time(sqlite3_stmt *statement, int at);               /* null: SQ_NEVER */
const char *sq_column_text(sqlite3_stmt *statement, int at);           /* NULL: null; until the next step */
size_t sq_column_bytes(sqlite3_stmt *statement, int at);

/* SQL without rows, by its text: for what is done once. */
int sq_db_exec(sq_db *db, const char *sql, sq_error *error);

/* One number that a query gives. */
int sq_db_number(sq_db *db, const char *sql, int64_t *out, sq_error *error);

/* What became of a statement of the index alone: failures that neither the disk nor memory accounts for are damage of
 * it. Sets index_damaged and *error then; `rc` is returned. */
int sq_db_index_result(sq_db *db, int rc, sq_error *error);

/* What the last call on the connection met, in words: -EIO, -ENOMEM, or -ECANCELED if it was interrupted. */
int sq_db_fail(sq_db *db, sq_error *error);
int sq_db_fail_code(sq_db *db, int code, sq_error *error);

/* Values of `meta`. -ENOENT: not there. */
int sq_meta_integer(sq_db *db, const char *key, int64_t *out, sq_error *error);
int sq_meta_put_integer(sq_db *db, const char *key, int64_t value, sq_error *error);
