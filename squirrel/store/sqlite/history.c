/* SPDX-License-Identifier: MIT */
/* What is read in the order of the log: a context's history, a project's changes; and the projects. */
#include <errno.h>

#include "store/cursor.h"
#include "store/page.h"
#include "store/sqlite/sqlite.h"

typedef struct histories {
    const sq_history *history;
    sq_page page;
} histories;

static int history(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    histories *h = arg;
    const sq_history *asked = h->history;
    sq_project project;
    int64_t num = 0;
    sq_cursor cursor = {.last = INT64_MAX};
    int rc = sq_sqlite_find_project(db, asked->project, &project, error);
    if (rc == 0)
        rc = sq_sqlite_find_context(db, &project, asked->id, &num, error);
    if (rc == -ENOENT)
        return sq_fail_absent(error, asked->project, asked->id, NULL);
    if (rc == 0 && asked->cursor && *asked->cursor)
        rc = sq_cursor_read_history(store->store.secret, asked, &cursor, error);
    if (rc < 0)
        return rc;
    sq_filling filling = sq_filling_start(&h->page, asked->limit, asked->max_bytes);
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_HISTORY);
    sq_bind_integer(s, 1, num);
    sq_bind_integer(s, 2, cursor.last);
    while (rc == 0 && (rc = sq_db_row(db, s, error)) == 0) {
        const sq_revision *made;
        rc = sq_sqlite_revision(s, asked->project, true, &made, error);
        if (rc == 0)
            rc = sq_filling_add(&filling, made, error);
    }
    sqlite3_reset(s);
    if (rc != SQ_PAGE_FULL)
        return rc == -ENOENT ? 0 : rc;
    cursor.last = h->page.items[h->page.count - 1]->rev;
    return sq_cursor_write_history(store->store.secret, asked, &cursor, h->page.cursor) < 0 ? sq_fail_memory(error) : 0;
}

int sq_sqlite_history(sq_store *store, const sq_history *asked, sq_page *out, sq_error *error)
{
    histories h = {.history = asked};
    int rc = sq_sqlite_read((sq_sqlite *)store, history, &h, error);
    if (rc < 0)
        sq_page_free(&h.page);
    else
        *out = h.page;
    return rc;
}

/* changes */

typedef struct following {
    const char *project;
    int64_t after;
    uint32_t limit;
    size_t max_bytes;
    sq_changes changes;
} following;

static int changes(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    following *f = arg;
    sq_project project;
    sq_page page = {0};
    (void)store;
    int rc = sq_sqlite_find_project(db, f->project, &project, error);
    if (rc == -ENOENT) {
        f->changes.lagged = f->after > 0;
        return 0;
    }
    if (rc < 0)
        return rc;
    f->changes.seq = project.seq;
    f->changes.lagged = f->after < project.pruned_seq || f->after > project.seq;
    if (f->changes.lagged)
        return 0;
    sq_filling filling = sq_filling_start(&page, f->limit, f->max_bytes);
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_CHANGES);
    sq_bind_integer(s, 1, project.num);
    sq_bind_integer(s, 2, f->after);
    while (rc == 0 && (rc = sq_db_row(db, s, error)) == 0) {
        const sq_revision *made;
        rc = sq_sqlite_revision(s, f->project, true, &made, error);
        if (rc == 0)
            rc = sq_filling_add(&filling, made, error);
    }
    sqlite3_reset(s);
    f->changes.items = page.items;
    f->changes.count = page.count;
    return rc == -ENOENT || rc == SQ_PAGE_FULL ? 0 : rc;
}

int sq_sqlite_changes(sq_store *store, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                      sq_changes *out, sq_error *error)
{
    following f = {project, after, limit, max_bytes, {0}};
    int rc = sq_sqlite_read((sq_sqlite *)store, changes, &f, error);
    if (rc < 0)
        sq_changes_free(&f.changes);
    else
        *out = f.changes;
    return rc;
}

/* projects */

typedef struct listing {
    const char *after;
    sq_project *out;
    size_t room, count;
} listing;

static int projects(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    listing *l = arg;
    (void)store;
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_PROJECTS);
    sq_bind_text(s, 1, l->after ? l->after : "");
    sq_bind_integer(s, 2, (int64_t)l->room);
    int rc;
    while ((rc = sq_db_row(db, s, error)) == 0 && l->count < l->room)
        sq_sqlite_project(s, &l->out[l->count++]);
    sqlite3_reset(s);
    return rc == -ENOENT ? 0 : rc;
}

int sq_sqlite_projects(sq_store *store, const char *after, sq_project *out, size_t *count, sq_error *error)
{
    listing l = {after, out, *count, 0};
    int rc = sq_sqlite_read((sq_sqlite *)store, projects, &l, error);
    if (rc == 0)
        *count = l.count;
    return rc;
}
