/* SPDX-License-Identifier: MIT */
/* Lists and searches (S18): a walk over the log downwards, or over the ids upwards, that shows each context by its
 * newest revision with a seq of at most `upper`. It goes in short sections under the lock and keeps its place by key,
 * so what is written meanwhile does not disturb it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cursor.h"
#include "store/memory/collect.h"
#include "store/page.h"
#include "store/tokens.h"
#include "store/wall.h"

enum { SECTION_FOUND = 64, SECTION_STEPS = 4096, RANKED_MAX = 1000 };

typedef struct walk {
    const sq_reader *reader;
    const sq_list *list;
    sq_query *query;                 /* NULL: everything matches */
    int64_t upper;
    sq_time now;
    int64_t below;                   /* newest first: seqs below it come next */
    char above[SQ_ID_BYTES + 1];     /* by id: ids above it come next */
    bool end;
    sq_found found[SECTION_FOUND];   /* of this section */
    size_t count;
} walk;

static bool passes(const walk *w, const sq_revision *revision)
{
    const sq_list *list = w->list;
    const char *prefix = list->name_prefix;
    if (list->parent_id && (!revision->parent_id || strcmp(revision->parent_id, list->parent_id) != 0))
        return false;
    if (prefix && (!revision->name || strncmp(revision->name, prefix, strlen(prefix)) != 0))
        return false;
    return revision->at >= list->updated_since || list->updated_since == 0;
}

/* Takes the context if it was there at `upper`, is there now, and passes the filters. */
static void look_at(walk *w, const sq_shelf *shelf, const sq_node *node, const sq_stored *then)
{
    if (!then || !sq_revision_there(then->revision, w->now) || !passes(w, then->revision))
        return;
    if (!sq_revision_there(sq_node_newest(node, shelf->row.seq)->revision, w->now))
        return;
    w->found[w->count++] = (sq_found){sq_revision_ref(then->revision), then->place};
}

static void walk_log(walk *w, const sq_shelf *shelf)
{
    size_t i = sq_log_find(shelf, w->below), steps = 0;
    for (; i > 0 && w->count < SECTION_FOUND && steps < SECTION_STEPS; i--, steps++) {
        const sq_log_entry *entry = &shelf->log[i - 1];
        w->below = entry->seq;
        if (!entry->revision)
            continue;
        const sq_stored *then = sq_node_newest(entry->node, w->upper);
        if (then->revision == entry->revision)
            look_at(w, shelf, entry->node, then);
    }
    w->end = i == 0;
}

