/* SPDX-License-Identifier: MIT */
#include "fs/op.h"

#include <errno.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <drey/time.h>

#include "offload/offload.h"
#include "stack/announce.h"

enum { FIFO_RETRY_MS = 10, BYTES_PER_BUDGET = 4096 };

/* The operation as a system call; what a pool's thread runs. */
static int run_blocking(void *arg)
{
    struct drey__io_op *op = arg;
    ssize_t rc = -1;
    bool here = op->offset < 0;
    switch (op->code) {
    case DREY__IO_OPEN:
        rc = open(op->path, op->flags, op->mode);
        break;
    case DREY__IO_READ:
        rc = here ? read(op->fd, op->data, op->bytes) : pread(op->fd, op->data, op->bytes, op->offset);
        break;
    case DREY__IO_WRITE:
        rc = here ? write(op->fd, op->data, op->bytes) : pwrite(op->fd, op->data, op->bytes, op->offset);
        break;
    case DREY__IO_SYNC:
        rc = fsync(op->fd);
        break;
    case DREY__IO_SYNC_DATA:
        rc = fdatasync(op->fd);
        break;
    case DREY__IO_CLOSE:
        rc = close(op->fd);
        break;
    case DREY__IO_RENAME:
        rc = rename(op->path, op->new_path);
        break;
    case DREY__IO_UNLINK:
        rc = unlinkat(AT_FDCWD, op->path, op->flags);
        break;
    }
    op->result = rc < 0 ? -errno : (int32_t)rc;
    return 0;
}

int drey__fs_run(struct drey_task *self, struct drey__io_op *op, bool uncut)
{
    bool by_libc = DREY__KNOWN_CALLS_ONLY && (op->code == DREY__IO_OPEN || op->code == DREY__IO_CLOSE);
    int rc = by_libc ? -ENOSYS : drey__io_run(self, op, uncut);
    if (rc == -ENOSYS)
        rc = drey__offload_run(self, run_blocking, op, uncut);
    if (rc < 0 && uncut)
        rc = run_blocking(op); /* no thread to be had: what must happen happens here */
    return rc < 0 ? rc : op->result;
}

int drey__fs_open_cached(const char *path, int flags)
{
    if (DREY__KNOWN_CALLS_ONLY)
        return -EAGAIN;
    struct open_how how = {.flags = (uint64_t)(unsigned)flags, .resolve = RESOLVE_CACHED};
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    return fd < 0 ? -errno : (int)fd;
}

