/* SPDX-License-Identifier: MIT */
/* Reading and writing of descriptors. What is no socket goes the way of files, which also suits pipes and terminals. */
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "fs/op.h"
#include "net/net.h"

static size_t clamp(size_t bytes)
{
    return bytes < DREY__NET_CHUNK ? bytes : DREY__NET_CHUNK;
}

ssize_t drey__net_read(int fd, uint64_t word, void *buffer, size_t bytes, const void *place)
{
    struct drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0 || bytes == 0)
        return rc;
    struct drey__io_call call = {.fd = fd, .word = drey__number_look(fd), .data = buffer, .bytes = clamp(bytes)};
    if (drey__number_generation(call.word) != drey__number_generation(word))
        return -EBADF;
    for (;;) {
        ssize_t n = drey__fd_is_drained(call.word, fd) ? -EAGAIN : drey__io_call(self, &call, place);
        if (n == -ENOTSOCK)
            return drey__fs_read(self, fd, buffer, bytes, -1, place);
        if (n != -EAGAIN) {
            drey__net_spend(n > 0 ? n : 0);
            return n;
        }
        rc = drey__net_wait(self, fd, call.word, POLLIN, place);
        if (rc < 0)
            return rc;
    }
}

/* As many parts as make up a chunk, the first one whatever its size; their bytes. */
static int count_parts(const struct iovec *parts, int count, size_t *out_bytes)
{
    size_t sum = parts[0].iov_len;
    int n = 1;
    while (n < count && parts[n].iov_len <= DREY__NET_CHUNK && sum + parts[n].iov_len <= DREY__NET_CHUNK)
        sum += parts[n++].iov_len;
    *out_bytes = sum;
    return n;
}

ssize_t drey__net_writev(int fd, uint64_t word, const struct iovec *parts, int count, const void *place)
{
    struct drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0 || count < 1 || count > IOV_MAX)
        return rc < 0 ? rc : -EINVAL;
    while (count > 1 && parts[0].iov_len == 0) {
        parts++;
        count--;
    }
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts}; /* only read */
    struct drey__io_call call = {.fd = fd, .word = drey__number_look(fd), .sends = true, .data = parts[0].iov_base};
    if (drey__number_generation(call.word) != drey__number_generation(word))
        return -EBADF;
    message.msg_iovlen = (size_t)count_parts(parts, count, &call.bytes);
    call.bytes = clamp(call.bytes);
    call.parts = message.msg_iovlen > 1 ? &message : NULL;
    for (;;) {
        ssize_t n = drey__io_call(self, &call, place);
        if (n == -ENOTSOCK)
            return drey__fs_write(self, fd, parts[0].iov_base, parts[0].iov_len, -1, place);
        if (n != -EAGAIN) {
            drey__net_spend(n > 0 ? n : 0);
            return n;
        }
        rc = drey__net_wait(self, fd, call.word, POLLOUT, place);
        if (rc < 0)
            return rc;
    }
}

ssize_t drey_read(int fd, void *buffer, size_t bytes)
{
    return drey__net_read(fd, drey__number_look(fd), buffer, bytes, DREY__CALLER);
}

ssize_t drey_write(int fd, const void *data, size_t bytes)
{
    struct iovec part = {(void *)(uintptr_t)data, bytes}; /* only read */
    return drey__net_writev(fd, drey__number_look(fd), &part, 1, DREY__CALLER);
}

ssize_t drey_writev(int fd, const struct iovec *parts, int count)
{
    return drey__net_writev(fd, drey__number_look(fd), parts, count, DREY__CALLER);
}
