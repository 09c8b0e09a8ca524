/* SPDX-License-Identifier: MIT */
/* Lists. The log is walked downwards from the cursor; a revision counts if it is its context's newest as of `upper`
 * (S18). As long as nothing was written since, the newest are the heads, which an index has in the order of seq. */
#include <errno.h>
#include <string.h>

#include "store/sqlite/hooks.h"
#include "store/sqlite/walk.h"
#include "store/wall.h"

enum { CHILDREN_SORTED = 4096 };

/* In the order of SQ_CANDIDATE_COLUMNS. */
enum { RID, SEQ, NUM, REV, AT, NAME, PARENT, OP, HEAD_REV, HEAD_SEQ, HEAD_STATE, HEAD_EXPIRES };

/* Is there a newer revision with a seq of at most `upper`? The next one tells: both numbers rise together. */
static int superseded(sq_walk *w, const sq_candidate *c)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_NEXT_SEQ);
    sq_bind_integer(s, 1, c->num);
    sq_bind_integer(s, 2, c->rev);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc == 0)
        rc = sq_column_integer(s, 0) <= w->cursor.upper;
    sqlite3_reset(s);
    return rc == -ENOENT ? 0 : rc;
}

static bool passes(const sq_walk *w, sqlite3_stmt *row, int at)
{
    const sq_list *list = w->list;
    const char *name = sq_column_text(row, at + NAME);
    if (list->updated_since && sq_column_integer(row, at + AT) < list->updated_since)
        return false;
    if (w->parent && sq_column_integer(row, at + PARENT) != w->parent)
        return false;
    return !list->name_prefix || (name && strncmp(name, list->name_prefix, strlen(list->name_prefix)) == 0);
}

int sq_walk_judge(sq_walk *w, sqlite3_stmt *row, int at, sq_candidate *out)
{
    sq_op op;
    const char *name = sq_column_text(row, at + OP);
    out->rid = sq_column_integer(row, at + RID);
    out->seq = sq_column_integer(row, at + SEQ);
    out->num = sq_column_integer(row, at + NUM);
    out->rev = sq_column_integer(row, at + REV);
    out->gone = sq_column_integer(row, at + HEAD_STATE) != SQ_LIVE || sq_column_time(row, at + HEAD_EXPIRES) <= w->now;
    if (!name || !sq_op_read(name, &op) || sq_op_state(op) != SQ_LIVE || out->seq > w->cursor.upper ||
        !passes(w, row, at))
        return 0;
    if (sq_column_integer(row, at + HEAD_SEQ) <= w->cursor.upper)
        return out->rev == sq_column_integer(row, at + HEAD_REV);
    int rc = superseded(w, out);
    return rc < 0 ? rc : !rc;
}

int sq_walk_take(sq_walk *w, int64_t rid)
{
    const sq_revision *made;
    if (w->page.count == w->filling.limit)
        return SQ_PAGE_FULL;
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_REVISION_AT);
    sq_bind_integer(s, 1, rid);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc == 0)
        rc = sq_sqlite_revision(s, w->project.name, !w->list->without_data, &made, w->error);
    if (rc == 0)
        rc = sq_filling_add(&w->filling, made, w->error);
    sqlite3_reset(s);
    return rc == -ENOENT ? 0 : rc;
}

int sq_walk_count(sq_walk *w)
{
    return ++w->looked_at > SQ_WALK_MAX ? SQ_PAGE_FULL : 0;
}

/* Goes through rows in the order of seq, downwards. */
static int walk_rows(sq_walk *w, sqlite3_stmt *s)
{
    int rc;
    while ((rc = sq_db_row(w->db, s, w->error)) == 0 && (rc = sq_walk_count(w)) == 0) {
        sq_candidate found;
        rc = sq_walk_judge(w, s, 0, &found);
        if (rc == 1)
            rc = found.gone ? 0 : sq_walk_take(w, found.rid);
        if (rc != 0)
            break;
        w->cursor.last = found.seq;
    }
    sqlite3_reset(s);
    return rc;
}

/* Are they few enough to be sorted for each page? */
static int few_children(sq_walk *w)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_CHILDREN_COUNT);
    sq_bind_integer(s, 1, w->parent);
    sq_bind_integer(s, 2, CHILDREN_SORTED + 1);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc == 0)
        rc = sq_column_integer(s, 0) <= CHILDREN_SORTED;
    sqlite3_reset(s);
    return rc;
}

static int list_newest(sq_walk *w)
{
    bool still = w->cursor.upper == w->project.seq;
    int few = still && w->parent ? few_children(w) : 0;
    if (few < 0)
        return few;
    sqlite3_stmt *s = sq_db_sql(w->db, few ? SQ_SQL_CHILDREN_DOWN : still ? SQ_SQL_HEADS_DOWN : SQ_SQL_LOG_DOWN);
    sq_bind_integer(s, 1, w->project.num);
    sq_bind_integer(s, 2, w->cursor.last);
    if (few)
        sq_bind_integer(s, 3, w->parent);
    return walk_rows(w, s);
}

