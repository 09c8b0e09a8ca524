/* SPDX-License-Identifier: MIT */
#include "store/dir/journal.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/files.h"

enum { GENERATION_SHIFT = 48 };

static const char magic[16] = "squirrel journal";

/* The head: magic, version, salt, and a record's check over both. */
static bool write_head(uint8_t salt[SQ_SALT_BYTES], sq_text *out)
{
    if (RAND_bytes(salt, SQ_SALT_BYTES) != 1)
        return false;
    sq_text_add(out, magic, sizeof magic);
    sq_text_add(out, salt, SQ_SALT_BYTES);
    size_t start = sq_record_start(out, SQ_RECORD_COMMIT);
    sq_record_finish(out, start, SQ_JOURNAL_VERSION, salt);
    return !out->failed;
}

int sq_journal_make(const char *path, sq_journal_file *out)
{
    sq_text head = {0};
    *out = (sq_journal_file){.fd = -1};
    if (!write_head(out->salt, &head)) {
        sq_text_free(&head);
        return -ENOMEM;
    }
    int fd = sq_files_used->open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int rc = fd < 0 ? fd : sq_files_write_all(fd, head.data, head.bytes, 0);
    sq_text_free(&head);
    if (rc < 0 && fd >= 0)
        (void)!sq_files_used->close(fd);
    if (rc == 0)
        out->fd = fd;
    return rc;
}

int sq_journal_init(sq_journal *journal, const char *path, const sq_journal_file *file)
{
    sq_journal_file *current = malloc(sizeof *current);
    if (!current)
        return -ENOMEM;
    *current = *file;
    current->generation = 1;
    *journal = (sq_journal){.oldest = current, .current = current};
    snprintf(journal->path, sizeof journal->path, "%s", path);
    pthread_mutex_init(&journal->lock, NULL);
    return 0;
}

void sq_journal_close(sq_journal *journal)
{
    while (journal->oldest) {
        sq_journal_file *file = journal->oldest;
        journal->oldest = file->newer;
        (void)!sq_files_used->close(file->fd);
        free(file);
    }
    sq_text_free(&journal->pending);
    pthread_mutex_destroy(&journal->lock);
}

/* ---- readers (J3) */

sq_journal_file *sq_journal_use(sq_journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    sq_journal_file *file = journal->current;
    file->readers++;
    pthread_mutex_unlock(&journal->lock);
    return file;
}

/* Takes out the oldest file if nobody can have a place in it any more: who began later has later places. */
static sq_journal_file *take_unused(sq_journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    sq_journal_file *file = journal->oldest;
    if (file == journal->current || file->readers > 0)
        file = NULL;
    else
        journal->oldest = file->newer;
    pthread_mutex_unlock(&journal->lock);
    return file;
}

static DREY_ASYNC void close_unused(sq_journal *journal)
{
    sq_journal_file *file;
    while ((file = take_unused(journal))) {
        (void)!sq_files_used->close(file->fd);
        free(file);
    }
}

void sq_journal_done(sq_journal *journal, sq_journal_file *used)
{
    pthread_mutex_lock(&journal->lock);
    bool last = --used->readers == 0 && used != journal->current;
    pthread_mutex_unlock(&journal->lock);
    if (last)
        close_unused(journal);
}

sq_journal_file *sq_journal_add(sq_journal *journal, const sq_journal_file *file)
{
    sq_journal_file *added = malloc(sizeof *added);
    if (!added)
        return NULL;
    *added = *file;
    pthread_mutex_lock(&journal->lock);
    added->generation = journal->current->generation + 1;
    journal->current->newer = added;
    pthread_mutex_unlock(&journal->lock);
    return added;
}

void sq_journal_switch(sq_journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    journal->current = journal->current->newer;
    pthread_mutex_unlock(&journal->lock);
    close_unused(journal);
}

/* ---- writing */

int64_t sq_journal_place_of(int64_t generation, int64_t at)
{
    return generation << GENERATION_SHIFT | at;
}

int64_t sq_journal_place(const sq_journal *journal)
{
    return sq_journal_place_of(journal->current->generation, journal->end + (int64_t)journal->pending.bytes);
}

size_t sq_journal_begin(sq_journal *journal, sq_record_type type)
{
    return sq_record_start(&journal->pending, type);
}

void sq_journal_end(sq_journal *journal, size_t start)
{
    sq_record_finish(&journal->pending, start, journal->group + 1, journal->current->salt);
}

void sq_journal_restored(sq_journal *journal, sq_time when)
{
    size_t start = sq_journal_begin(journal, SQ_RECORD_RESTORED);
    sq_put_integer(&journal->pending, when);
    sq_journal_end(journal, start);
}

