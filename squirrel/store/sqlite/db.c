/* SPDX-License-Identifier: MIT */
#include "store/sqlite/db.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "store/revision.h"
#include "store/sqlite/hooks.h"

#define STATEMENT_TEXT(name, text) text,
static const char *const texts[SQ_SQL_COUNT] = {SQ_STATEMENTS(STATEMENT_TEXT)};
#undef STATEMENT_TEXT

sq_sqlite_hooks sq_sqlite_hook;

/* secure_delete is what purge rests on (S31); without a checkpoint on close only the writer ever checkpoints (S6). */
static int set_up(sq_db *db, bool writes, sq_error *error)
{
    int on = 0;
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, 5000);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on);
    if (!writes) {
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
        return sq_db_exec(db,
                          "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
                          "PRAGMA cache_size=-4096;",
                          error);
    }
    int rc = sq_db_exec(db,
                        "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
                        "PRAGMA cell_size_check=ON; PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=0;"
                        "PRAGMA journal_size_limit=16777216;",
                        error);
    if (rc == 0)
        rc = sq_db_exec(db, sq_sqlite_hook.without_sync ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL", error);
    return rc;
}

enum { KEPT_BYTES = 64 << 20, GROWTH_BYTES = 1 << 20 };

/* SQLite's count of its memory costs a lock of all threads at each allocation; nobody asks for it. A batch of the index
 * takes some megabytes in small pieces and frees them all: a heap that shrinks and grows again each time costs a
 * twentieth of a write. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_TOP_PAD, GROWTH_BYTES);
}

int sq_db_open(sq_db *db, const char *path, bool writes, sq_error *error)
{
    int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    *db = (sq_db){0};
    pthread_once(&configured, configure);
    int code = sqlite3_open_v2(path, &db->handle, flags, sq_sqlite_hook.vfs);
    int rc = code == SQLITE_OK ? set_up(db, writes, error) : sq_db_fail_code(db, code, error);
    if (rc < 0)
        sq_db_close(db);
    return rc;
}

void sq_db_close(sq_db *db)
{
    for (unsigned i = 0; i < SQ_SQL_COUNT; i++)
        sqlite3_finalize(db->made[i]);
    sqlite3_close(db->handle);
    *db = (sq_db){0};
}

sqlite3_stmt *sq_db_sql(sq_db *db, sq_sql which)
{
    sqlite3_stmt **made = &db->made[which];
    if (!*made) {
        sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT, made, NULL);
        return *made;
    }
    sqlite3_reset(*made);
    sqlite3_clear_bindings(*made);
    return *made;
}

void sq_bind_integer(sqlite3_stmt *statement, int at, int64_t value)
{
    sqlite3_bind_int64(statement, at, value);
}

void sq_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

void sq_bind_bytes(sqlite3_stmt *statement, int at, const char *text, size_t bytes)
{
    sqlite3_bind_text64(statement, at, text, bytes, SQLITE_STATIC, SQLITE_UTF8);
}

void sq_bind_blob(sqlite3_stmt *statement, int at, const void *data, size_t bytes)
{
    sqlite3_bind_blob64(statement, at, data, bytes, SQLITE_STATIC);
}

void sq_bind_time(sqlite3_stmt *statement, int at, int64_t when)
{
    if (when != SQ_NEVER)
        sqlite3_bind_int64(statement, at, when);
}

int sq_db_row(sq_db *db, sqlite3_stmt *statement, sq_error *error)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 0;
    int rc = code == SQLITE_DONE ? -ENOENT : sq_db_fail(db, error);
    sqlite3_reset(statement);
    return rc;
}

int sq_db_run(sq_db *db, sqlite3_stmt *statement, sq_error *error)
{
    int code = sqlite3_step(statement);
    int rc = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : sq_db_fail(db, error);
    sqlite3_reset(statement);
    return rc;
}

int64_t sq_column_integer(sqlite3_stmt *statement, int at)
{
    return sqlite3_column_int64(statement, at);
}

int64_t sq_column_time(sqlite3_stmt *statement, int at)
{
    return sqlite3_column_type(statement, at) == SQLITE_NULL ? SQ_NEVER : sqlite3_column_int64(statement, at);
}

const char *sq_column_text(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

size_t sq_column_bytes(sqlite3_stmt *statement, int at)
{
    return (size_t)sqlite3_column_bytes(statement, at);
}

int sq_db_exec(sq_db *db, const char *sql, sq_error *error)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sq_db_fail(db, error);
}

int sq_db_number(sq_db *db, const char *sql, int64_t *out, sq_error *error)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
    int rc = sq_db_row(db, statement, error);
    if (rc == 0)
        *out = sq_column_integer(statement, 0);
    sqlite3_finalize(statement);
    return rc;
}

static int fail_index(sq_db *db, sq_error *error)
{
    db->index_damaged = true;
    sq_fail(error, SQ_BUSY, "the search index is damaged, and is made anew from the contexts: try again in a moment");
    return -EIO;
}

int sq_db_index_result(sq_db *db, int rc, sq_error *error)
{
    int code = rc == -EIO ? sqlite3_errcode(db->handle) & 0xff : SQLITE_OK;
    return code == SQLITE_CORRUPT || code == SQLITE_CONSTRAINT || code == SQLITE_ERROR ? fail_index(db, error) : rc;
}

int sq_db_fail(sq_db *db, sq_error *error)
{
    return sq_db_fail_code(db, db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM, error);
}

int sq_db_fail_code(sq_db *db, int code, sq_error *error)
{
    int system = db->handle ? sqlite3_system_errno(db->handle) : 0;
    const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code), *reason = "";
    char number[128];
    if (system && (code & 0xff) != SQLITE_CORRUPT)
        reason = strerror_r(system, number, sizeof number);
    if (code == SQLITE_CORRUPT_VTAB) /* the index's own word, also at a commit; nothing else is such a table */
        return fail_index(db, error);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return sq_fail_memory(error);
    case SQLITE_INTERRUPT:
        sq_fail(error, SQ_INTERRUPTED, "interrupted");
        return -ECANCELED;
    case SQLITE_FULL:
        sq_fail(error, SQ_DISK_FULL, "the disk is full: free some room, then write again");
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        sq_fail(error, SQ_STORE_FAILED,
                "the store's file is damaged (%s): see `squirrel verify`, then restore a backup "
                "with `squirrel restore`",
                text);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        sq_fail(error, SQ_STORE_BUSY, "another program holds the store's file: close it and try again");
        break;
    default:
        sq_fail(error, SQ_STORE_FAILED, "the store's file: %s%s%s", text, *reason ? ": " : "", reason);
    }
    return -EIO;
}

/* Numbers are eight bytes, the highest first. */
int sq_meta_integer(sq_db *db, const char *key, int64_t *out, sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_META_GET);
    sq_bind_text(s, 1, key);
    int rc = sq_db_row(db, s, error);
    if (rc == 0) {
        const unsigned char *bytes = sqlite3_column_blob(s, 0);
        uint64_t value = 0;
        for (size_t i = 0; i < sq_column_bytes(s, 0) && i < 8; i++)
            value = value << 8 | bytes[i];
        *out = (int64_t)value;
    }
    sqlite3_reset(s);
    return rc;
}

int sq_meta_put_integer(sq_db *db, const char *key, int64_t value, sq_error *error)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_META_PUT);
    sq_bind_text(s, 1, key);
    sq_bind_blob(s, 2, bytes, sizeof bytes);
    return sq_db_run(db, s, error);
}
