/* SPDX-License-Identifier: MIT */
/* Internal to list.c and search.c: one page of a list or a search on its way. */
#pragma once
#include "store/cursor.h"
#include "store/page.h"
#include "store/sqlite/sqlite.h"

/* A page ends early, with a cursor, when it has looked at so many revisions. */
enum { SQ_WALK_MAX = 20000 };

typedef struct sq_walk {
    sq_sqlite *store;
    sq_db *db;
    const sq_list *list;
    sq_error *error;
    sq_page page;
    sq_filling filling;
    sq_project project;
    sq_query *query;                 /* NULL: none */
    sq_cursor cursor;                /* where the page starts, then where the next one does */
    sq_time now;
    int64_t parent;                  /* the filter's; 0: none */
    unsigned looked_at;
} sq_walk;

/* Where a candidate is in the row: SQ_CANDIDATE_COLUMNS from column `at` on. */
typedef struct sq_candidate {
    int64_t rid, seq, num, rev;
    bool gone;                       /* its context is no longer there */
} sq_candidate;

/* Is the row its context's newest as of `upper`, with content, and does it pass the filters? 1, 0 or negative. */
int sq_walk_judge(sq_walk *walk, sqlite3_stmt *row, int at, sq_candidate *out);

/* Adds the revision to the page. SQ_PAGE_FULL: it does not fit any more. */
int sq_walk_take(sq_walk *walk, int64_t rid);

/* 0, or SQ_PAGE_FULL: enough was looked at. */
int sq_walk_count(sq_walk *walk);

int sq_walk_search(sq_walk *walk);                           /* search.c: newest first */
int sq_walk_rank(sq_walk *walk);                             /* rank.c: best first */
int sq_walk_matches(sq_walk *walk, int64_t rid);             /* does the query match? 1, 0 or negative */

/* Calls `fn` for the matches of the query, newest first, from cursor.last on down; it returns 0 to go on. -ENOENT: all
 * were seen. */
typedef int sq_match_fn(sq_walk *walk, const sq_candidate *match);
int sq_walk_each_match(sq_walk *walk, sq_match_fn *fn);
