/* SPDX-License-Identifier: MIT */
/* One context, or it and its ancestors. */
#include <errno.h>

#include "store/sqlite/sqlite.h"
#include "store/wall.h"

typedef struct getting {
    const char *project, *id;
    int64_t rev;
    const sq_revision **out;
    size_t count; /* lineage */
} getting;

/* Why there is no head: it never was, or it has ended, which `state` tells. */
static int fail_absent(const getting *g, const sq_revision *ended, sq_error *error)
{
    sq_head head = {.state = ended ? sq_revision_state(ended) : SQ_LIVE};
    if (g->rev)
        return sq_fail(error, SQ_NOT_FOUND, "the history of \"%.60s\" has no rev %lld", g->id, (long long)g->rev);
    return sq_fail_absent(error, g->project, g->id, ended ? &head : NULL);
}

/* The head, or the revision that is asked for. */
static int get_one(sq_db *db, const sq_project *project, const getting *g, const char *id, const sq_revision **out,
                   sq_error *error)
{
    sqlite3_stmt *s = sq_db_sql(db, g->rev ? SQ_SQL_REVISION_OF : SQ_SQL_HEAD_REVISION);
    sq_bind_integer(s, 1, project->num);
    sq_bind_text(s, 2, id);
    if (g->rev)
        sq_bind_integer(s, 3, g->rev);
    int rc = sq_db_row(db, s, error);
    if (rc == 0)
        rc = sq_sqlite_revision(s, project->name, true, out, error);
    sqlite3_reset(s);
    return rc;
}

static int get(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    getting *g = arg;
    sq_project project;
    const sq_revision *found;
    (void)store;
    int rc = sq_sqlite_find_project(db, g->project, &project, error);
    if (rc == 0)
        rc = get_one(db, &project, g, g->id, &found, error);
    if (rc == -ENOENT)
        return fail_absent(g, NULL, error);
    if (rc == 0 && g->rev == 0 && !sq_revision_there(found, sq_wall())) {
        rc = fail_absent(g, found, error);
        sq_revision_unref(found);
    }
    if (rc == 0)
        *g->out = found;
    return rc;
}

int sq_sqlite_get(sq_store *store, const char *project, const char *id, int64_t rev, const sq_revision **out,
                  sq_error *error)
{
    getting g = {project, id, rev, out, 0};
    return sq_sqlite_read((sq_sqlite *)store, get, &g, error);
}

/* lineage */

static int add_ancestors(sq_db *db, const sq_project *project, getting *g, sq_time now, sq_error *error)
{
    for (const char *next = g->out[0]->parent_id; next; next = g->out[g->count - 1]->parent_id) {
        if (g->count > SQ_ANCESTORS_MAX)
            return sq_fail(error, SQ_TOO_DEEP, "it has over %d ancestors", SQ_ANCESTORS_MAX);
        int rc = get_one(db, project, g, next, &g->out[g->count], error);
        if (rc < 0 && rc != -ENOENT)
            return rc;
        bool there = rc == 0 && sq_revision_there(g->out[g->count], now);
        g->count += rc == 0;
        if (!there)
            return sq_fail(error, SQ_BROKEN_PARENT,
                           "its ancestor \"%.128s\" is gone: undo that, or take another parent", next);
    }
    return 0;
}

static int lineage(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    getting *g = arg;
    sq_project project;
    sq_time now = sq_wall();
    (void)store;
    int rc = sq_sqlite_find_project(db, g->project, &project, error);
    if (rc == 0)
        rc = get_one(db, &project, g, g->id, &g->out[0], error);
    if (rc == -ENOENT)
        return fail_absent(g, NULL, error);
    if (rc < 0)
        return rc;
    g->count = 1;
    rc = sq_revision_there(g->out[0], now) ? add_ancestors(db, &project, g, now, error)
                                           : fail_absent(g, g->out[0], error);
    for (size_t i = 0; i < g->count && rc < 0; i++)
        sq_revision_unref(g->out[i]);
    return rc;
}

int sq_sqlite_lineage(sq_store *store, const char *project, const char *id, const sq_revision **out, size_t *out_count,
                      sq_error *error)
{
    getting g = {project, id, 0, out, 0};
    int rc = sq_sqlite_read((sq_sqlite *)store, lineage, &g, error);
    if (rc == 0)
        *out_count = g.count;
    return rc;
}
