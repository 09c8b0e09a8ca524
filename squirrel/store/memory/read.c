/* SPDX-License-Identifier: MIT */
/* Reading one context, its line of parents, its history, the log, the projects. Lists are in list.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/cursor.h"
#include "store/memory/collect.h"
#include "store/wall.h"

enum { LIMIT = 20, PAGE_BYTES = 1 << 20 };

uint32_t sq_page_limit(uint32_t limit)
{
    return limit == 0 ? LIMIT : limit < SQ_PAGE_MAX ? limit : SQ_PAGE_MAX;
}

size_t sq_page_bytes(size_t max_bytes)
{
    return max_bytes ? max_bytes : PAGE_BYTES;
}

sq_shelf *sq_reader_shelf(const sq_reader *reader, const char *project)
{
    sq_shelf *shelf = sq_shelf_find(reader->tables, project);
    return shelf && shelf->row.num ? shelf : NULL;
}

int sq_reader_load(const sq_reader *reader, sq_found *found, sq_error *error)
{
    const sq_revision *whole;
    if (!reader->load)
        return 0;
    int rc = reader->load(reader->store, found->revision, found->place, &whole, error);
    if (rc == 0) {
        sq_revision_unref(found->revision);
        found->revision = whole;
    }
    return rc;
}

void sq_found_drop(sq_found *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sq_revision_unref(found[i].revision);
}

static sq_found found_of(const sq_stored *stored)
{
    return (sq_found){sq_revision_ref(stored->revision), stored->place};
}

/* The newest committed revision; NULL: the context never was. */
static const sq_stored *newest_of(const sq_shelf *shelf, const char *id)
{
    const sq_node *node = shelf ? sq_node_find(shelf, id) : NULL;
    return node ? sq_node_newest(node, shelf->row.seq) : NULL;
}

static int fail_absent(sq_error *error, const char *project, const char *id, const sq_stored *newest)
{
    sq_head head = {.state = newest ? sq_revision_state(newest->revision) : SQ_LIVE};
    return sq_fail_absent(error, project, id, newest ? &head : NULL);
}

static int find(const sq_reader *reader, const char *project, const char *id, int64_t rev, sq_found *out,
                sq_error *error)
{
    const sq_shelf *shelf = sq_reader_shelf(reader, project);
    const sq_stored *newest = newest_of(shelf, id), *wanted = newest;
    if (!newest || (rev == 0 && !sq_revision_there(newest->revision, sq_wall())))
        return fail_absent(error, project, id, newest);
    if (rev > 0)
        wanted = sq_node_rev(sq_node_find(shelf, id), rev);
    if (!wanted || wanted->revision->seq > shelf->row.seq)
        return sq_fail(error, SQ_NOT_FOUND, "the history of \"%.60s\" has no rev %lld: it is at rev %lld", id,
                       (long long)rev, (long long)newest->revision->rev);
    *out = found_of(wanted);
    return 0;
}

int sq_read_get(const sq_reader *reader, const char *project, const char *id, int64_t rev, const sq_revision **out,
                sq_error *error)
{
    sq_found found;
    pthread_rwlock_rdlock(&reader->tables->lock);
    int rc = find(reader, project, id, rev, &found, error);
    pthread_rwlock_unlock(&reader->tables->lock);
    if (rc < 0)
        return rc;
    rc = sq_reader_load(reader, &found, error);
    if (rc < 0)
        sq_revision_unref(found.revision);
    else
        *out = found.revision;
    return rc;
}

/* The context and its ancestors under one lock, hence in one view. */
static int find_line(const sq_reader *reader, const char *project, const char *id, sq_found *line, size_t *count,
                     sq_error *error)
{
    const sq_shelf *shelf = sq_reader_shelf(reader, project);
    for (sq_time now = sq_wall(); id; id = line[*count - 1].revision->parent_id) {
        const sq_stored *newest = newest_of(shelf, id);
        if (!newest || !sq_revision_there(newest->revision, now)) {
            if (*count == 0)
                return fail_absent(error, project, id, newest);
            return sq_fail(error, SQ_BROKEN_PARENT, "its ancestor \"%.128s\" is gone: undo that, or take another "
                           "parent", id);
        }
        if (*count > SQ_ANCESTORS_MAX)
            return sq_fail(error, SQ_TOO_DEEP, "it has over %d ancestors", SQ_ANCESTORS_MAX);
        line[(*count)++] = found_of(newest);
    }
    return 0;
}

int sq_read_lineage(const sq_reader *reader, const char *project, const char *id, const sq_revision **out,
                    size_t *out_count, sq_error *error)
{
    sq_found line[SQ_ANCESTORS_MAX + 1];
    size_t count = 0;
    pthread_rwlock_rdlock(&reader->tables->lock);
    int rc = find_line(reader, project, id, line, &count, error);
    pthread_rwlock_unlock(&reader->tables->lock);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = sq_reader_load(reader, &line[i], error);
    if (rc < 0) {
        sq_found_drop(line, count);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = line[i].revision;
    *out_count = count;
    return 0;
}

int sq_collect(sq_collected *c, const sq_revision *revision)
{
    if (c->count > 0 && (c->count == c->limit || c->bytes + revision->data_bytes > c->max_bytes)) {
        c->full = true;
        return 0;
    }
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 16;
        const sq_revision **items = realloc(c->items, room * sizeof *items);
        if (!items)
            return -ENOMEM;
        c->items = items;
        c->room = room;
    }
    c->items[c->count++] = sq_revision_ref(revision);
    c->bytes += revision->data_bytes;
    return 0;
}

