/* SPDX-License-Identifier: MIT */
#include "store/dir/files.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static DREY_ASYNC int open_file(const char *path, int flags, mode_t mode)
{
    return drey_file_open(path, flags, mode);
}

static DREY_ASYNC ssize_t read_file(int fd, void *buffer, size_t bytes, off_t at)
{
    return drey_file_pread(fd, buffer, bytes, at);
}

static DREY_ASYNC ssize_t write_file(int fd, const void *data, size_t bytes, off_t at)
{
    return drey_file_pwrite(fd, data, bytes, at);
}

static DREY_ASYNC int sync_file(int fd)
{
    return drey_file_sync_data(fd);
}

static DREY_ASYNC int close_file(int fd)
{
    return drey_file_close(fd);
}

static DREY_ASYNC int unlink_file(const char *path)
{
    return drey_file_unlink(path);
}

static DREY_ASYNC int make_folder(const char *path, mode_t mode)
{
    return drey_dir_make(path, mode);
}

static DREY_ASYNC int sync_folder(const char *path)
{
    int fd = drey_file_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int rc = drey_file_sync(fd), closed = drey_file_close(fd);
    return rc < 0 ? rc : closed;
}

/* What drey has no function for, by a thread of its pool. */
typedef struct call {
    const char *from, *to;
    unsigned flags;
    int fd;
    off_t bytes;
} call;

static int rename_there(void *arg)
{
    const call *c = arg;
    return renameat2(AT_FDCWD, c->from, AT_FDCWD, c->to, c->flags) < 0 ? -errno : 0;
}

static DREY_ASYNC int rename_file(const char *from, const char *to, unsigned flags)
{
    return drey_offload(rename_there, &(call){.from = from, .to = to, .flags = flags});
}

static int link_there(void *arg)
{
    const call *c = arg;
    return link(c->from, c->to) < 0 ? -errno : 0;
}

static DREY_ASYNC int link_file(const char *from, const char *to)
{
    return drey_offload(link_there, &(call){.from = from, .to = to});
}

static int truncate_there(void *arg)
{
    const call *c = arg;
    return ftruncate(c->fd, c->bytes) < 0 ? -errno : 0;
}

static DREY_ASYNC int truncate_file(int fd, off_t bytes)
{
    return drey_offload(truncate_there, &(call){.fd = fd, .bytes = bytes});
}

static ssize_t read_here(int fd, void *buffer, size_t bytes, off_t at)
{
    ssize_t got;
    do {
        got = pread(fd, buffer, bytes, at);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

const sq_files sq_files_system = {
    .open = open_file,
    .read = read_file,
    .write = write_file,
    .truncate = truncate_file,
    .sync = sync_file,
    .close = close_file,
    .rename = rename_file,
    .link = link_file,
    .unlink = unlink_file,
    .make_folder = make_folder,
    .sync_folder = sync_folder,
    .read_here = read_here,
};

const sq_files *sq_files_used = &sq_files_system;

int sq_files_write_all(int fd, const void *data, size_t bytes, off_t at)
{
    const char *from = data;
    for (size_t done = 0; done < bytes;) {
        ssize_t moved = sq_files_used->write(fd, from + done, bytes - done, at + (off_t)done);
        if (moved <= 0)
            return moved < 0 ? (int)moved : -ENOSPC;
        done += (size_t)moved;
    }
    return 0;
}

ssize_t sq_files_read_all(int fd, void *buffer, size_t bytes, off_t at)
{
    char *to = buffer;
    size_t done = 0;
    while (done < bytes) {
        ssize_t moved = sq_files_used->read(fd, to + done, bytes - done, at + (off_t)done);
        if (moved < 0)
            return moved;
        if (moved == 0)
            break;
        done += (size_t)moved;
    }
    return (ssize_t)done;
}
