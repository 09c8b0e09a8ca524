/* SPDX-License-Identifier: MIT */
/* A sheet follows its context: it is written, or removed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/dir/files.h"
#include "store/dir/keeper.h"
#include "store/heavy.h"

enum { NS_PER_S = 1000000000, TRIES = 16 };

int sq_make_folder(const char *path, const char *above)
{
    int rc = sq_files_used->make_folder(path, 0777);
    if (rc == -EEXIST)
        return 0;
    return rc < 0 ? rc : sq_files_used->sync_folder(above);
}

static DREY_ASYNC int make_swap(const sq_dir *dir, const char *project)
{
    char swap[SQ_DIR_PATH_BYTES], folder[SQ_DIR_PATH_BYTES];
    sq_own_path(dir, "swap", swap);
    sq_swap_folder_path(dir, project, folder);
    int rc = sq_make_folder(swap, dir->own);
    return rc < 0 ? rc : sq_make_folder(folder, swap);
}

int sq_sheet_folders(const sq_dir *dir, const char *project, sq_error *error)
{
    char folder[SQ_DIR_PATH_BYTES];
    sq_folder_path(dir, project, folder);
    int rc = make_swap(dir, project);
    if (rc == 0)
        rc = sq_make_folder(folder, dir->path);
    return rc < 0 ? sq_dir_fail(error, folder, rc) : 0;
}

typedef struct rendering {
    const sq_revision *revision;
    sq_text text;
    uint8_t digest[SQ_DIGEST_BYTES];
    sq_error *error;
} rendering;

static int render(void *arg)
{
    rendering *r = arg;
    int rc = sq_sheet_write(r->revision, &r->text, r->error);
    if (rc == 0 && !sq_sheet_digest(r->text.data, r->text.bytes, r->digest))
        rc = sq_fail_memory(r->error);
    return rc;
}

/* K4; what the file is now goes into *out. */
static DREY_ASYNC int write_part(const char *part, const rendering *r, sq_sheet *out)
{
    struct stat stat_;
    int fd = sq_files_used->open(part, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return fd;
    int rc = sq_files_write_all(fd, r->text.data, r->text.bytes, 0);
    if (rc == 0)
        rc = sq_files_used->sync(fd);
    if (rc == 0)
        rc = drey_file_fstat(fd, &stat_);
    int closed = sq_files_used->close(fd);
    if (rc < 0 || closed < 0)
        return rc < 0 ? rc : closed;
    *out = (sq_sheet){
        .there = true,
        .inode = (int64_t)stat_.st_ino,
        .bytes = stat_.st_size,
        .changed = stat_.st_mtim.tv_sec * NS_PER_S + stat_.st_mtim.tv_nsec,
        .noted = drey_wall(),
    };
    memcpy(out->digest, r->digest, SQ_DIGEST_BYTES);
    return 0;
}

/* The new file takes its place, and what was there, if anything, its name in swap/. */
static DREY_ASYNC int exchange(const char *swap, const char *path, bool expected)
{
    int rc = -EAGAIN;
    for (int i = 0; i < TRIES; i++, expected = rc == -EEXIST) {
        rc = sq_files_used->rename(swap, path, expected ? RENAME_EXCHANGE : RENAME_NOREPLACE);
        if (rc == 0 || (expected ? rc != -ENOENT : rc != -EEXIST))
            return rc == 0 && expected ? 1 : rc;
    }
    return -EAGAIN;
}

/* From .part to its place. */
static DREY_ASYNC int put_in_place(sq_dir *dir, const sq_subject *subject, const char *part, const char *swap)
{
    char path[SQ_DIR_PATH_BYTES], folder[SQ_DIR_PATH_BYTES];
    sq_sheet_path(dir, subject->project, subject->id, ".json", path);
    sq_folder_path(dir, subject->project, folder);
    int rc = sq_make_folder(folder, dir->path);
    if (rc == 0)
        rc = sq_settle(dir, subject); /* an earlier attempt's */
    if (rc == 0)
        rc = sq_files_used->rename(part, swap, RENAME_NOREPLACE);
    if (rc < 0)
        return rc;
    int exchanged = exchange(swap, path, sq_subject_sheet(dir, subject).there);
    rc = exchanged < 0 ? exchanged : sq_files_used->sync_folder(folder);
    return rc == 0 && exchanged == 1 ? sq_settle(dir, subject) : rc;
}

static DREY_ASYNC int load_head(sq_dir *dir, const sq_subject *subject, const sq_revision **out, sq_error *error)
{
    sq_journal_file *used = sq_journal_use(&dir->journal);
    sq_subject now = sq_subject_find(dir, subject->project, subject->id); /* its place, now that it is in use (J3) */
    int rc = sq_journal_load(&dir->journal, now.head, now.place, out, error);
    sq_subject_drop(&now);
    sq_journal_done(&dir->journal, used);
    return rc;
}

static DREY_ASYNC int write_sheet(sq_dir *dir, const sq_subject *subject, const sq_revision *whole, sq_error *error)
{
    char part[SQ_DIR_PATH_BYTES], swap[SQ_DIR_PATH_BYTES];
    rendering r = {.revision = whole, .error = error};
    sq_sheet sheet;
    int rc = sq_heavy(whole->data_bytes, render, &r);
    if (rc < 0) {
        sq_text_free(&r.text);
        return rc;
    }
    sq_swap_path(dir, subject->project, subject->id, ".part", part);
    sq_swap_path(dir, subject->project, subject->id, ".json", swap);
    rc = make_swap(dir, subject->project);
    if (rc == 0)
        rc = write_part(part, &r, &sheet);
    sq_text_free(&r.text);
    if (rc == 0)
        rc = put_in_place(dir, subject, part, swap);
    if (rc < 0)
        return sq_dir_fail(error, part, rc);
    sheet.rev = whole->rev;
    return sq_subject_note(dir, subject, &sheet, true) < 0 ? sq_fail_memory(error) : 0;
}

static DREY_ASYNC int take_away(sq_dir *dir, const sq_subject *subject)
{
    char path[SQ_DIR_PATH_BYTES], swap[SQ_DIR_PATH_BYTES], folder[SQ_DIR_PATH_BYTES], swap_folder[SQ_DIR_PATH_BYTES];
    sq_swap_folder_path(dir, subject->project, swap_folder);
    sq_sheet_path(dir, subject->project, subject->id, ".json", path);
    sq_swap_path(dir, subject->project, subject->id, ".json", swap);
    sq_folder_path(dir, subject->project, folder);
    int rc = make_swap(dir, subject->project);
    if (rc == 0)
        rc = sq_settle(dir, subject);
    if (rc < 0)
        return rc;
    rc = sq_files_used->rename(path, swap, RENAME_NOREPLACE);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0)
        rc = sq_files_used->sync_folder(folder);
    if (rc == 0)
        rc = sq_settle(dir, subject);
    /* Nothing that knows it may be left when it comes back. */
    return rc < 0 ? rc : sq_files_used->sync_folder(swap_folder);
}

