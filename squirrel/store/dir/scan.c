/* SPDX-License-Identifier: MIT */
/* Reading a journal from its start: its groups, its torn tail, its damage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/files.h"
#include "store/dir/journal.h"

enum { STEP = 1 << 20, ALIGN = 8 };

static const char magic[16] = "squirrel journal";

/* A window on the file: the bytes from `from` on that are in memory. It holds what was read of one group. */
typedef struct window {
    const sq_journal_file *file;
    char *data;
    int64_t from;
    size_t bytes, room;
    bool end; /* of the file */
} window;

/* Drops what lies before `at`. */
static void advance(window *w, int64_t at)
{
    size_t gone = (size_t)(at - w->from) < w->bytes ? (size_t)(at - w->from) : w->bytes;
    memmove(w->data, w->data + gone, w->bytes - gone);
    w->bytes -= gone;
    w->from = at;
}

/* Has at least `bytes` from `from` on in memory, if the file has them. */
static DREY_ASYNC int fill(window *w, size_t bytes)
{
    if (bytes <= w->bytes || w->end)
        return 0;
    size_t wanted = bytes > w->bytes + STEP ? bytes : w->bytes + STEP;
    if (wanted > w->room) {
        size_t room = wanted + wanted / 2;
        char *data = realloc(w->data, room);
        if (!data)
            return -ENOMEM;
        w->data = data;
        w->room = room;
    }
    ssize_t got = sq_files_read_all(w->file->fd, w->data + w->bytes, wanted - w->bytes, w->from + (off_t)w->bytes);
    if (got < 0)
        return (int)got;
    w->end = (size_t)got < wanted - w->bytes;
    w->bytes += (size_t)got;
    return 0;
}

/* The record at offset `at` of the window: 1, 0 (there is none, the file ends within it), -1 (it is broken), or
 * -errno. A length that leads beyond the file's end counts as its end. */
static DREY_ASYNC int record_at(window *w, size_t at, int64_t file_bytes, sq_record *out, size_t *out_room)
{
    for (size_t needed = SQ_RECORD_HEAD;;) {
        int rc = fill(w, at + needed);
        if (rc < 0)
            return rc == -EPERM ? -EIO : rc;
        rc = sq_record_read(w->data + at, w->bytes - at, w->file->salt, out, &needed);
        if (rc != 0) {
            *out_room = needed;
            return rc;
        }
        if (w->from + (int64_t)(at + needed) > file_bytes || w->end)
            return 0;
    }
}

static DREY_ASYNC int read_head(sq_journal_file *file, sq_journal_state *state)
{
    char head[SQ_JOURNAL_HEAD];
    sq_record record;
    size_t needed;
    ssize_t got = sq_files_read_all(file->fd, head, sizeof head, 0);
    if (got < 0)
        return (int)got;
    memcpy(file->salt, head + sizeof magic, SQ_SALT_BYTES);
    if (got < (ssize_t)sizeof head || memcmp(head, magic, sizeof magic) != 0 ||
        sq_record_read(head + 32, SQ_RECORD_HEAD, file->salt, &record, &needed) != 1) {
        state->damaged_at = 0;
        snprintf(state->damage, sizeof state->damage, "it does not start as a journal does");
    } else if (record.group != SQ_JOURNAL_VERSION) {
        state->damaged_at = 0;
        snprintf(state->damage, sizeof state->damage, "it has version %lld, this squirrel knows %d",
                 (long long)record.group, SQ_JOURNAL_VERSION);
    }
    state->end = SQ_JOURNAL_HEAD;
    return 0;
}

/* The records of the group that ends at `bytes` of the window. */
static int apply_group(const window *w, size_t bytes, sq_journal_fn *fn, void *arg, sq_journal_state *state)
{
    size_t at = 0, room;
    sq_record record;
    while (at < bytes) {
        sq_record_read(w->data + at, bytes - at, w->file->salt, &record, &room);
        int rc = record.type == SQ_RECORD_COMMIT ? 0 : fn(arg, &record, w->from + (int64_t)at);
        if (rc == -EIO) {
            state->damaged_at = w->from + (int64_t)at;
            snprintf(state->damage, sizeof state->damage, "a record of type %d makes no sense there", record.type);
            return 0;
        }
        if (rc < 0)
            return rc;
        at += room;
    }
    return 0;
}

/* J2: is there a commit behind the last good group that proves it was not the last? Every place is looked at. */
static DREY_ASYNC int look_behind(window *w, sq_journal_state *state)
{
    int64_t bad = state->end;
    for (size_t at = 0; state->damaged_at < 0; at += ALIGN) {
        if (at >= STEP) {
            advance(w, w->from + (int64_t)at);
            at = 0;
        }
        int rc = fill(w, at + SQ_RECORD_HEAD);
        if (rc < 0)
            return rc;
        if (w->bytes < at + SQ_RECORD_HEAD)
            return 0;
        sq_record record;
        size_t needed;
        if (w->data[at + 4] == SQ_RECORD_COMMIT &&
            sq_record_read(w->data + at, SQ_RECORD_HEAD, w->file->salt, &record, &needed) == 1 &&
            record.group >= state->group + 2) {
            state->damaged_at = bad;
            snprintf(state->damage, sizeof state->damage, "group %lld is broken, and group %lld follows it",
                     (long long)state->group + 1, (long long)record.group);
        }
    }
    return 0;
}

/* Goes on from group to group. 0: at the end, or at what is no record. */
static DREY_ASYNC int read_groups(window *w, sq_journal_fn *fn, void *arg, sq_journal_state *state)
{
    size_t at = 0, room;
    sq_record record;
    int rc;
    while ((rc = record_at(w, at, state->bytes, &record, &room)) == 1) {
        if (record.group != state->group + 1)
            return 0;
        at += room;
        if (record.type != SQ_RECORD_COMMIT)
            continue;
        rc = apply_group(w, at, fn, arg, state);
        if (rc < 0 || state->damaged_at >= 0)
            return rc;
        state->end += (int64_t)at;
        state->group++;
        advance(w, state->end);
        at = 0;
    }
    return rc == -1 ? 0 : rc;
}

int sq_journal_scan(sq_journal_file *file, sq_journal_fn *fn, void *arg, sq_journal_state *out)
{
    struct stat stat_;
    window w = {.file = file, .from = SQ_JOURNAL_HEAD};
    *out = (sq_journal_state){.damaged_at = -1};
    int rc = drey_file_fstat(file->fd, &stat_);
    if (rc == 0)
        rc = read_head(file, out);
    if (rc < 0 || out->damaged_at >= 0)
        return rc;
    out->bytes = stat_.st_size;
    rc = read_groups(&w, fn, arg, out);
    if (rc == 0 && out->damaged_at < 0 && out->end < out->bytes)
        rc = look_behind(&w, out);
    free(w.data);
    return rc;
}
