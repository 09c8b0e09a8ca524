/* SPDX-License-Identifier: MIT */
/* A backup is a store of its own without sheets: PATH/.squirrel/journal. Restoring one puts its journal in the place of
 * the old one; the sheets follow when the store is opened, and what they said is kept in before-restore-TIME/. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/dir/copy.h"
#include "store/dir/files.h"
#include "store/dir/keeper.h"
#include "store/disk.h"
#include "store/filesystem.h"
#include "store/wall.h"

enum { COPY_STEP = 64 << 10 };

typedef struct backing {
    sq_dir *dir;
    const char *path;
    char part[SQ_DIR_PATH_BYTES], own[SQ_DIR_PATH_BYTES], journal[SQ_DIR_PATH_BYTES];
} backing;

static DREY_ASYNC void remove_part(const backing *b)
{
    (void)!sq_files_used->unlink(b->journal);
    (void)!drey_dir_remove(b->own);
    (void)!drey_dir_remove(b->part);
}

/* The names are durable before the backup has its own. */
static DREY_ASYNC int name_backup(const backing *b)
{
    char above[SQ_DIR_PATH_BYTES + 2];
    sq_disk_folder(b->path, above);
    int rc = sq_files_used->sync_folder(b->own);
    if (rc == 0)
        rc = sq_files_used->sync_folder(b->part);
    if (rc == 0)
        rc = sq_files_used->rename(b->part, b->path, RENAME_NOREPLACE);
    return rc < 0 ? rc : sq_files_used->sync_folder(above);
}

static DREY_ASYNC int backup(sq_txn *txn, void *arg, sq_error *error)
{
    const backing *b = arg;
    sq_copy copy;
    (void)txn;
    remove_part(b);
    int rc = sq_files_used->make_folder(b->part, 0700);
    if (rc == 0)
        rc = sq_files_used->make_folder(b->own, 0700);
    if (rc < 0)
        return sq_dir_fail(error, b->part, rc);
    rc = sq_copy_make(b->dir, b->journal, false, &copy, error);
    if (rc == 0) {
        rc = sq_files_used->close(copy.file.fd);
        sq_copy_free(&copy);
        if (rc == 0)
            rc = name_backup(b);
        if (rc == -EEXIST)
            rc = sq_fail(error, SQ_EXISTS, "%.150s is there already", b->path);
        else if (rc < 0)
            rc = sq_dir_fail(error, b->path, rc);
    }
    if (rc < 0)
        remove_part(b);
    return rc;
}

/* False: the path is too long. */
static bool fill(backing *b, const char *path, const char *end)
{
    b->path = path;
    if (strlen(path) >= SQ_DIR_PATH_BYTES - 512)
        return false;
    snprintf(b->part, sizeof b->part, "%.*s%s", SQ_DIR_PATH_BYTES - 512, path, end);
    snprintf(b->own, sizeof b->own, "%.*s/.squirrel", SQ_DIR_PATH_BYTES - 256, b->part);
    snprintf(b->journal, sizeof b->journal, "%.*s/journal", SQ_DIR_PATH_BYTES - 128, b->own);
    return true;
}

int sq_dir_backup(sq_store *store, const char *path, sq_error *error)
{
    struct stat stat_;
    backing b = {.dir = (sq_dir *)store};
    if (!fill(&b, path, ".part"))
        return sq_fail(error, SQ_INVALID, "the path of the backup is too long");
    if (drey_file_lstat(path, &stat_) == 0)
        return sq_fail(error, SQ_EXISTS, "%.150s is there already", path);
    return sq_writer_call(b.dir->writer, backup, &b, true, error);
}

/* ---- restore */

static int accept(void *arg, const sq_record *record, int64_t at)
{
    (void)arg, (void)record, (void)at;
    return 0;
}

/* Is it whole? Then what its end is. */
static DREY_ASYNC int check_backup(sq_journal_file *file, const char *path, sq_journal_state *state, sq_error *error)
{
    int rc = sq_journal_scan(file, accept, NULL, state);
    if (rc < 0)
        return sq_dir_fail(error, path, rc);
    if (state->damaged_at >= 0 || state->end != state->bytes || state->group == 0)
        return sq_fail(error, SQ_STORE_FAILED, "%.100s is damaged at byte %lld: take another backup", path,
                       (long long)(state->damaged_at >= 0 ? state->damaged_at : state->end));
    return 0;
}

