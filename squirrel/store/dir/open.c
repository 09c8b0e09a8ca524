/* SPDX-License-Identifier: MIT */
/* Opening: the folders, a new journal or what the journal says. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/dir.h"
#include "store/dir/files.h"
#include "store/disk.h"
#include "store/filesystem.h"

int sq_dir_fail(sq_error *error, const char *path, int rc)
{
    if (rc == -ECANCELED)
        return rc;
    if (rc == -ENOMEM)
        return sq_fail_memory(error);
    bool full = rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG, absent = rc == -ENOENT || rc == -ENOTDIR;
    return sq_fail(error,
                   full     ? SQ_DISK_FULL
                   : absent ? SQ_NOT_FOUND
                            : SQ_STORE_FAILED,
                   "%.150s: %s", path, strerror(-rc));
}

/* ---- replay */

static int replay_project(sq_dir *dir, const sq_record *record)
{
    sq_project row;
    if (!sq_take_project(record, &row))
        return -EIO;
    sq_shelf *shelf = sq_shelf_find(&dir->tables, row.name);
    int rc = shelf ? 0 : sq_shelf_add(&dir->tables, &row, &shelf);
    if (rc < 0)
        return rc;
    shelf->row = shelf->work = row;
    if (row.num > dir->tables.last_project_num)
        dir->tables.last_project_num = row.num;
    return 0;
}

static int replay_revision(sq_dir *dir, const sq_record *record, int64_t place)
{
    sq_revision revision;
    if (!sq_take_revision(record, &revision))
        return -EIO;
    sq_shelf *shelf = sq_shelf_find(&dir->tables, revision.project);
    sq_node *node = shelf ? sq_node_find(shelf, revision.id) : NULL;
    bool after = !node || node->count == 0 || node->stored[node->count - 1].revision->rev < revision.rev;
    if (!shelf || !after || (shelf->log_count && shelf->log[shelf->log_count - 1].seq >= revision.seq))
        return -EIO;
    int rc = node ? 0 : sq_node_add(shelf, revision.id, ++dir->tables.last_node_num, &node);
    revision.data = NULL;
    sq_revision *thin = rc == 0 ? sq_revision_new(&revision) : NULL;
    if (!thin)
        return -ENOMEM;
    rc = sq_node_push(shelf, node, thin, place);
    sq_revision_unref(thin);
    return rc;
}

static int note_purged(sq_keeper *keeper, const sq_revision *revision)
{
    if (keeper->purged_count == keeper->purged_room) {
        size_t room = keeper->purged_room ? 2 * keeper->purged_room : 16;
        void *purged = realloc(keeper->purged, room * sizeof *keeper->purged);
        if (!purged)
            return -ENOMEM;
        keeper->purged = purged;
        keeper->purged_room = room;
    }
    memcpy(keeper->purged[keeper->purged_count++], revision->fingerprint, SQ_DIGEST_BYTES);
    keeper->scrubs++;
    return 0;
}

static int replay_drop(sq_dir *dir, const sq_record *record)
{
    sq_dropped dropped;
    if (!sq_take_drop(record, &dropped))
        return -EIO;
    sq_shelf *shelf = sq_shelf_find(&dir->tables, dropped.project);
    sq_node *node = shelf ? sq_node_find(shelf, dropped.id) : NULL;
    const sq_stored *stored = node ? sq_node_rev(node, dropped.rev) : NULL;
    if (!stored)
        return -EIO;
    if (dropped.purge && note_purged(&dir->keeper, stored->revision) < 0)
        return -ENOMEM;
    sq_node_drop(shelf, node, dropped.rev);
    return 0;
}

/* What is known of a sheet; */
static int replay_note(sq_dir *dir, const sq_record *record)
{
    sq_note note;
    if (!sq_take_note(record, &note))
        return -EIO;
    sq_shelf *shelf = sq_shelf_find(&dir->tables, note.project);
    sq_node *node = shelf ? sq_node_find(shelf, note.id) : NULL;
    if (!node)
        return -EIO;
    if (!node->sheet)
        node->sheet = malloc(sizeof *node->sheet);
    if (!node->sheet)
        return -ENOMEM;
    *node->sheet = note.sheet;
    return 0;
}

static int replay_operation(sq_dir *dir, const sq_record *record)
{
    sq_kept_operation kept;
    if (!sq_take_operation(record, &kept))
        return -EIO;
    sq_shelf *shelf = sq_shelf_find(&dir->tables, kept.project);
    return shelf ? sq_operation_add(&dir->tables, shelf, kept.principal, kept.key, &kept.operation) : -EIO;
}

static int replay_restored(sq_dir *dir, const sq_record *record)
{
    sq_fields fields = {record->payload, record->payload + record->bytes, false};
    dir->restored = sq_take_integer(&fields);
    return fields.failed ? -EIO : 0;
}

static int replay(void *arg, const sq_record *record, int64_t at)
{
    sq_dir *dir = arg;
    switch (record->type) {
    case SQ_RECORD_SECRET:
        if (record->bytes != SQ_DIGEST_BYTES)
            return -EIO;
        memcpy(dir->store.secret, record->payload, SQ_DIGEST_BYTES);
        return 0;
    case SQ_RECORD_PROJECT:
        return replay_project(dir, record);
    case SQ_RECORD_REVISION:
        return replay_revision(dir, record, sq_journal_place_of(1, at));
    case SQ_RECORD_DROP:
        return replay_drop(dir, record);
    case SQ_RECORD_OPERATION:
        return replay_operation(dir, record);
    case SQ_RECORD_NOTE:
        return replay_note(dir, record);
    case SQ_RECORD_RESTORED:
        return replay_restored(dir, record);
    case SQ_RECORD_COMMIT:
        return 0;
    }
    return -EIO;
}