/* The row is a context's head; if that is newer than `upper`, an older revision stands for the context. */
static int take_by_id(sq_walk *w, sqlite3_stmt *heads)
{
    sq_candidate found;
    sqlite3_stmt *older = NULL;
    int rc = 0, at = 1;
    if (sq_column_integer(heads, at + SEQ) > w->cursor.upper) {
        older = sq_db_sql(w->db, SQ_SQL_NEWEST_UNTIL);
        sq_bind_integer(older, 1, sq_column_integer(heads, at + NUM));
        sq_bind_integer(older, 2, w->cursor.upper);
        rc = sq_db_row(w->db, older, w->error);
        at = 0;
    }
    if (rc == 0)
        rc = sq_walk_judge(w, older ? older : heads, at, &found);
    sqlite3_reset(older);
    if (rc == 1 && !found.gone && w->query)
        rc = sq_walk_matches(w, found.rid);
    if (rc == 1)
        rc = found.gone ? 0 : sq_walk_take(w, found.rid);
    return rc == -ENOENT ? 0 : rc;
}

static int list_by_id(sq_walk *w)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_IDS_UP);
    char last[SQ_ID_BYTES + 1];
    memcpy(last, w->cursor.last_id, sizeof last);
    sq_bind_integer(s, 1, w->project.num);
    sq_bind_text(s, 2, last);
    int rc;
    while ((rc = sq_db_row(w->db, s, w->error)) == 0 && (rc = sq_walk_count(w)) == 0 && (rc = take_by_id(w, s)) == 0) {
        w->cursor.last_id[0] = '\0';
        strncat(w->cursor.last_id, sq_column_text(s, 0), SQ_ID_BYTES);
    }
    sqlite3_reset(s);
    return rc;
}

/* The filter's parent. -ENOENT: there is no such context, so it has no children. */
static int find_parent(sq_walk *w)
{
    if (!w->list->parent_id)
        return 0;
    return sq_sqlite_find_context(w->db, &w->project, w->list->parent_id, &w->parent, w->error);
}

/* A fresh snapshot for the first page of a list that goes on: what it shows is kept from before it was taken (S18). */
static int take_snapshot(sq_walk *w)
{
    sq_pins *pins = &w->store->store.pins;
    sq_pin_start start;
    sq_pin_begin(pins, &start, w->project.num, w->project.seq);
    int rc = sq_db_run(w->db, sq_db_sql(w->db, SQ_SQL_ROLLBACK), w->error);
    if (rc == 0)
        rc = sq_db_run(w->db, sq_db_sql(w->db, SQ_SQL_BEGIN_READ), w->error);
    if (rc == 0)
        rc = sq_sqlite_find_project(w->db, w->list->project, &w->project, w->error);
    if (sq_sqlite_hook.list_starts)
        sq_sqlite_hook.list_starts();
    if (rc == 0)
        sq_pin(pins, w->project.num, w->project.seq, w->now);
    sq_pin_end(pins, &start);
    return rc;
}

static int start(sq_walk *w)
{
    const sq_list *list = w->list;
    bool first = !list->cursor || !*list->cursor;
    int rc = 0;
    if (list->query && *list->query)
        rc = sq_query_parse(list->query, strlen(list->query), &w->query, w->error);
    if (rc == 0 && list->order == SQ_RELEVANCE && !w->query)
        rc = sq_fail(w->error, SQ_INVALID, "order relevance needs a query");
    if (rc == 0)
        rc = sq_sqlite_find_project(w->db, list->project, &w->project, w->error);
    if (rc == 0 && first && sq_list_goes_on(list, &w->project))
        rc = take_snapshot(w);
    if (rc < 0)
        return rc;
    w->cursor.upper = w->project.seq;
    w->cursor.last = INT64_MAX;
    if (!first)
        rc = sq_cursor_read(w->store->store.secret, list, &w->cursor, w->error);
    if (rc == 0 && w->cursor.upper > w->project.seq)
        rc = sq_fail(w->error, SQ_BAD_CURSOR, "the cursor is of a newer state of the store: start again without it");
    if (rc < 0)
        return rc;
    w->page.upper = w->cursor.upper;
    if (!first)
        sq_pin(&w->store->store.pins, w->project.num, w->cursor.upper, w->now);
    return find_parent(w);
}

static int fill(sq_walk *w)
{
    if (w->list->order == SQ_BY_ID)
        return list_by_id(w);
    if (w->list->order == SQ_RELEVANCE)
        return sq_walk_rank(w);
    return w->query ? sq_walk_search(w) : list_newest(w);
}

static int list_page(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    sq_walk *w = arg;
    w->store = store;
    w->db = db;
    w->error = error;
    w->now = sq_wall();
    w->filling = sq_filling_start(&w->page, w->list->limit, w->list->max_bytes);
    int rc = start(w);
    if (rc == 0)
        rc = fill(w);
    if (rc == SQ_PAGE_FULL) {
        rc = sq_cursor_write(store->store.secret, w->list, &w->cursor, w->page.cursor);
        return rc < 0 ? sq_fail_memory(error) : 0;
    }
    return rc == -ENOENT ? 0 : rc;
}

int sq_sqlite_list(sq_store *store, const sq_list *list, sq_page *out, sq_error *error)
{
    sq_walk w = {.list = list};
    int rc = sq_sqlite_read((sq_sqlite *)store, list_page, &w, error);
    sq_query_free(w.query);
    if (rc < 0)
        sq_page_free(&w.page);
    else
        *out = w.page;
    return rc;
}
