/* SPDX-License-Identifier: MIT */
/* A look at one sheet: has somebody changed it, and what becomes of that? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/dir/files.h"
#include "store/dir/keeper.h"
#include "store/heavy.h"

enum { NS_PER_S = 1000000000, CLOSE_NS = 100000000, RAW_FACTOR = 6, SPARE = 65536, PRINCIPAL_BYTES = 32 };

static sq_sheet sheet_of(const struct stat *stat_)
{
    return (sq_sheet){
        .there = true,
        .inode = (int64_t)stat_->st_ino,
        .bytes = stat_->st_size,
        .changed = stat_->st_mtim.tv_sec * NS_PER_S + stat_->st_mtim.tv_nsec,
    };
}

static bool same_file(const sq_sheet *a, const sq_sheet *b)
{
    return a->inode == b->inode && a->bytes == b->bytes && a->changed == b->changed;
}

/* Clocks of file systems are coarse: what was written just before it was noted may have been written again since. */
static bool unchanged(const sq_sheet *known, const sq_sheet *seen)
{
    return known->there && same_file(known, seen) && known->changed + CLOSE_NS < known->noted;
}

bool sq_seen_as_known(sq_dir *dir, const char *project, const sq_seen *seen)
{
    sq_subject subject = sq_subject_find(dir, project, seen->id);
    sq_sheet known = sq_subject_sheet(dir, &subject);
    bool same = seen->regular && subject.head && known.rev == subject.head->rev && unchanged(&known, &seen->sheet);
    sq_subject_drop(&subject);
    return same;
}

static DREY_ASYNC int read_open(sq_dir *dir, int fd, sq_found_file *out)
{
    struct stat stat_;
    size_t most = dir->store.options.limits.data_bytes * RAW_FACTOR + SPARE;
    int rc = drey_file_fstat(fd, &stat_);
    if (rc < 0)
        return rc;
    if (!S_ISREG(stat_.st_mode) || (size_t)stat_.st_size > most)
        return S_ISREG(stat_.st_mode) ? -EFBIG : -EISDIR;
    sq_found_file found = {.sheet = sheet_of(&stat_), .bytes = (size_t)stat_.st_size};
    found.sheet.noted = drey_wall();
    found.text = malloc(found.bytes + 1);
    if (!found.text)
        return -ENOMEM;
    ssize_t got = sq_files_read_all(fd, found.text, found.bytes + 1, 0);
    rc = got < 0 ? (int)got : drey_file_fstat(fd, &stat_);
    sq_sheet after = sheet_of(&stat_);
    if (rc == 0 && ((size_t)got != found.bytes || !same_file(&found.sheet, &after)))
        rc = -EAGAIN;
    if (rc == 0 && !sq_sheet_digest(found.text, found.bytes, found.sheet.digest))
        rc = -ENOMEM;
    if (rc < 0)
        free(found.text);
    else
        *out = found;
    return rc;
}

int sq_file_read(sq_dir *dir, const char *path, sq_found_file *out)
{
    int fd = sq_files_used->open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    int rc = read_open(dir, fd, out);
    (void)!sq_files_used->close(fd);
    return rc;
}

/* ---- what somebody wrote */

typedef struct reading {
    const sq_found_file *found;
    const sq_subject *subject;
    sq_sheet_said said;
    sq_error error;
} reading;

static int read_sheet(void *arg)
{
    reading *r = arg;
    return sq_sheet_read(r->found->text, r->found->bytes, r->subject->project, r->subject->id, &r->said, &r->error);
}

/* The refusals that pass: the file stays as it is, and is looked at again. */
static bool passes(sq_code code)
{
    return code == SQ_BUSY || code == SQ_DISK_FULL || code == SQ_STORE_FAILED || code == SQ_STORE_UNREACHABLE ||
           code == SQ_STORE_BUSY || code == SQ_INTERNAL || code == SQ_UNKNOWN_OUTCOME;
}

/* Has the file made way for what the store says: it becomes a .conflict file, if it says anything new. */
static DREY_ASYNC int put_aside(sq_dir *dir, const sq_subject *subject, sq_error *error)
{
    sq_subject now = sq_subject_find(dir, subject->project, subject->id);
    int rc = sq_sheet_update(dir, &now, error);
    sq_subject_drop(&now);
    return rc;
}

/* It is what the context is now; it keeps its form. */
static DREY_ASYNC int take_over(sq_dir *dir, const sq_subject *subject, const sq_found_file *found, int64_t rev)
{
    sq_subject now = sq_subject_find(dir, subject->project, subject->id);
    sq_sheet sheet = found->sheet, before = sq_subject_sheet(dir, &now);
    bool news = before.rev != rev || !same_file(&before, &sheet) || sheet.changed + CLOSE_NS < sheet.noted;
    sheet.rev = rev;
    int rc = sq_subject_note(dir, &now, &sheet, news);
    sq_subject_drop(&now);
    return rc;
}