/* ---- the journal */

/* The name is durable once the folder is synced, and the file whole before it has its name. */
static DREY_ASYNC int make_journal(sq_dir *dir, const char *path)
{
    char part[SQ_DIR_PATH_BYTES];
    sq_journal_file file;
    bool clean;
    sq_own_path(dir, "journal.new", part);
    if (RAND_bytes(dir->store.secret, SQ_DIGEST_BYTES) != 1)
        return -EIO;
    int rc = sq_journal_make(part, &file);
    if (rc < 0)
        return rc;
    rc = sq_journal_init(&dir->journal, path, &file);
    if (rc < 0) {
        (void)!sq_files_used->close(file.fd);
        return rc;
    }
    dir->opened = true;
    dir->journal.end = SQ_JOURNAL_HEAD;
    size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_SECRET);
    sq_text_add(&dir->journal.pending, dir->store.secret, SQ_DIGEST_BYTES);
    sq_journal_end(&dir->journal, start);
    sq_journal_seal(&dir->journal);
    rc = dir->journal.pending.failed ? -ENOMEM : sq_journal_append(&dir->journal, &clean);
    if (rc == 0)
        rc = sq_files_used->rename(part, path, RENAME_NOREPLACE);
    return rc < 0 ? rc : sq_files_used->sync_folder(dir->own);
}

/* For who keeps the folder in git. */
static DREY_ASYNC void make_gitignore(const sq_dir *dir)
{
    char path[SQ_DIR_PATH_BYTES];
    sq_own_path(dir, ".gitignore", path);
    int fd = sq_files_used->open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0)
        return;
    (void)!sq_files_write_all(fd, "*\n", 2, 0);
    (void)!sq_files_used->close(fd);
}

static int fail_damaged(const char *path, const sq_journal_state *state, sq_error *error)
{
    return sq_fail(error, SQ_STORE_FAILED,
                   "%.100s is damaged at byte %lld: %.80s: keep the folder as it is and restore a backup", path,
                   (long long)state->damaged_at, state->damage);
}

/* J1: what follows the last commit goes, for good, before anything is written. */
static DREY_ASYNC int cut_tail(int fd, const sq_journal_state *state)
{
    if (state->bytes == state->end)
        return 0;
    int rc = sq_files_used->truncate(fd, state->end);
    return rc < 0 ? rc : sq_files_used->sync(fd);
}

static DREY_ASYNC int read_journal(sq_dir *dir, int fd, const char *path, sq_error *error)
{
    sq_journal_file file = {.fd = fd};
    sq_journal_state state;
    int rc = sq_journal_scan(&file, replay, dir, &state);
    if (rc == 0 && state.damaged_at < 0 && state.group == 0) {
        state.damaged_at = state.end; /* it got its name after that was synced */
        snprintf(state.damage, sizeof state.damage, "its first group is broken");
    }
    if (rc == 0 && state.damaged_at >= 0)
        rc = fail_damaged(path, &state, error);
    else if (rc == 0)
        rc = (rc = cut_tail(fd, &state)) < 0 ? sq_dir_fail(error, path, rc) : 0;
    else
        rc = sq_dir_fail(error, path, rc);
    if (rc == 0 && sq_journal_init(&dir->journal, path, &file) < 0)
        rc = sq_fail_memory(error);
    if (rc < 0) {
        (void)!sq_files_used->close(fd);
        return rc;
    }
    dir->opened = true;
    dir->journal.end = state.end;
    dir->journal.group = state.group;
    return 0;
}

static int check_filesystem(void *arg)
{
    const sq_dir *dir = arg;
    return sq_filesystem_check(dir->own, dir->open_error);
}

/* PATH and PATH/.squirrel, whose names are durable afterwards. */
static DREY_ASYNC int make_folders(sq_dir *dir, bool must_exist, sq_error *error)
{
    char above[SQ_DIR_PATH_BYTES + 2];
    sq_disk_folder(dir->path, above);
    if (must_exist) {
        struct stat stat_;
        int rc = drey_file_stat(dir->own, &stat_);
        return rc < 0 ? sq_dir_fail(error, dir->own, rc) : 0;
    }
    int rc = sq_files_used->make_folder(dir->path, 0777);
    if (rc == 0)
        rc = sq_files_used->sync_folder(above);
    if (rc < 0 && rc != -EEXIST)
        return sq_dir_fail(error, dir->path, rc);
    rc = sq_files_used->make_folder(dir->own, 0700);
    if (rc == 0 || rc == -EEXIST)
        rc = sq_files_used->sync_folder(dir->path);
    return rc < 0 ? sq_dir_fail(error, dir->own, rc) : 0;
}

int sq_dir_open(sq_dir *dir, bool must_exist, sq_error *error)
{
    char path[SQ_DIR_PATH_BYTES];
    sq_own_path(dir, "journal", path);
    int rc = make_folders(dir, must_exist, error);
    dir->open_error = error;
    if (rc == 0)
        rc = drey_offload(check_filesystem, dir);
    if (rc < 0)
        return rc;
    int fd = sq_files_used->open(path, O_RDWR, 0);
    if (fd >= 0)
        return read_journal(dir, fd, path, error);
    rc = fd == -ENOENT && !must_exist ? make_journal(dir, path) : fd;
    if (rc == 0)
        make_gitignore(dir);
    return rc < 0 ? sq_dir_fail(error, path, rc) : 0;
}