static bool names_fifo(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

int drey__fs_open(struct drey_task *self, const char *path, int flags, mode_t mode, const void *place)
{
    bool impatient = (flags & O_NONBLOCK) != 0;
    flags |= O_CLOEXEC | O_NONBLOCK;
    if ((flags & (O_CREAT | O_TRUNC | __O_TMPFILE)) == 0) {
        int fd = drey__fs_open_cached(path, flags);
        if (fd >= 0 || fd == -ENOENT)
            return fd;
    }
    struct drey__io_op op = {.code = DREY__IO_OPEN, .path = path, .flags = flags, .mode = mode};
    int rc = drey__fs_run(self, &op, false);
    while (rc == -ENXIO && !impatient && names_fifo(path)) { /* no reader yet; nothing tells us when one comes */
        rc = drey_sleep(DREY_MS(FIFO_RETRY_MS));
        if (rc == 0)
            rc = drey__enter_at(&self, DREY__CUT_POINT, place);
        if (rc == 0)
            rc = drey__fs_run(self, &op, false);
    }
    if (rc == -EAGAIN && !impatient) { /* a lease is being broken: wait for it */
        rc = drey__enter_at(&self, DREY__CUT_POINT, place);
        op.flags &= ~O_NONBLOCK;
        if (rc == 0)
            rc = drey__fs_run(self, &op, false);
    }
    return rc;
}

/* Whether reading and writing may wait for somebody else, rather than for a disk. */
static bool is_stream(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* At the end of a named pipe that no writer has opened yet, which poll tells from one that all writers have closed. */
static bool lacks_writer(int fd)
{
    struct stat st;
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && poll(&ask, 1, 0) == 0;
}

static uint32_t clamp(size_t bytes)
{
    return bytes < DREY__FS_CHUNK ? (uint32_t)bytes : DREY__FS_CHUNK;
}

/* Copying costs time as well (R11). */
static void spend(ssize_t bytes)
{
    drey__self->budget -= (int32_t)(bytes / BYTES_PER_BUDGET);
}

ssize_t drey__fs_read_cached(int fd, void *buffer, size_t bytes)
{
    struct iovec part = {buffer, clamp(bytes)};
    ssize_t moved = preadv2(fd, &part, 1, 0, RWF_NOWAIT);
    if (moved < 0)
        return -errno;
    spend(moved);
    return moved;
}

/* Move what can be moved without waiting. -EAGAIN: nothing can. -EOPNOTSUPP: the file cannot tell. */
static ssize_t try_now(const struct drey__io_op *op)
{
    struct iovec part = {op->data, op->bytes};
    bool reads = op->code == DREY__IO_READ;
    ssize_t moved =
        reads ? preadv2(op->fd, &part, 1, op->offset, RWF_NOWAIT) : pwritev2(op->fd, &part, 1, op->offset, RWF_NOWAIT);
    if (moved < 0)
        return errno == ENOSYS ? -EOPNOTSUPP : -errno;
    if (moved == 0 && reads && op->bytes > 0 && lacks_writer(op->fd))
        return -EAGAIN;
    spend(moved);
    return moved;
}

static ssize_t move_on_disk(struct drey_task *self, struct drey__io_op *op, const void *place)
{
    /* io_uring leaves the file's position where it was when a write is cut short, as on a full disk (Linux 6.18). */
    bool by_ring = op->code != DREY__IO_WRITE || op->offset != -1;
    int rc = by_ring ? drey__fs_run(self, op, false) : -EAGAIN;
    if (rc != -EAGAIN)
        return rc;
    /* It also gives up where the file is O_NONBLOCK and its file system knows no such thing. */
    if (by_ring)
        rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc == 0 || !by_ring)
        rc = drey__offload_run(self, run_blocking, op, false);
    return rc < 0 ? rc : op->result;
}

static int wait_ready(struct drey_task *self, const struct drey__io_op *op, const void *place)
{
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc == 0)
        rc = drey__fd_wait(self, op->fd, op->code == DREY__IO_READ ? POLLIN : POLLOUT, place);
    return rc < 0 ? rc : drey__enter_at(&self, DREY__CUT_POINT, place);
}

static ssize_t transfer(struct drey_task *self, struct drey__io_op *op, const void *place)
{
    for (;;) {
        ssize_t moved = try_now(op);
        if (moved != -EAGAIN && moved != -EOPNOTSUPP)
            return moved;
        if (!is_stream(op->fd))
            return move_on_disk(self, op, place);
        int rc = wait_ready(self, op, place);
        if (rc < 0)
            return rc;
        if (moved == -EOPNOTSUPP && (rc = drey__fs_run(self, op, false)) != -EAGAIN)
            return rc;
    }
}

ssize_t drey__fs_read(struct drey_task *self, int fd, void *buffer, size_t bytes, off_t offset, const void *place)
{
    struct drey__io_op op = {.code = DREY__IO_READ, .fd = fd, .data = buffer, .bytes = clamp(bytes), .offset = offset};
    return transfer(self, &op, place);
}

ssize_t drey__fs_write(struct drey_task *self, int fd, const void *data, size_t bytes, off_t offset, const void *place)
{
    struct drey__io_op op = {.code = DREY__IO_WRITE,
                             .fd = fd,
                             .data = (void *)(uintptr_t)data, /* only read */
                             .bytes = clamp(bytes),
                             .offset = offset};
    return transfer(self, &op, place);
}