static DREY_ASYNC int write_external(sq_dir *dir, const sq_subject *subject, const sq_found_file *found,
                                     const sq_sheet_said *said, sq_error *error)
{
    char principal[PRINCIPAL_BYTES];
    sq_written written;
    sq_write write = said->write;
    bool live = subject->head && sq_revision_there(subject->head, drey_wall() / 1000000);
    snprintf(principal, sizeof principal, "local:%u", (unsigned)getuid());
    write.principal = principal;
    write.tool = "file";
    write.trust = "user";
    write.expected_rev = live ? subject->head->rev : SQ_REV_NONE;
    int rc = sq_writer_write(dir->writer, &write, 1, &written, error);
    int64_t rev = rc == 0 ? written.revision->rev : 0;
    sq_written_free(&written);
    if (rc == 0)
        return take_over(dir, subject, found, rev) < 0 ? sq_fail_memory(error) : 0;
    return rc != -EINVAL || passes(error->code) ? rc : put_aside(dir, subject, error);
}

/* A file of which nothing is known. `current`: the one that was last known showed the head. */
static DREY_ASYNC int take_in(sq_dir *dir, const sq_subject *subject, const sq_found_file *found, bool current,
                              sq_error *error)
{
    reading r = {.found = found, .subject = subject};
    int rc = sq_heavy(found->bytes, read_sheet, &r);
    if (rc == -ENOMEM || rc == -ECANCELED) {
        *error = r.error;
        return rc;
    }
    if (rc < 0)
        return put_aside(dir, subject, error);
    if (current)
        rc = write_external(dir, subject, found, &r.said, error);
    else if (subject->head && sq_sheet_same(&r.said, subject->head))
        rc = take_over(dir, subject, found, subject->head->rev) < 0 ? sq_fail_memory(error) : 0;
    else
        rc = put_aside(dir, subject, error); /* it is of an older state, or a race with a write */
    sq_sheet_said_free(&r.said);
    return rc;
}

/* ---- what somebody removed */

static DREY_ASYNC int remove_context(sq_dir *dir, const sq_subject *subject, sq_error *error)
{
    char principal[PRINCIPAL_BYTES];
    sq_written written;
    snprintf(principal, sizeof principal, "local:%u", (unsigned)getuid());
    sq_write write = {
        .verb = SQ_DELETE,
        .project = subject->project,
        .id = subject->id,
        .expected_rev = subject->head->rev,
        .principal = principal,
        .tool = "file",
        .trust = "user",
    };
    int rc = sq_writer_write(dir->writer, &write, 1, &written, error);
    sq_written_free(&written);
    if (rc == -EINVAL && !passes(error->code))
        return put_aside(dir, subject, error); /* it has children, or was written: the file comes back */
    return rc;
}

static DREY_ASYNC int is_absent(sq_dir *dir, const sq_subject *subject, const sq_sheet *known, bool last,
                                sq_error *error)
{
    if (!subject->head || sq_revision_state(subject->head) != SQ_LIVE)
        return 0;
    if (known->rev != subject->head->rev) {
        sq_subject_mark(dir, subject); /* it was not written yet, or again; its turn comes */
        return 0;
    }
    if (!last)
        return 1;
    return remove_context(dir, subject, error);
}

/* ---- a look */

static DREY_ASYNC int look_at(sq_dir *dir, const sq_subject *subject, bool last, sq_error *error)
{
    char path[SQ_DIR_PATH_BYTES];
    struct stat stat_;
    sq_found_file found;
    sq_sheet known = sq_subject_sheet(dir, subject), seen;
    sq_sheet_path(dir, subject->project, subject->id, ".json", path);
    int rc = drey_file_lstat(path, &stat_);
    if (rc == -ENOENT || rc == -ENOTDIR)
        return is_absent(dir, subject, &known, last, error);
    if (rc < 0)
        return sq_dir_fail(error, path, rc);
    seen = sheet_of(&stat_);
    bool current = !dir->restored && (!subject->head || known.rev == subject->head->rev);
    if (current && unchanged(&known, &seen))
        return 0;
    rc = sq_file_read(dir, path, &found);
    if (rc == -EISDIR || rc == -ELOOP || rc == -EFBIG)
        return put_aside(dir, subject, error);
    if (rc < 0)
        return rc == -EAGAIN || rc == -ENOENT ? 1 : sq_dir_fail(error, path, rc);
    if (current && known.there && memcmp(known.digest, found.sheet.digest, SQ_DIGEST_BYTES) == 0)
        rc = take_over(dir, subject, &found, known.rev) < 0 ? sq_fail_memory(error) : 0;
    else
        rc = take_in(dir, subject, &found, current, error);
    free(found.text);
    return rc;
}

int sq_look(sq_dir *dir, const char *project, const char *id, bool last, sq_error *error)
{
    sq_subject subject = sq_subject_find(dir, project, id);
    int rc = look_at(dir, &subject, last, error);
    sq_subject_drop(&subject);
    return rc;
}
