/* SPDX-License-Identifier: MIT */
/* Copies of a store, and putting one in a store's place. */
#include "store/sqlite/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/sqlite/hooks.h"
#include "store/sqlite/sqlite.h"
#include "store/wall.h"

enum { STEP_PAGES = 1024 };

static int fail_file(sq_error *error, const char *path, int code)
{
    sq_fail(error,
            code == ENOSPC   ? SQ_DISK_FULL
            : code == EEXIST ? SQ_EXISTS
            : code == ENOENT ? SQ_NOT_FOUND
                             : SQ_STORE_FAILED,
            "%.150s: %s", path, strerror(code));
    return -EIO;
}

/* An empty file beside `path` that only its owner can read, of a name that nobody else uses: the X's are filled in. */
static int make_file(char *part, const char *path, sq_error *error)
{
    int fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0)
        return fail_file(error, path, errno);
    close(fd);
    return 0;
}

/* The folder too, so that a rename in it is durable. */
static int sync_file(const char *path, sq_error *error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        int code = errno;
        if (fd >= 0)
            close(fd);
        return fail_file(error, path, code);
    }
    close(fd);
    return 0;
}

static int sync_folder_of(const char *path, sq_error *error)
{
    char folder[SQ_PATH_BYTES + 64];
    sq_disk_folder(path, folder);
    int rc = sq_disk_sync_folder(folder);
    return rc < 0 ? fail_file(error, folder, -rc) : 0;
}

static int copy_pages(sq_db *from, sq_db *to, sq_error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (!backup)
        return sq_db_fail(to, error);
    int code;
    while ((code = sqlite3_backup_step(backup, STEP_PAGES)) == SQLITE_OK && !drey_cancelled())
        ;
    bool canceled = code == SQLITE_OK;
    int finished = sqlite3_backup_finish(backup);
    if (canceled)
        return -ECANCELED;
    return code == SQLITE_DONE && finished == SQLITE_OK
               ? 0
               : sq_db_fail_code(to, code == SQLITE_DONE ? finished : code, error);
}

/* Into a file that was made for it, and that is gone if this fails. */
static int copy_to(sq_db *db, const char *part, sq_error *error)
{
    sq_db to = {0};
    int code = sqlite3_open_v2(part, &to.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, sq_sqlite_hook.vfs);
    int rc = code == SQLITE_OK ? copy_pages(db, &to, error) : sq_db_fail_code(&to, code, error);
    sq_db_close(&to);
    if (rc == 0)
        rc = sync_file(part, error);
    if (rc < 0)
        unlink(part);
    return rc;
}

int sq_sqlite_copy(sq_db *db, const char *path, bool replace, sq_error *error)
{
    char part[SQ_PATH_BYTES + 64];
    if ((size_t)snprintf(part, sizeof part, "%s.part-XXXXXX", path) >= sizeof part)
        return fail_file(error, path, ENAMETOOLONG);
    if (!replace && access(path, F_OK) == 0)
        return fail_file(error, path, EEXIST);
    int rc = make_file(part, path, error);
    if (rc == 0)
        rc = copy_to(db, part, error);
    if (rc < 0)
        return rc;
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, replace ? 0 : RENAME_NOREPLACE) == 0)
        return sync_folder_of(path, error);
    rc = fail_file(error, path, errno);
    unlink(part);
    return rc;
}

static int backup(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    (void)store;
    return sq_sqlite_copy(db, arg, false, error);
}

int sq_sqlite_backup(sq_store *store, const char *path, sq_error *error)
{
    char copy[SQ_PATH_BYTES];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return sq_fail(error, SQ_INVALID, "the path of the backup is too long");
    return sq_sqlite_read((sq_sqlite *)store, backup, copy, error);
}

/* restore */

typedef struct restoring {
    const char *path, *backup;
    sq_error *error;
    char part[SQ_PATH_BYTES + 64], kept[SQ_PATH_BYTES + 64];
} restoring;

