/* SPDX-License-Identifier: MIT */
/* Searches by relevance: the newest SQ_RANKED_MAX matches are scored by what they say, and sorted (S8). Each page ranks
 * them anew and goes on behind the score and the seq that the last one ended with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/walk.h"

typedef struct ranked {
    sq_candidate match;
    double score;
} ranked;

typedef struct ranking {
    sq_walk walk; /* a copy: what is looked for */
    ranked *items;
    size_t count;
    bool more;
} ranking;

/* The parts of a revision that are searched, from INDEX_NEXT; the statement is to be reset. */
static int read_searched(sq_walk *w, int64_t rid, sqlite3_stmt **out, sq_searched *searched)
{
    sqlite3_stmt *s = sq_db_sql(w->db, SQ_SQL_INDEX_NEXT);
    sq_bind_integer(s, 1, rid - 1);
    sq_bind_integer(s, 2, 1);
    int rc = sq_db_row(w->db, s, w->error);
    if (rc < 0)
        return rc;
    *searched = (sq_searched){.id = sq_column_text(s, 2), .name = sq_column_text(s, 3)};
    searched->metadata = sq_column_text(s, 4);
    searched->metadata_bytes = sq_column_bytes(s, 4);
    searched->data = sq_column_text(s, 5);
    searched->data_bytes = sq_column_bytes(s, 5);
    *out = s;
    return 0;
}

int sq_walk_matches(sq_walk *w, int64_t rid)
{
    sqlite3_stmt *s;
    sq_searched searched;
    int rc = read_searched(w, rid, &s, &searched);
    if (rc < 0)
        return rc;
    rc = sq_query_matches(w->query, &searched);
    sqlite3_reset(s);
    return rc;
}

/* Scored at once, while the pages that it was judged by are in the connection's cache. */
static int collect(sq_walk *w, const sq_candidate *match)
{
    ranking *r = (ranking *)w;
    sqlite3_stmt *s;
    sq_searched searched;
    if (match->gone)
        return 0;
    if (r->count == SQ_RANKED_MAX) {
        r->more = true;
        return SQ_PAGE_FULL;
    }
    int rc = read_searched(w, match->rid, &s, &searched);
    if (rc < 0)
        return rc;
    r->items[r->count++] = (ranked){*match, sq_query_score(w->query, &searched)};
    sqlite3_reset(s);
    return 0;
}

/* Best first; of equals the newest first. */
static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (y->match.seq > x->match.seq) - (y->match.seq < x->match.seq);
}

/* The cursor has the score's bits in the place of a seq, and the seq in the place of an id. */
static bool is_after(const ranked *item, const sq_cursor *cursor)
{
    double score;
    memcpy(&score, &cursor->last, sizeof score);
    return item->score < score || (item->score == score && item->match.seq < strtoll(cursor->last_id, NULL, 10));
}

static int take_ranked(sq_walk *w, const ranking *r)
{
    bool first = w->cursor.last_id[0] == '\0';
    for (size_t i = 0; i < r->count; i++) {
        if (!first && !is_after(&r->items[i], &w->cursor))
            continue;
        int rc = sq_walk_take(w, r->items[i].match.rid);
        if (rc != 0)
            return rc;
        first = false;
        memcpy(&w->cursor.last, &r->items[i].score, sizeof w->cursor.last);
        snprintf(w->cursor.last_id, sizeof w->cursor.last_id, "%lld", (long long)r->items[i].match.seq);
    }
    return -ENOENT;
}

int sq_walk_rank(sq_walk *w)
{
    ranking r = {.walk = *w, .items = calloc(SQ_RANKED_MAX, sizeof *r.items)};
    if (!r.items)
        return sq_fail_memory(w->error);
    int rc = sq_walk_each_match(&r.walk, collect);
    if (rc == SQ_PAGE_FULL || rc == -ENOENT) {
        qsort(r.items, r.count, sizeof *r.items, compare);
        w->page.partial = r.more || r.walk.looked_at > SQ_WALK_MAX;
        rc = take_ranked(w, &r);
    }
    free(r.items);
    return rc;
}