void sq_journal_seal(sq_journal *journal)
{
    sq_journal_end(journal, sq_journal_begin(journal, SQ_RECORD_COMMIT));
}

int sq_journal_append(sq_journal *journal, bool *out_clean)
{
    int fd = journal->current->fd;
    *out_clean = false;
    int rc = sq_files_write_all(fd, journal->pending.data, journal->pending.bytes, journal->end);
    if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG) {
        *out_clean = sq_files_used->truncate(fd, journal->end) == 0;
        return rc;
    }
    if (rc == 0)
        rc = sq_files_used->sync(fd);
    if (rc < 0)
        return rc;
    journal->end += (int64_t)journal->pending.bytes;
    journal->group++;
    sq_text_clear(&journal->pending);
    return 0;
}

/* ---- loading */

static int fail_damaged(sq_error *error, const sq_journal *journal, const sq_revision *thin, int64_t at)
{
    return sq_fail(error, SQ_STORE_FAILED, "%.100s is damaged at byte %lld, in rev %lld of \"%.40s\": verify the store",
                   journal->path, (long long)at, (long long)thin->rev, thin->id);
}

static const sq_journal_file *find_file(sq_journal *journal, int64_t generation)
{
    pthread_mutex_lock(&journal->lock);
    const sq_journal_file *file = journal->oldest;
    while (file && file->generation != generation)
        file = file->newer;
    pthread_mutex_unlock(&journal->lock);
    return file;
}

typedef struct loading {
    const sq_journal_file *file;
    int64_t at;
    size_t bytes;
    char *record;
} loading;

/* Where the record is, and room for it. 1: `thin` is the whole already. */
static int start_load(sq_journal *journal, const sq_revision *thin, int64_t place, loading *out, sq_error *error)
{
    if (thin->data_bytes == 0)
        return 1;
    *out = (loading){
        .file = find_file(journal, place >> GENERATION_SHIFT),
        .at = place & ((INT64_C(1) << GENERATION_SHIFT) - 1),
        .bytes = sq_revision_record(thin),
    };
    if (!out->file)
        return sq_fail(error, SQ_INTERNAL, "a revision of a journal that was replaced");
    out->record = malloc(out->bytes);
    return out->record ? 0 : sq_fail_memory(error);
}

static int end_load(const sq_journal *journal, const sq_revision *thin, const loading *l, ssize_t got,
                    const sq_revision **out, sq_error *error)
{
    sq_record record;
    sq_revision read;
    size_t needed;
    if (got < 0)
        return sq_fail(error, SQ_STORE_FAILED, "%.120s cannot be read: %s", journal->path, strerror((int)-got));
    if (got != (ssize_t)l->bytes || sq_record_read(l->record, l->bytes, l->file->salt, &record, &needed) != 1 ||
        record.type != SQ_RECORD_REVISION || !sq_take_revision(&record, &read) || read.rev != thin->rev ||
        strcmp(read.id, thin->id) != 0)
        return fail_damaged(error, journal, thin, l->at);
    const sq_revision *whole = sq_revision_new(&read);
    if (!whole)
        return sq_fail_memory(error);
    *out = whole;
    return 0;
}

int sq_journal_load(sq_journal *journal, const sq_revision *thin, int64_t place, const sq_revision **out,
                    sq_error *error)
{
    loading l;
    int rc = start_load(journal, thin, place, &l, error);
    if (rc == 1)
        *out = sq_revision_ref(thin);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    ssize_t got = sq_files_read_all(l.file->fd, l.record, l.bytes, l.at);
    rc = got == -ECANCELED ? -ECANCELED : end_load(journal, thin, &l, got, out, error);
    free(l.record);
    return rc;
}

/* How much of the record was in the group that is being made: all or nothing. */
static ssize_t take_pending(const sq_journal *journal, bool writer, const loading *l)
{
    if (!writer || l->file != journal->current || l->at < journal->end)
        return 0;
    memcpy(l->record, journal->pending.data + (l->at - journal->end), l->bytes);
    return (ssize_t)l->bytes;
}

int sq_journal_load_here(sq_journal *journal, bool writer, const sq_revision *thin, int64_t place,
                         const sq_revision **out, sq_error *error)
{
    loading l;
    int rc = start_load(journal, thin, place, &l, error);
    if (rc == 1)
        *out = sq_revision_ref(thin);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    ssize_t done = take_pending(journal, writer, &l), got = 1;
    while (done < (ssize_t)l.bytes && got > 0) {
        got = sq_files_used->read_here(l.file->fd, l.record + done, l.bytes - (size_t)done, l.at + done);
        done += got > 0 ? got : 0;
    }
    rc = end_load(journal, thin, &l, got < 0 ? got : done, out, error);
    free(l.record);
    return rc;
}
