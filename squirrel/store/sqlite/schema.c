/* SPDX-License-Identifier: MIT */
/* The tables, and bringing a file to this version of them (S25). A file of a newer version is refused. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite/backup.h"
#include "store/sqlite/hooks.h"
#include "store/sqlite/sqlite.h"

/* The state of a context is an sq_state; times are milliseconds since 1970; a rid is the order of all writes. */
static const char schema[] =
    "PRAGMA application_id=1397838385; PRAGMA user_version=1;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE projects("
    "  project INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    "  seq INTEGER NOT NULL DEFAULT 0, pruned_seq INTEGER NOT NULL DEFAULT 0,"
    "  live INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,"
    "  max_live INTEGER, max_bytes INTEGER, created_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE contexts("
    "  num INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  project INTEGER NOT NULL REFERENCES projects, id TEXT NOT NULL,"
    "  state INTEGER NOT NULL CHECK(state IN (0,1,2)),"
    "  rev INTEGER NOT NULL, head INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  parent INTEGER REFERENCES contexts(num), name TEXT, bytes INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER,"
    "  UNIQUE(project,id)) STRICT;"
    "CREATE UNIQUE INDEX contexts_seq ON contexts(project,seq);"
    "CREATE INDEX contexts_parent ON contexts(parent,num) WHERE parent IS NOT NULL;"
    "CREATE INDEX contexts_expiry ON contexts(expires_at) WHERE expires_at IS NOT NULL AND state=0;"
    "CREATE TABLE revisions("
    "  rid INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  project INTEGER NOT NULL REFERENCES projects, seq INTEGER NOT NULL,"
    "  num INTEGER NOT NULL REFERENCES contexts, rev INTEGER NOT NULL,"
    "  op TEXT NOT NULL, at INTEGER NOT NULL, source TEXT NOT NULL,"
    "  name TEXT, parent INTEGER, expires_at INTEGER,"
    "  metadata TEXT, fingerprint BLOB, data TEXT,"
    "  UNIQUE(project,seq), UNIQUE(num,rev)) STRICT;"
    "CREATE TABLE ops("
    "  project INTEGER NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL,"
    "  request BLOB NOT NULL, seq INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
    "  PRIMARY KEY(project,principal,key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX ops_expiry ON ops(expires_at);"
    "CREATE VIRTUAL TABLE search USING fts5(project,name,body,paths,content='',detail=full,prefix='2 3',"
    "  tokenize=\"unicode61 remove_diacritics 0\");"
    /* Segments are merged in little steps once there are 16 of a kind: a fifth less work a document than with 4, and no
     * slower to search. They never become so many that FTS5 merges them all at once. */
    "INSERT INTO search(search,rank) VALUES('automerge',16),('crisismerge',64);"
    "CREATE TABLE jobs("
    "  job TEXT PRIMARY KEY, kind TEXT NOT NULL, project INTEGER NOT NULL, principal TEXT NOT NULL,"
    "  state TEXT NOT NULL, spec TEXT NOT NULL, result TEXT, owner TEXT,"
    "  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE job_items("
    "  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, n INTEGER NOT NULL,"
    "  num INTEGER NOT NULL, rev INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    "  lease TEXT, lease_until INTEGER, done INTEGER NOT NULL DEFAULT 0, result TEXT,"
    "  PRIMARY KEY(job,n)) STRICT;"
    "CREATE INDEX job_items_open ON job_items(job,lease_until,n) WHERE done=0;";

static int version_here(void)
{
    return SQ_SCHEMA_VERSION + (int)sq_sqlite_hook.migration_count;
}

/* A transaction around `sql` and what `more` does. */
static int in_transaction(sq_db *db, const char *sql, int (*more)(sq_db *, sq_error *), sq_error *error)
{
    int rc = sq_db_exec(db, "BEGIN IMMEDIATE", error);
    if (rc < 0)
        return rc;
    rc = sq_db_exec(db, sql, error);
    if (rc == 0)
        rc = more(db, error);
    if (rc == 0)
        rc = sq_db_exec(db, "COMMIT", error);
    if (rc < 0)
        sq_db_exec(db, "ROLLBACK", &(sq_error){0});
    return rc;
}

