/* SPDX-License-Identifier: MIT */
/*
 * Whole files out, all or nothing: write a temporary file beside the old one, sync it, give it the old one's name, sync
 * the directory. The directory is opened first, so that after the rename only its sync is left that could fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "fs/op.h"

enum { NAME_TRIES = 100, SUFFIX_BYTES = sizeof ".drey-0123456789abcdef.tmp" };

struct store {
    struct drey_task *self;
    const void *place;
    const char *path;
    size_t folder_bytes; /* of path: the directory with its slash; 0: the current one */
    char *temporary;     /* its path, with room for the directory's own */
    int fd;              /* of the temporary file */
    int folder;          /* a descriptor */
};

static int enter(struct store *s)
{
    return drey__enter_at(&s->self, DREY__CUT_POINT, s->place);
}

static int close_file(struct store *s, int fd)
{
    struct drey__io_op op = {.code = DREY__IO_CLOSE, .fd = fd};
    return drey__fs_run(s->self, &op, true);
}

static int open_folder(struct store *s)
{
    memcpy(s->temporary, s->path, s->folder_bytes);
    s->temporary[s->folder_bytes] = '\0';
    s->folder = drey__fs_open(s->self, s->folder_bytes != 0 ? s->temporary : ".", O_RDONLY | O_DIRECTORY, 0, s->place);
    return s->folder < 0 ? s->folder : 0;
}

/* The name says nothing of the old one's, which may be as long as names get. */
static int open_temporary(struct store *s, mode_t mode)
{
    int rc = -EEXIST;
    for (int i = 0; i < NAME_TRIES && rc == -EEXIST; i++) {
        uint64_t name = drey__random(&drey__self->rng) ^ (uint64_t)drey__clock_wall() ^ (uint64_t)getpid() << 40;
        snprintf(s->temporary + s->folder_bytes, SUFFIX_BYTES, ".drey-%016" PRIx64 ".tmp", name);
        rc = enter(s);
        if (rc == 0)
            rc = drey__fs_open(s->self, s->temporary, O_WRONLY | O_CREAT | O_EXCL, mode, s->place);
    }
    s->fd = rc;
    return rc < 0 ? rc : 0;
}

static int write_all(struct store *s, const char *data, size_t bytes)
{
    while (bytes > 0) {
        int rc = enter(s);
        ssize_t put = rc < 0 ? rc : drey__fs_write(s->self, s->fd, data, bytes, -1, s->place);
        if (put <= 0)
            return put < 0 ? (int)put : -EIO;
        data += put;
        bytes -= (size_t)put;
    }
    return 0;
}

static int sync_file(struct store *s)
{
    struct drey__io_op op = {.code = DREY__IO_SYNC, .fd = s->fd};
    int rc = enter(s);
    return rc < 0 ? rc : drey__fs_run(s->self, &op, false);
}

/* From the rename on uncut. */
static int put_in_place(struct store *s)
{
    struct drey__io_op rename = {.code = DREY__IO_RENAME, .path = s->temporary, .new_path = s->path};
    struct drey__io_op sync = {.code = DREY__IO_SYNC, .fd = s->folder};
    int rc = enter(s);
    if (rc == 0)
        rc = drey__fs_run(s->self, &rename, true);
    if (rc < 0)
        return rc;
    s->temporary[0] = '\0';
    rc = drey__fs_run(s->self, &sync, true);
    return rc == -EINVAL ? 0 : rc; /* some file systems have no sync of directories, and need none */
}

static int store(struct store *s, const void *data, size_t bytes, mode_t mode)
{
    int rc = open_temporary(s, mode);
    if (rc < 0)
        return rc;
    rc = write_all(s, data, bytes);
    if (rc == 0)
        rc = sync_file(s);
    int closed = close_file(s, s->fd);
    rc = rc < 0 ? rc : closed;
    if (rc == 0)
        rc = put_in_place(s);
    if (rc < 0 && s->temporary[0] != '\0') {
        struct drey__io_op unlink = {.code = DREY__IO_UNLINK, .path = s->temporary};
        drey__fs_run(s->self, &unlink, true);
    }
    return rc;
}

int drey_file_store(const char *path, const void *data, size_t bytes, mode_t mode)
{
    struct store s = {.place = DREY__CALLER, .path = path};
    int rc = drey__enter(&s.self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    const char *slash = strrchr(path, '/');
    s.folder_bytes = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    s.temporary = drey__alloc(s.folder_bytes + SUFFIX_BYTES);
    if (s.temporary == NULL)
        return -ENOMEM;
    rc = open_folder(&s);
    if (rc == 0) {
        rc = store(&s, data, bytes, mode);
        close(s.folder); /* only read */
    }
    drey__free(s.temporary);
    return rc;
}