/* 0, or what is wrong with the pages. */
static int check_pages(sq_db *db, sq_error *error)
{
    sqlite3_stmt *s = NULL;
    sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check(1)", -1, &s, NULL);
    int rc = sq_db_row(db, s, error);
    if (rc == 0 && strcmp(sq_column_text(s, 0), "ok") != 0) {
        sq_fail(error, SQ_STORE_FAILED, "%s", sq_column_text(s, 0));
        rc = -EIO;
    }
    sqlite3_finalize(s);
    return rc;
}

/* Is it a sound store, of a version that is known here? */
static int check_backup(const restoring *r, sq_db *db)
{
    int64_t version = 0;
    sq_error why;
    if (access(r->backup, F_OK) < 0)
        return fail_file(r->error, r->backup, errno);
    int rc = sq_db_open(db, r->backup, false, &why);
    if (rc == 0)
        rc = sq_sqlite_schema_known(db, &version, &why);
    if (rc == 0 && version == 0) {
        sq_fail(&why, SQ_STORE_FAILED, "it is empty");
        rc = -EIO;
    }
    if (rc == 0)
        rc = check_pages(db, &why);
    if (rc == -EIO && why.code == SQ_STORE_FAILED)
        sq_fail(r->error, SQ_STORE_FAILED, "%.100s is damaged or no backup, take another one: %s", r->backup,
                db->handle && sqlite3_errcode(db->handle) != SQLITE_OK ? sqlite3_errmsg(db->handle) : why.message);
    else if (rc < 0)
        *r->error = why;
    return rc;
}

/* A copy of the backup beside its new place. */
static int prepare_copy(restoring *r)
{
    sq_db db = {0};
    int rc = check_backup(r, &db);
    if (rc == 0)
        rc = make_file(r->part, r->path, r->error);
    if (rc == 0)
        rc = copy_to(&db, r->part, r->error);
    sq_db_close(&db);
    return rc;
}

/* The WAL belongs to the file that it lies beside, and must not be there for the new one. */
static int move_wal(const restoring *r)
{
    char from[SQ_PATH_BYTES + 64], to[SQ_PATH_BYTES + 128];
    static const char *const ends[] = {"-wal", "-shm"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(from, sizeof from, "%s%s", r->path, ends[i]);
        snprintf(to, sizeof to, "%s%s", r->kept, ends[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return fail_file(r->error, from, errno);
    }
    return sync_folder_of(r->path, r->error);
}

static int restore(void *arg)
{
    restoring *r = arg;
    char stamp[SQ_TIME_BYTES];
    sq_time_write(sq_wall(), stamp);
    snprintf(r->part, sizeof r->part, "%s.restoring-XXXXXX", r->path);
    snprintf(r->kept, sizeof r->kept, "%s.before-restore-%s", r->path, stamp);
    int rc = prepare_copy(r);
    if (rc < 0)
        return rc;
    bool old = access(r->path, F_OK) == 0;
    if (old)
        rc = move_wal(r);
    /* The name is never without a store: the two files change places, then the old one gets its name. */
    if (rc == 0 && renameat2(AT_FDCWD, r->part, AT_FDCWD, r->path, old ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
        rc = fail_file(r->error, r->path, errno);
    if (rc < 0) {
        unlink(r->part);
        return rc;
    }
    if (old && rename(r->part, r->kept) < 0)
        return fail_file(r->error, r->kept, errno);
    return sync_folder_of(r->path, r->error);
}

int sq_sqlite_restore(const char *path, const char *backup, sq_error *error)
{
    restoring r = {.path = path, .backup = backup, .error = error};
    if (strlen(path) >= SQ_PATH_BYTES || strlen(backup) >= SQ_PATH_BYTES)
        return sq_fail(error, SQ_INVALID, "the path is too long");
    int rc = drey_offload(restore, &r);
    return rc == -EIO ? -EINVAL : rc;
}