static DREY_ASYNC int remove_sheet(sq_dir *dir, const sq_subject *subject, sq_error *error)
{
    bool purged = subject->head && sq_revision_state(subject->head) == SQ_PURGED;
    int rc = purged ? sq_conflicts_remove(dir, subject) : 0;
    if (rc == 0)
        rc = take_away(dir, subject); /* what somebody writes while it is purged is kept */
    if (rc < 0)
        return sq_dir_fail(error, dir->path, rc);
    if (!subject->node)
        return 0;
    sq_sheet sheet = {.rev = subject->head->rev, .noted = drey_wall()};
    return sq_subject_note(dir, subject, &sheet, true) < 0 ? sq_fail_memory(error) : 0;
}

int sq_sheet_update(sq_dir *dir, const sq_subject *subject, sq_error *error)
{
    const sq_revision *whole;
    if (!subject->head || sq_revision_state(subject->head) != SQ_LIVE)
        return remove_sheet(dir, subject, error);
    int rc = load_head(dir, subject, &whole, error);
    if (rc < 0)
        return rc;
    /* It may have ended meanwhile; then its turn comes again. */
    rc = sq_revision_state(whole) == SQ_LIVE ? write_sheet(dir, subject, whole, error) : 0;
    sq_revision_unref(whole);
    return rc;
}