static int put_secret(sq_db *db, sq_error *error)
{
    uint8_t secret[SQ_DIGEST_BYTES];
    if (RAND_bytes(secret, sizeof secret) != 1) {
        sq_fail(error, SQ_STORE_FAILED, "OpenSSL has no source of randomness");
        return -EIO;
    }
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_META_PUT);
    sq_bind_text(s, 1, "secret");
    sq_bind_blob(s, 2, secret, sizeof secret);
    int rc = sq_db_run(db, s, error);
    return rc < 0 ? rc : sq_meta_put_integer(db, "tokens", SQ_TOKENS_VERSION, error);
}

static int get_secret(sq_db *db, uint8_t secret[SQ_DIGEST_BYTES], sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_META_GET);
    sq_bind_text(s, 1, "secret");
    int rc = sq_db_row(db, s, error);
    if (rc == 0 && sq_column_bytes(s, 0) == SQ_DIGEST_BYTES)
        memcpy(secret, sqlite3_column_blob(s, 0), SQ_DIGEST_BYTES);
    else if (rc == 0)
        rc = -ENOENT;
    sqlite3_reset(s);
    if (rc == -ENOENT) {
        sq_fail(error, SQ_STORE_FAILED, "the store has lost its secret: restore a backup with `squirrel restore`");
        rc = -EIO;
    }
    return rc;
}

static int migrate_all(sq_db *db, sq_error *error)
{
    int64_t version;
    int rc = sq_db_number(db, "PRAGMA user_version", &version, error);
    for (unsigned i = 0; i < sq_sqlite_hook.migration_count && rc == 0; i++) {
        char set[64];
        if (sq_sqlite_hook.migrations[i].version <= version)
            continue;
        snprintf(set, sizeof set, "PRAGMA user_version=%d", sq_sqlite_hook.migrations[i].version);
        rc = sq_db_exec(db, sq_sqlite_hook.migrations[i].sql, error);
        if (rc == 0)
            rc = sq_db_exec(db, set, error);
    }
    return rc;
}

/* S25: a backup beside the file, then one transaction. */
static int migrate(sq_db *db, const char *path, int64_t from, sq_error *error)
{
    char kept[SQ_PATH_BYTES + 32];
    snprintf(kept, sizeof kept, "%s.before-%d", path, version_here());
    (void)from;
    int rc = sq_sqlite_copy(db, kept, true, error);
    return rc < 0 ? rc : in_transaction(db, "", migrate_all, error);
}

int sq_sqlite_schema_known(sq_db *db, int64_t *out_version, sq_error *error)
{
    int64_t application, tables;
    int rc = sq_db_number(db, "PRAGMA application_id", &application, error);
    if (rc == 0)
        rc = sq_db_number(db, "PRAGMA user_version", out_version, error);
    if (rc == 0)
        rc = sq_db_number(db, "SELECT count(*) FROM sqlite_master", &tables, error);
    if (rc < 0)
        return rc;
    if (application == 0 && *out_version == 0 && tables == 0)
        return 0;
    if (application != SQ_APPLICATION_ID) {
        sq_fail(error, SQ_STORE_FAILED,
                "the file is a database of another program, not a store of squirrel: give "
                "another path");
        return -EIO;
    }
    if (*out_version > version_here()) {
        sq_fail(error, SQ_VERSION_SKEW,
                "the store has schema version %lld, and this squirrel knows up to %d: use a newer "
                "squirrel",
                (long long)*out_version, version_here());
        return -EIO;
    }
    return 0;
}

static int set_wal(sq_db *db, sq_error *error)
{
    sqlite3_stmt *s = NULL;
    sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &s, NULL);
    int rc = sq_db_row(db, s, error);
    const char *mode = rc == 0 ? sq_column_text(s, 0) : NULL;
    if (rc == 0 && (!mode || strcmp(mode, "wal") != 0)) {
        sq_fail(error, SQ_STORE_FAILED,
                "the file system cannot share memory between processes, as SQLite needs it: put "
                "the store on a local disk");
        rc = -EIO;
    }
    sqlite3_finalize(s);
    return rc;
}

int sq_sqlite_schema(sq_db *db, const char *path, uint8_t secret[SQ_DIGEST_BYTES], sq_error *error)
{
    int64_t version;
    int rc = sq_sqlite_schema_known(db, &version, error);
    if (rc == 0)
        rc = set_wal(db, error);
    if (rc == 0 && version == 0)
        rc = in_transaction(db, schema, put_secret, error);
    if (rc == 0 && (version ? version : SQ_SCHEMA_VERSION) < version_here())
        rc = migrate(db, path, version, error);
    return rc < 0 ? rc : get_secret(db, secret, error);
}
