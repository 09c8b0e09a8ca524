/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/op.h"
#include "offload/offload.h"

struct look {
    const char *path;
    int flags; /* 0 or AT_SYMLINK_NOFOLLOW */
    struct stat st;
};

static int look_blocking(void *arg)
{
    struct look *look = arg;
    return fstatat(AT_FDCWD, look->path, &look->st, look->flags) < 0 ? -errno : 0;
}

/* By way of a descriptor that only names, since there is no stat that refuses to wait for a disk. */
static int look_cached(struct look *look)
{
    int fd = drey__fs_open_cached(look->path, O_PATH | O_CLOEXEC | (look->flags != 0 ? O_NOFOLLOW : 0));
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &look->st) < 0 ? -EAGAIN : 0;
    close(fd);
    return rc;
}

static int look_at(struct drey_task *self, const char *path, int flags, struct stat *out_stat)
{
    struct look look = {.path = path, .flags = flags};
    int rc = look_cached(&look);
    if (rc < 0 && rc != -ENOENT)
        rc = drey__offload_run(self, look_blocking, &look, false);
    if (rc == 0)
        *out_stat = look.st;
    return rc;
}

int drey_file_stat(const char *path, struct stat *out_stat)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : look_at(self, path, 0, out_stat);
}

int drey_file_lstat(const char *path, struct stat *out_stat)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : look_at(self, path, AT_SYMLINK_NOFOLLOW, out_stat);
}

int drey_file_rename(const char *from, const char *to)
{
    struct drey_task *self;
    struct drey__io_op op = {.code = DREY__IO_RENAME, .path = from, .new_path = to};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_run(self, &op, false);
}

int drey_file_unlink(const char *path)
{
    struct drey_task *self;
    struct drey__io_op op = {.code = DREY__IO_UNLINK, .path = path};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_run(self, &op, false);
}

int drey_dir_remove(const char *path)
{
    struct drey_task *self;
    struct drey__io_op op = {.code = DREY__IO_UNLINK, .path = path, .flags = AT_REMOVEDIR};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_run(self, &op, false);
}

struct making {
    const char *path;
    mode_t mode;
};

static int make_blocking(void *arg)
{
    const struct making *making = arg;
    return mkdir(making->path, making->mode) < 0 ? -errno : 0;
}

int drey_dir_make(const char *path, mode_t mode)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__offload_run(self, make_blocking, &(struct making){path, mode}, false);
}