static DREY_ASYNC int copy_bytes(int from, int to, int64_t bytes)
{
    char buffer[COPY_STEP / 4];
    int rc = 0;
    for (int64_t at = 0; rc == 0 && at < bytes;) {
        ssize_t got = sq_files_read_all(from, buffer, sizeof buffer, at);
        rc = got <= 0 ? (got < 0 ? (int)got : -EIO) : sq_files_write_all(to, buffer, (size_t)got, at);
        at += got;
    }
    return rc;
}

/* The last group says that sheets are not to be taken for edits. */
static DREY_ASYNC int mark_restored(const char *path, const sq_journal_file *file, const sq_journal_state *state)
{
    sq_journal journal;
    bool clean;
    int rc = sq_journal_init(&journal, path, file);
    if (rc < 0)
        return rc;
    journal.end = state->end;
    journal.group = state->group;
    sq_journal_restored(&journal, sq_wall());
    sq_journal_seal(&journal);
    rc = journal.pending.failed ? -ENOMEM : sq_journal_append(&journal, &clean);
    sq_journal_close(&journal);
    return rc;
}

static DREY_ASYNC int copy_backup(const char *backup_path, const char *part, sq_error *error)
{
    sq_journal_state state;
    sq_journal_file from = {.fd = sq_files_used->open(backup_path, O_RDONLY, 0)}, to;
    if (from.fd < 0)
        return sq_dir_fail(error, backup_path, from.fd);
    int rc = check_backup(&from, backup_path, &state, error);
    to = from;
    to.fd = rc < 0 ? rc : sq_files_used->open(part, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (rc == 0 && to.fd < 0)
        rc = sq_dir_fail(error, part, to.fd);
    if (rc == 0) {
        rc = copy_bytes(from.fd, to.fd, state.end);
        if (rc == 0)
            rc = mark_restored(part, &to, &state);
        else
            (void)!sq_files_used->close(to.fd);
        rc = rc < 0 ? sq_dir_fail(error, part, rc) : 0;
    }
    (void)!sq_files_used->close(from.fd);
    return rc;
}

/* The name is never without a journal: the two change places, then the old one gets its name. */
static DREY_ASYNC int put_in_place(const backing *b, const char *part)
{
    char kept[SQ_DIR_PATH_BYTES], stamp[SQ_TIME_BYTES];
    struct stat stat_;
    bool old = drey_file_lstat(b->journal, &stat_) == 0;
    sq_time_write(sq_wall(), stamp);
    snprintf(kept, sizeof kept, "%.*s.before-restore-%s", SQ_DIR_PATH_BYTES - 64, b->journal, stamp);
    int rc = sq_files_used->rename(part, b->journal, old ? RENAME_EXCHANGE : RENAME_NOREPLACE);
    if (rc == 0 && old)
        rc = sq_files_used->rename(part, kept, RENAME_NOREPLACE);
    return rc < 0 ? rc : sq_files_used->sync_folder(b->own);
}

int sq_dir_restore(const char *path, const char *backup_path, sq_error *error)
{
    backing to = {0}, from = {0};
    char part[SQ_DIR_PATH_BYTES];
    if (!fill(&to, path, "") || !fill(&from, backup_path, ""))
        return sq_fail(error, SQ_INVALID, "the path is too long");
    int rc = sq_files_used->make_folder(path, 0777);
    if (rc == 0 || rc == -EEXIST)
        rc = sq_make_folder(to.own, path);
    if (rc < 0)
        return sq_dir_fail(error, path, rc);
    snprintf(part, sizeof part, "%.*s.restoring", SQ_DIR_PATH_BYTES - 64, to.journal);
    rc = copy_backup(from.journal, part, error);
    if (rc == 0 && (rc = put_in_place(&to, part)) < 0)
        rc = sq_dir_fail(error, part, rc);
    return rc;
}
