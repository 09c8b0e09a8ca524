/* SPDX-License-Identifier: MIT */
/* Everything that must hold of the file. It is looked at in one snapshot, so writers go on meanwhile; only the index's
 * own check runs between writes, as it is a command to the index. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite/sqlite.h"

enum { PROBLEMS_MAX = 100 };

/* sq_revision_charge in SQL; length() of a text would count characters. */
#define SQ_CHARGE "256+coalesce(length(CAST(data AS BLOB)),0)+coalesce(length(CAST(metadata AS BLOB)),0)"
_Static_assert(SQ_REVISION_OVERHEAD == 256, "as above");

/* A query that gives a row of text a problem. */
static const struct {
    const char *what, *sql;
} checks[] = {
    {"pages", "SELECT integrity_check FROM pragma_integrity_check(100) WHERE integrity_check<>'ok'"},
    {"tables refer to rows that are missing", "SELECT \"table\"||' '||rowid FROM pragma_foreign_key_check LIMIT 100"},
    {"a project's seq is not that of its newest revision (S9)",
     "SELECT name FROM projects p WHERE seq<>coalesce((SELECT max(seq) FROM revisions r WHERE r.project=p.project),0)"},
    {"a project's log has holes (S9)",
     "SELECT name FROM projects p WHERE seq-pruned_seq<>"
     "(SELECT count(*) FROM revisions r WHERE r.project=p.project AND r.seq>p.pruned_seq)"},
    {"a project's count of live contexts is wrong",
     "SELECT name FROM projects p WHERE live<>"
     "(SELECT count(*) FROM contexts c WHERE c.project=p.project AND c.state=0)"},
    {"a project's count of bytes is wrong",
     "SELECT name FROM projects p WHERE bytes<>(SELECT coalesce(sum(" SQ_CHARGE "),0) "
     "FROM revisions r WHERE r.project=p.project)"},
    {"a context does not agree with its newest revision",
     "SELECT c.id FROM contexts c LEFT JOIN revisions r ON r.rid=c.head WHERE r.rid IS NULL OR r.num<>c.num "
     "OR r.rev<>c.rev OR r.seq<>c.seq OR r.project<>c.project OR r.name IS NOT c.name OR r.parent IS NOT c.parent "
     "OR r.expires_at IS NOT c.expires_at LIMIT 100"},
    {"a context's newest revision is not its last",
     "SELECT c.id FROM contexts c WHERE rev<>(SELECT max(rev) FROM revisions r WHERE r.num=c.num) LIMIT 100"},
    {"a revision is in the index and should not be, or the other way round (S7)",
     "SELECT coalesce(r.rid,d.id) FROM (SELECT rid FROM revisions WHERE data IS NOT NULL AND rid<=?1) r "
     "FULL JOIN search_docsize d ON d.id=r.rid WHERE r.rid IS NULL OR d.id IS NULL LIMIT 100"},
};

typedef struct verifying {
    sq_verified made;
    sq_writer *writer;
} verifying;

__attribute__((format(printf, 2, 3))) static void add_problem(sq_verified *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (out->problems++ < PROBLEMS_MAX)
        sq_text_format(&out->report, "%s\n", text);
}

/* Damage that keeps a query from running is a problem, too; -ECANCELED and -ENOMEM end it all. */
static int check(sq_db *db, const char *what, const char *sql, int64_t indexed, sq_verified *out, sq_error *error)
{
    sqlite3_stmt *s = NULL;
    int rc;
    sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
    if (s && sqlite3_bind_parameter_count(s) > 0)
        sq_bind_integer(s, 1, indexed);
    while ((rc = sq_db_row(db, s, error)) == 0)
        add_problem(out, "%s: %.200s", what, sq_column_text(s, 0));
    sqlite3_finalize(s);
    if (rc == -EIO)
        add_problem(out, "%s: %s", what, error->message);
    return rc == -ECANCELED || rc == -ENOMEM ? rc : 0;
}

/* The data of every revision is what its fingerprint was taken of. */
static int check_data(sq_db *db, sq_verified *out, sq_error *error)
{
    sqlite3_stmt *s = NULL;
    int rc;
    sqlite3_prepare_v2(db->handle, "SELECT rid, fingerprint, data FROM revisions", -1, &s, NULL);
    while ((rc = sq_db_row(db, s, error)) == 0) {
        uint8_t digest[SQ_DIGEST_BYTES];
        sq_json *value = NULL;
        sq_json_error bad;
        const char *data = sq_column_text(s, 2);
        out->revisions++;
        if (!data)
            continue;
        bool good = sq_json_parse(data, sq_column_bytes(s, 2), SQ_JSON_DEPTH_MAX, &value, &bad) == 0 &&
                    sq_fingerprint(value, digest) && sq_column_bytes(s, 1) == sizeof digest &&
                    memcmp(sqlite3_column_blob(s, 1), digest, sizeof digest) == 0;
        sq_json_unref(value);
        if (!good)
            add_problem(out, "the data of revision %lld is not what was written", (long long)sq_column_integer(s, 0));
    }
    sqlite3_finalize(s);
    if (rc == -EIO)
        add_problem(out, "revisions cannot be read: %s", error->message);
    return rc == -ECANCELED || rc == -ENOMEM ? rc : 0;
}

static int verify(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    sq_verified *out = arg;
    int64_t indexed = 0;
    (void)store;
    int rc = sq_meta_integer(db, "indexed", &indexed, error);
    if (rc == -EIO)
        add_problem(out, "meta: %s", error->message);
    rc = 0;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && rc == 0; i++)
        rc = check(db, checks[i].what, checks[i].sql, indexed, out, error);
    if (rc == 0)
        rc = check_data(db, out, error);
    sq_db_number(db, "SELECT count(*) FROM projects", &out->projects, &(sq_error){0});
    sq_db_number(db, "SELECT count(*) FROM contexts", &out->contexts, &(sq_error){0});
    return rc;
}

static int check_index(sq_txn *txn, void *arg, sq_error *error)
{
    sq_sqlite *store = arg;
    (void)txn;
    return sq_db_index_result(&store->db, sq_db_run(&store->db, sq_db_sql(&store->db, SQ_SQL_INDEX_CHECK), error),
                              error);
}

int sq_sqlite_verify(sq_store *base, sq_verified *out, sq_error *error)
{
    sq_sqlite *store = (sq_sqlite *)base;
    sq_verified made = {0};
    int rc = sq_sqlite_read(store, verify, &made, error);
    if (rc == 0) {
        rc = sq_writer_call(store->writer, check_index, store, true, error);
        if (rc == -EINVAL) {
            add_problem(&made, "the index: %s", error->message);
            rc = 0;
        }
    }
    if (rc < 0)
        sq_text_free(&made.report);
    else
        *out = made;
    return rc;
}
