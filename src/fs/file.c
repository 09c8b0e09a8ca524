/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/stat.h>

#include "fs/op.h"

int drey_file_open(const char *path, int flags, mode_t mode)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    int fd = drey__fs_open(self, path, flags, mode, DREY__CALLER);
    if (fd >= 0 && (flags & (O_NONBLOCK | O_PATH)) == 0)
        fcntl(fd, F_SETFL, flags); /* takes O_NONBLOCK back */
    return fd;
}

ssize_t drey_file_read(int fd, void *buffer, size_t bytes)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_read(self, fd, buffer, bytes, -1, DREY__CALLER);
}

ssize_t drey_file_write(int fd, const void *data, size_t bytes)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_write(self, fd, data, bytes, -1, DREY__CALLER);
}

ssize_t drey_file_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0 || offset < 0)
        return rc < 0 ? rc : -EINVAL;
    return drey__fs_read(self, fd, buffer, bytes, offset, DREY__CALLER);
}

ssize_t drey_file_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0 || offset < 0)
        return rc < 0 ? rc : -EINVAL;
    return drey__fs_write(self, fd, data, bytes, offset, DREY__CALLER);
}

int drey_file_sync(int fd)
{
    struct drey_task *self;
    struct drey__io_op op = {.code = DREY__IO_SYNC, .fd = fd};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_run(self, &op, false);
}

int drey_file_sync_data(int fd)
{
    struct drey_task *self;
    struct drey__io_op op = {.code = DREY__IO_SYNC_DATA, .fd = fd};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fs_run(self, &op, false);
}

int drey_file_close(int fd)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__UNCUT_POINT);
    return rc < 0 ? rc : drey__fs_close(self, fd);
}

int drey_file_fstat(int fd, struct stat *out_stat)
{
    struct drey_task *self;
    struct stat st;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (fstat(fd, &st) < 0) /* the inode of an open file is in memory */
        return -errno;
    *out_stat = st;
    return 0;
}