void sq_collected_drop(sq_collected *c)
{
    for (size_t i = 0; i < c->count; i++)
        sq_revision_unref(c->items[i]);
    free(c->items);
}

/* Loads what was found and collects it. Consumes what was found. */
static int collect_found(const sq_reader *reader, sq_found *found, size_t count, sq_collected *c, sq_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0 && !c->full; i++) {
        rc = sq_reader_load(reader, &found[i], error);
        if (rc == 0 && (rc = sq_collect(c, found[i].revision)) < 0)
            sq_fail_memory(error);
    }
    sq_found_drop(found, count);
    return rc;
}

int sq_read_history(const sq_reader *reader, const sq_history *history, sq_page *out, sq_error *error)
{
    sq_collected c = {.limit = sq_page_limit(history->limit), .max_bytes = sq_page_bytes(history->max_bytes)};
    sq_cursor cursor = {.last = INT64_MAX};
    sq_page page = {0};
    int rc = history->cursor && history->cursor[0]
                 ? sq_cursor_read_history(reader->store->secret, history, &cursor, error)
                 : 0;
    sq_found *found = rc == 0 ? malloc((c.limit + 1) * sizeof *found) : NULL;
    size_t count = 0;
    if (!found)
        return rc < 0 ? rc : sq_fail_memory(error);
    pthread_rwlock_rdlock(&reader->tables->lock);
    const sq_shelf *shelf = sq_reader_shelf(reader, history->project);
    const sq_node *node = newest_of(shelf, history->id) ? sq_node_find(shelf, history->id) : NULL;
    for (size_t i = node ? node->count : 0; i > 0 && count <= c.limit; i--) {
        const sq_stored *stored = &node->stored[i - 1];
        if (stored->revision->seq <= shelf->row.seq && stored->revision->rev < cursor.last)
            found[count++] = found_of(stored);
    }
    pthread_rwlock_unlock(&reader->tables->lock);
    rc = node ? collect_found(reader, found, count, &c, error)
              : sq_fail_absent(error, history->project, history->id, NULL);
    free(found);
    if (rc == 0 && c.full) {
        cursor.last = c.items[c.count - 1]->rev;
        rc = sq_cursor_write_history(reader->store->secret, history, &cursor, page.cursor);
        rc = rc < 0 ? sq_fail_memory(error) : 0;
    }
    if (rc < 0) {
        sq_collected_drop(&c);
        return rc;
    }
    page.items = c.items;
    page.count = c.count;
    *out = page;
    return 0;
}

/* What the log has after a seq, above its holes. */
static size_t find_after(const sq_shelf *shelf, int64_t after, sq_found *found, size_t limit)
{
    size_t count = 0;
    for (size_t i = sq_log_find(shelf, after + 1); i < shelf->log_count && count < limit; i++) {
        const sq_log_entry *entry = &shelf->log[i];
        if (entry->seq > shelf->row.seq)
            break;
        found[count++] = found_of(sq_node_rev(entry->node, entry->revision->rev));
    }
    return count;
}

int sq_read_changes(const sq_reader *reader, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                    sq_changes *out, sq_error *error)
{
    sq_collected c = {.limit = sq_page_limit(limit), .max_bytes = sq_page_bytes(max_bytes)};
    sq_changes changes = {0};
    size_t count = 0;
    sq_found *found = malloc(c.limit * sizeof *found);
    if (!found)
        return sq_fail_memory(error);
    pthread_rwlock_rdlock(&reader->tables->lock);
    const sq_shelf *shelf = sq_reader_shelf(reader, project);
    if (shelf) {
        changes.seq = shelf->row.seq;
        changes.lagged = after < shelf->row.pruned_seq;
    }
    changes.lagged = changes.lagged || after > changes.seq;
    if (shelf && !changes.lagged)
        count = find_after(shelf, after, found, c.limit);
    pthread_rwlock_unlock(&reader->tables->lock);
    int rc = collect_found(reader, found, count, &c, error);
    free(found);
    if (rc < 0) {
        sq_collected_drop(&c);
        return rc;
    }
    changes.items = c.items;
    changes.count = c.count;
    *out = changes;
    return 0;
}

int sq_read_projects(const sq_reader *reader, const char *after, sq_project *out, size_t *count)
{
    size_t made = 0;
    pthread_rwlock_rdlock(&reader->tables->lock);
    for (size_t i = 0; i < reader->tables->shelf_count && made < *count; i++) {
        const sq_shelf *shelf = reader->tables->shelves[i];
        if (shelf->row.num && strcmp(shelf->name, after) > 0)
            out[made++] = shelf->row;
    }
    pthread_rwlock_unlock(&reader->tables->lock);
    *count = made;
    return 0;
}

void sq_read_totals(const sq_reader *reader, sq_status *out)
{
    pthread_rwlock_rdlock(&reader->tables->lock);
    for (size_t i = 0; i < reader->tables->shelf_count; i++) {
        const sq_project *row = &reader->tables->shelves[i]->row;
        out->projects += row->num != 0;
        out->live += row->live;
        out->bytes += row->bytes;
    }
    pthread_rwlock_unlock(&reader->tables->lock);
}
