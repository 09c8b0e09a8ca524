/* SPDX-License-Identifier: MIT */
/* Between txn.c and revisions.c: the primitives of store/txn.h. */
#pragma once
#include "store/sqlite/sqlite.h"

static inline sq_sqlite_txn *sq_txn_of(sq_txn *txn)
{
    return (sq_sqlite_txn *)txn;
}

static inline sq_db *sq_db_of(sq_txn *txn)
{
    return &sq_txn_of(txn)->store->db;
}

/* 0 is stored as null: no limit of its own, no parent. */
static inline void sq_bind_or_null(sqlite3_stmt *statement, int at, int64_t value)
{
    if (value)
        sq_bind_integer(statement, at, value);
}

int sq_sqlite_txn_revision(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                           const sq_revision **out, sq_error *error);
int sq_sqlite_txn_put(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *made, sq_error *error);
int sq_sqlite_txn_oldest(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t after,
                         sq_oldest *out, sq_error *error);
int sq_sqlite_txn_drop(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                       bool purge, sq_error *error);
