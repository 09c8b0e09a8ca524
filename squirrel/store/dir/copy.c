/* SPDX-License-Identifier: MIT */
#include "store/dir/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/files.h"
#include "store/wall.h"

enum { GROUP_BYTES = 1 << 20 };

typedef struct copying {
    sq_dir *dir;
    sq_copy *copy;
    sq_text pending;
    sq_error *error;
    const char *path;
} copying;

static size_t start(copying *c, sq_record_type type)
{
    return sq_record_start(&c->pending, type);
}

static void finish(copying *c, size_t at)
{
    sq_record_finish(&c->pending, at, c->copy->group + 1, c->copy->file.salt);
}

/* Ends a group and writes it. */
static DREY_ASYNC int flush(copying *c)
{
    if (c->pending.bytes == 0)
        return 0;
    finish(c, start(c, SQ_RECORD_COMMIT));
    if (c->pending.failed)
        return sq_fail_memory(c->error);
    int rc = sq_files_write_all(c->copy->file.fd, c->pending.data, c->pending.bytes, c->copy->end);
    if (rc < 0)
        return sq_dir_fail(c->error, c->path, rc);
    c->copy->end += (int64_t)c->pending.bytes;
    c->copy->group++;
    sq_text_clear(&c->pending);
    return 0;
}

static int add_place(copying *c)
{
    sq_copy *copy = c->copy;
    if (copy->count == copy->room) {
        size_t room = copy->room ? 2 * copy->room : 1024;
        int64_t *places = realloc(copy->places, room * sizeof *places);
        if (!places)
            return sq_fail_memory(c->error);
        copy->places = places;
        copy->room = room;
    }
    copy->places[copy->count++] = copy->end + (int64_t)c->pending.bytes;
    return 0;
}

static void put_head(copying *c)
{
    const sq_tables *tables = &c->dir->tables;
    size_t at = start(c, SQ_RECORD_SECRET);
    sq_text_add(&c->pending, c->dir->store.secret, SQ_DIGEST_BYTES);
    finish(c, at);
    for (size_t i = 0; i < tables->shelf_count; i++) {
        at = start(c, SQ_RECORD_PROJECT);
        sq_put_project(&c->pending, &tables->shelves[i]->row);
        finish(c, at);
    }
}

static const sq_stored *stored_of(const sq_log_entry *entry)
{
    return sq_node_rev(entry->node, entry->revision->rev);
}

static DREY_ASYNC int put_revision(copying *c, const sq_stored *stored)
{
    const sq_revision *whole;
    int rc = sq_journal_load(&c->dir->journal, stored->revision, stored->place, &whole, c->error);
    if (rc == 0 && (rc = add_place(c)) < 0)
        sq_revision_unref(whole);
    if (rc < 0)
        return rc;
    size_t at = start(c, SQ_RECORD_REVISION);
    sq_put_revision(&c->pending, whole);
    finish(c, at);
    sq_revision_unref(whole);
    return c->pending.bytes < GROUP_BYTES ? 0 : flush(c);
}

static DREY_ASYNC int put_revisions(copying *c)
{
    const sq_tables *tables = &c->dir->tables;
    int rc = 0;
    for (size_t s = 0; rc == 0 && s < tables->shelf_count; s++) {
        const sq_shelf *shelf = tables->shelves[s];
        for (size_t i = 0; rc == 0 && i < shelf->log_count; i++) {
            if (shelf->log[i].revision)
                rc = put_revision(c, stored_of(&shelf->log[i]));
        }
    }
    return rc;
}

static void put_operations(copying *c)
{
    sq_time now = sq_wall();
    for (size_t i = 0; i < c->dir->tables.operation_buckets; i++) {
        for (const sq_operation_entry *e = c->dir->tables.operations[i]; e; e = e->next) {
            if (e->operation.expires_at <= now)
                continue;
            size_t at = start(c, SQ_RECORD_OPERATION);
            sq_put_operation(&c->pending, &(sq_kept_operation){e->shelf->name, e->principal, e->key, e->operation});
            finish(c, at);
        }
    }
}

static void put_note(copying *c, const sq_shelf *shelf, const sq_node *node)
{
    sq_note note = {.project = shelf->name, .id = node->id};
    pthread_mutex_lock(&c->dir->keeper.lock);
    bool known = node->sheet != NULL;
    if (known)
        note.sheet = *node->sheet;
    pthread_mutex_unlock(&c->dir->keeper.lock);
    if (!known)
        return;
    size_t at = start(c, SQ_RECORD_NOTE);
    sq_put_note(&c->pending, &note);
    finish(c, at);
}

static DREY_ASYNC int put_notes(copying *c)
{
    int rc = 0;
    for (size_t s = 0; s < c->dir->tables.shelf_count; s++) {
        const sq_shelf *shelf = c->dir->tables.shelves[s];
        for (size_t i = 0; rc == 0 && i < shelf->bucket_count; i++) {
            for (const sq_node *node = shelf->buckets[i]; node; node = node->next)
                put_note(c, shelf, node);
            rc = c->pending.bytes < GROUP_BYTES ? 0 : flush(c);
        }
    }
    return rc;
}

static DREY_ASYNC int put_all(copying *c, bool notes)
{
    put_head(c);
    int rc = put_revisions(c);
    if (rc == 0)
        put_operations(c);
    if (rc == 0 && notes)
        rc = put_notes(c);
    if (rc == 0)
        rc = flush(c);
    if (rc == 0 && (rc = sq_files_used->sync(c->copy->file.fd)) < 0)
        rc = sq_dir_fail(c->error, c->path, rc);
    return rc;
}

int sq_copy_make(sq_dir *dir, const char *path, bool notes, sq_copy *out, sq_error *error)
{
    sq_copy copy = {.end = SQ_JOURNAL_HEAD};
    copying c = {.dir = dir, .copy = &copy, .error = error, .path = path};
    int rc = sq_journal_make(path, &copy.file);
    if (rc < 0)
        return sq_dir_fail(error, path, rc);
    rc = put_all(&c, notes);
    sq_text_free(&c.pending);
    if (rc < 0) {
        (void)!sq_files_used->close(copy.file.fd);
        (void)!sq_files_used->unlink(path);
        sq_copy_free(&copy);
        return rc;
    }
    *out = copy;
    return 0;
}

void sq_copy_free(sq_copy *copy)
{
    free(copy->places);
    copy->places = NULL;
}

void sq_copy_place(sq_dir *dir, const sq_copy *copy, int64_t generation)
{
    size_t next = 0;
    for (size_t s = 0; s < dir->tables.shelf_count; s++) {
        const sq_shelf *shelf = dir->tables.shelves[s];
        for (size_t i = 0; i < shelf->log_count; i++) {
            if (shelf->log[i].revision)
                ((sq_stored *)(uintptr_t)stored_of(&shelf->log[i]))->place =
                    sq_journal_place_of(generation, copy->places[next++]);
        }
    }
}