static size_t first_above(const sq_shelf *shelf, const char *id)
{
    size_t from = 0, to = shelf->node_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(shelf->by_id[middle]->id, id) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void walk_ids(walk *w, const sq_shelf *shelf)
{
    size_t i = first_above(shelf, w->above), steps = 0;
    for (; i < shelf->node_count && w->count < SECTION_FOUND && steps < SECTION_STEPS; i++, steps++) {
        const sq_node *node = shelf->by_id[i];
        memcpy(w->above, node->id, sizeof node->id);
        look_at(w, shelf, node, sq_node_newest(node, w->upper));
    }
    w->end = i == shelf->node_count;
}

/* The next few contexts. The lock is held for writing only if ids must be sorted. */
static void next_section(walk *w)
{
    pthread_rwlock_t *lock = &w->reader->tables->lock;
    bool by_id = w->list->order == SQ_BY_ID;
    w->count = 0;
    pthread_rwlock_rdlock(lock);
    sq_shelf *shelf = sq_reader_shelf(w->reader, w->list->project);
    if (shelf && by_id && shelf->sorted < shelf->node_count) {
        pthread_rwlock_unlock(lock);
        pthread_rwlock_wrlock(lock);
        sq_shelf_sort(shelf);   /* still there: what was committed once is not removed */
    }
    if (!shelf)
        w->end = true;
    else if (by_id)
        walk_ids(w, shelf);
    else
        walk_log(w, shelf);
    pthread_rwlock_unlock(lock);
}

static sq_searched searched_of(const sq_revision *revision)
{
    return (sq_searched){
        .id = revision->id,
        .name = revision->name,
        .metadata = revision->metadata,
        .metadata_bytes = revision->metadata ? strlen(revision->metadata) : 0,
        .data = revision->data,
        .data_bytes = revision->data_bytes,
    };
}

static bool matches(const walk *w, const sq_revision *revision)
{
    sq_searched searched = searched_of(revision);
    return !w->query || sq_query_matches(w->query, &searched);
}

/* What becomes of a match: 0 to go on, 1 for enough, or a negative errno. */
typedef int match_fn(walk *w, void *arg, const sq_revision *revision);

static int each_match(walk *w, match_fn *fn, void *arg, sq_error *error)
{
    int rc = 0;
    while (rc == 0 && !w->end) {
        if (drey_cancelled())
            return -ECANCELED;
        next_section(w);
        for (size_t i = 0; i < w->count && rc == 0; i++) {
            if (w->query || !w->list->without_data)
                rc = sq_reader_load(w->reader, &w->found[i], error);
            if (rc == 0 && matches(w, w->found[i].revision))
                rc = fn(w, arg, w->found[i].revision);
        }
        sq_found_drop(w->found, w->count);
    }
    return rc < 0 ? rc : 0;
}

static int collect(walk *w, void *arg, const sq_revision *revision)
{
    (void)w;
    sq_collected *c = arg;
    int rc = sq_collect(c, revision);
    return rc < 0 ? rc : c->full;
}

/* ---- by relevance */

typedef struct ranked {
    const sq_revision *revision;
    double score;
} ranked;

typedef struct ranking {
    ranked items[RANKED_MAX];
    size_t count;
    bool more;
} ranking;

static int rank_one(walk *w, void *arg, const sq_revision *revision)
{
    ranking *r = arg;
    sq_searched searched = searched_of(revision);
    if (r->count == RANKED_MAX) {
        r->more = true;
        return 1;
    }
    r->items[r->count++] = (ranked){sq_revision_ref(revision), sq_query_score(w->query, &searched)};
    return 0;
}

/* The best first, of equals the newest. */
static int compare_ranked(const void *a, const void *b)
{
    const ranked *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return left->revision->seq > right->revision->seq ? -1 : 1;
}

/* A cursor's last key: the score's bits, and the seq in the place of an id. */
static bool is_after(const ranked *item, const sq_cursor *cursor)
{
    double score;
    memcpy(&score, &cursor->last, sizeof score);
    return item->score < score || (item->score == score && item->revision->seq < strtoll(cursor->last_id, NULL, 10));
}

static int list_ranked(walk *w, sq_cursor *cursor, bool first, sq_collected *c, bool *out_partial, sq_error *error)
{
    ranking *r = calloc(1, sizeof *r);
    if (!r)
        return sq_fail_memory(error);
    int rc = each_match(w, rank_one, r, error);
    qsort(r->items, r->count, sizeof *r->items, compare_ranked);
    for (size_t i = 0; i < r->count && rc == 0 && !c->full; i++) {
        if (!first && !is_after(&r->items[i], cursor))
            continue;
        rc = sq_collect(c, r->items[i].revision) < 0 ? sq_fail_memory(error) : 0;
        if (!c->full) {
            memcpy(&cursor->last, &r->items[i].score, sizeof cursor->last);
            snprintf(cursor->last_id, sizeof cursor->last_id, "%lld", (long long)r->items[i].revision->seq);
        }
    }
    *out_partial = r->more;
    for (size_t i = 0; i < r->count; i++)
        sq_revision_unref(r->items[i].revision);
    free(r);
    return rc;
}

/* ---- a page */

/* Where the list starts or goes on. Its pin is set under the lock, so that nothing is committed before it is. */
static sq_project pin(const walk *w, const sq_cursor *cursor)
{
    pthread_rwlock_rdlock(&w->reader->tables->lock);
    const sq_shelf *shelf = sq_reader_shelf(w->reader, w->list->project);
    sq_project row = shelf ? shelf->row : (sq_project){0};
    int64_t upper = cursor ? cursor->upper : row.seq;
    if (upper <= row.seq && sq_list_goes_on(w->list, &row))
        sq_pin(&w->reader->store->pins, row.num, upper, w->now);
    pthread_rwlock_unlock(&w->reader->tables->lock);
    return row;
}

static int start(walk *w, sq_cursor *cursor, bool first, sq_error *error)
{
    sq_project row = pin(w, first ? NULL : cursor);
    if (first)
        *cursor = (sq_cursor){.upper = row.seq, .last = row.seq + 1};
    else if (cursor->upper > row.seq)
        return sq_fail(error, SQ_BAD_CURSOR, "the cursor is of a newer state of the store: start again without it");
    w->upper = cursor->upper;
    w->below = w->list->order == SQ_NEWEST ? cursor->last : cursor->upper + 1;
    if (w->list->order == SQ_BY_ID)
        memcpy(w->above, cursor->last_id, sizeof w->above);
    return 0;
}

static int write_cursor(const walk *w, sq_cursor *cursor, const sq_collected *c, sq_page *page, sq_error *error)
{
    const sq_revision *last = c->items[c->count - 1];
    if (w->list->order == SQ_NEWEST)
        cursor->last = last->seq;
    if (w->list->order == SQ_BY_ID)
        memcpy(cursor->last_id, last->id, strlen(last->id) + 1);
    int rc = sq_cursor_write(w->reader->store->secret, w->list, cursor, page->cursor);
    return rc < 0 ? sq_fail_memory(error) : 0;
}

static int make_page(walk *w, sq_page *out, sq_error *error)
{
    const sq_list *list = w->list;
    sq_collected c = {.limit = sq_page_limit(list->limit), .max_bytes = sq_page_bytes(list->max_bytes)};
    sq_cursor cursor;
    sq_page page = {0};
    bool first = !list->cursor || !list->cursor[0];
    int rc = first ? 0 : sq_cursor_read(w->reader->store->secret, list, &cursor, error);
    if (rc == 0)
        rc = start(w, &cursor, first, error);
    if (rc < 0)
        return rc;
    if (list->order == SQ_RELEVANCE) {
        rc = list_ranked(w, &cursor, first, &c, &page.partial, error);
    } else if ((rc = each_match(w, collect, &c, error)) == -ENOMEM) {
        sq_fail_memory(error);
    }
    if (rc == 0 && c.full)
        rc = write_cursor(w, &cursor, &c, &page, error);
    if (rc < 0) {
        sq_collected_drop(&c);
        return rc;
    }
    page.items = c.items;
    page.count = c.count;
    page.upper = w->upper;
    *out = page;
    return 0;
}

int sq_read_list(const sq_reader *reader, const sq_list *list, sq_page *out, sq_error *error)
{
    bool has_query = list->query && list->query[0];
    if (list->order == SQ_RELEVANCE && !has_query)
        return sq_fail(error, SQ_INVALID, "order relevance needs a query");
    walk *w = calloc(1, sizeof *w);
    if (!w)
        return sq_fail_memory(error);
    *w = (walk){.reader = reader, .list = list, .now = sq_wall()};
    int rc = has_query ? sq_query_parse(list->query, strlen(list->query), &w->query, error) : 0;
    if (rc == 0)
        rc = make_page(w, out, error);
    sq_query_free(w->query);
    free(w);
    return rc;
}
