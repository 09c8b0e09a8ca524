/* SPDX-License-Identifier: MIT */
/* Searches: the revisions that are not indexed yet by a scan, newest first, then what the index has (S7). A rid and a
 * seq order the revisions of a project alike, so both parts are one walk downwards. */
#include <errno.h>
#include <string.h>

#include "store/sqlite/walk.h"

/* Columns of TAIL_DOWN behind the candidate's. */
enum { NAME = 5, ID = 12, METADATA, DATA };

static bool row_matches(const sq_walk *w, sqlite3_stmt *row)
{
    sq_searched searched = {.id = sq_column_text(row, ID), .name = sq_column_text(row, NAME)};
    searched.metadata = sq_column_text(row, METADATA);
    searched.metadata_bytes = sq_column_bytes(row, METADATA);
    searched.data = sq_column_text(row, DATA);
    searched.data_bytes = sq_column_bytes(row, DATA);
    return sq_query_matches(w->query, &searched);
}

static int scan_tail(sq_walk *w, int64_t indexed, int64_t newest, sq_match_fn *fn)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_TAIL_DOWN);
    sq_bind_integer(s, 1, indexed);
    sq_bind_integer(s, 2, newest);
    sq_bind_integer(s, 3, w->project.num);
    int rc;
    while ((rc = sq_db_row(w->db, s, w->error)) == 0) {
        sq_candidate found;
        rc = sq_walk_judge(w, s, 0, &found);
        if (rc == 1)
            rc = row_matches(w, s) ? fn(w, &found) : 0;
        if (rc != 0)
            break;
        w->cursor.last = w->list->order == SQ_RELEVANCE ? w->cursor.last : found.seq;
    }
    sqlite3_reset(s);
    return rc;
}

/* A row of the index: 1, 0 or negative as sq_walk_judge. */
static int judge_rid(sq_walk *w, int64_t rid, sq_candidate *out)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_CANDIDATE_AT);
    sq_bind_integer(s, 1, rid);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc == 0)
        rc = sq_walk_judge(w, s, 0, out);
    sqlite3_reset(s);
    return rc;
}

static int ask_index(sq_walk *w, const char *expression, int64_t newest, sq_match_fn *fn)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_INDEX_DOWN);
    sq_bind_text(s, 1, expression);
    sq_bind_integer(s, 2, newest);
    int rc;
    while ((rc = sq_db_index_result(w->db, sq_db_row(w->db, s, w->error), w->error)) == 0 &&
           (rc = sq_walk_count(w)) == 0) {
        sq_candidate found;
        rc = judge_rid(w, sq_column_integer(s, 0), &found);
        if (rc == -ENOENT)
            continue;
        if (rc == 1)
            rc = fn(w, &found);
        if (rc != 0)
            break;
        w->cursor.last = w->list->order == SQ_RELEVANCE ? w->cursor.last : found.seq;
    }
    sqlite3_reset(s);
    return rc;
}

/* The newest rid with a seq of at most `upper` and below `last`. -ENOENT: none. */
static int find_newest(sq_walk *w, int64_t *out)
{
    int64_t below = w->cursor.upper + 1;
    if (w->list->order != SQ_RELEVANCE && w->cursor.last < below)
        below = w->cursor.last;
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_RID_BEFORE);
    sq_bind_integer(s, 1, w->project.num);
    sq_bind_integer(s, 2, below);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc == 0)
        *out = sq_column_integer(s, 0);
    sqlite3_reset(s);
    return rc;
}

int sq_walk_each_match(sq_walk *w, sq_match_fn *fn)
{
    int64_t newest = 0, indexed = 0;
    int rc = find_newest(w, &newest);
    if (rc < 0)
        return rc;
    rc = sq_meta_integer(w->db, "indexed", &indexed, w->error);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    rc = newest > indexed ? scan_tail(w, indexed, newest, fn) : -ENOENT;
    if (rc != -ENOENT)
        return rc;
    sq_text expression = {0};
    sq_query_index(w->query, w->project.name, &expression);
    rc = expression.failed ? sq_fail_memory(w->error)
                           : ask_index(w, expression.data, newest < indexed ? newest : indexed, fn);
    sq_text_free(&expression);
    return rc;
}

static int take_match(sq_walk *w, const sq_candidate *match)
{
    return match->gone ? 0 : sq_walk_take(w, match->rid);
}

int sq_walk_search(sq_walk *w)
{
    return sq_walk_each_match(w, take_match);
}
