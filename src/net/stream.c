/* SPDX-License-Identifier: MIT */
/* Streams, and the loops over them. A descriptor is a stream, so each loop is written once. */
#include <errno.h>
#include <limits.h>

#include "net/net.h"

static int fd_of(const void *self)
{
    return (int)(intptr_t)self;
}

static DREY_ASYNC ssize_t fd_read(void *self, void *buffer, size_t bytes)
{
    return drey__net_read(fd_of(self), drey__number_look(fd_of(self)), buffer, bytes, DREY__CALLER);
}

static DREY_ASYNC ssize_t fd_writev(void *self, const struct iovec *parts, int count)
{
    return drey__net_writev(fd_of(self), drey__number_look(fd_of(self)), parts, count, DREY__CALLER);
}

static DREY_ASYNC int fd_shutdown(void *self)
{
    return drey_shutdown(fd_of(self), SHUT_WR);
}

static DREY_ASYNC int fd_close(void *self)
{
    return drey_close(fd_of(self));
}

static const drey_stream_ops fd_ops = {
    .read = fd_read, .writev = fd_writev, .shutdown = fd_shutdown, .close = fd_close};

drey_stream drey_stream_of(int fd)
{
    return (drey_stream){&fd_ops, (void *)(intptr_t)fd};
}

/* What is known of a stream's descriptor when a call begins; 0 for streams of other kinds. */
static uint64_t word_of(drey_stream s)
{
    return s.ops == &fd_ops ? drey__number_look(fd_of(s.self)) : 0;
}

/* Straight to the descriptor, so that reports name the caller. */
static ssize_t read_some(drey_stream s, uint64_t word, void *buffer, size_t bytes, const void *place)
{
    return s.ops == &fd_ops ? drey__net_read(fd_of(s.self), word, buffer, bytes, place)
                            : s.ops->read(s.self, buffer, bytes);
}

static ssize_t write_some(drey_stream s, uint64_t word, const struct iovec *parts, int count, const void *place)
{
    return s.ops == &fd_ops ? drey__net_writev(fd_of(s.self), word, parts, count, place)
                            : s.ops->writev(s.self, parts, count);
}

static int read_exact(drey_stream s, char *buffer, size_t bytes, size_t *out_done, const void *place)
{
    size_t done = 0;
    uint64_t word = word_of(s);
    ssize_t n = bytes == 0 ? read_some(s, word, buffer, 0, place) : 0; /* it may refuse */
    while (n >= 0 && done < bytes) {
        n = read_some(s, word, buffer + done, bytes - done, place);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            n = -ENODATA;
    }
    if (out_done != NULL)
        *out_done = done;
    return n < 0 ? (int)n : 0;
}

/* Take what was written off the parts; those that are empty then are passed over. */
static void advance(struct iovec **parts, int *count, size_t written)
{
    while (*count > 0 && written >= (*parts)->iov_len) {
        written -= (*parts)->iov_len;
        ++*parts;
        --*count;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + written;
        (*parts)->iov_len -= written;
    }
}

static int write_all(drey_stream s, struct iovec *parts, int count, size_t *out_done, const void *place)
{
    size_t done = 0;
    uint64_t word = word_of(s);
    ssize_t n = count < 1 || count > IOV_MAX ? -EINVAL : 0;
    while (n >= 0 && count > 0) {
        n = write_some(s, word, parts, count, place);
        if (n > 0)
            done += (size_t)n;
        if (n >= 0)
            advance(&parts, &count, (size_t)n);
    }
    if (out_done != NULL)
        *out_done = done;
    return n < 0 ? (int)n : 0;
}

int drey_read_exact(int fd, void *buffer, size_t bytes, size_t *out_done)
{
    return read_exact(drey_stream_of(fd), buffer, bytes, out_done, DREY__CALLER);
}

int drey_write_all(int fd, const void *data, size_t bytes, size_t *out_done)
{
    struct iovec part = {(void *)(uintptr_t)data, bytes}; /* only read */
    return write_all(drey_stream_of(fd), &part, 1, out_done, DREY__CALLER);
}

int drey_writev_all(int fd, struct iovec *parts, int count, size_t *out_done)
{
    return write_all(drey_stream_of(fd), parts, count, out_done, DREY__CALLER);
}

ssize_t drey_stream_read(drey_stream stream, void *buffer, size_t bytes)
{
    return read_some(stream, word_of(stream), buffer, bytes, DREY__CALLER);
}

int drey_stream_read_exact(drey_stream stream, void *buffer, size_t bytes, size_t *out_done)
{
    return read_exact(stream, buffer, bytes, out_done, DREY__CALLER);
}

ssize_t drey_stream_write(drey_stream stream, const void *data, size_t bytes)
{
    struct iovec part = {(void *)(uintptr_t)data, bytes}; /* only read */
    return write_some(stream, word_of(stream), &part, 1, DREY__CALLER);
}

int drey_stream_write_all(drey_stream stream, const void *data, size_t bytes, size_t *out_done)
{
    struct iovec part = {(void *)(uintptr_t)data, bytes}; /* only read */
    return write_all(stream, &part, 1, out_done, DREY__CALLER);
}

int drey_stream_writev_all(drey_stream stream, struct iovec *parts, int count, size_t *out_done)
{
    return write_all(stream, parts, count, out_done, DREY__CALLER);
}

int drey_stream_shutdown(drey_stream stream)
{
    return stream.ops->shutdown(stream.self);
}

int drey_stream_close(drey_stream stream)
{
    return stream.ops->close(stream.self);
}
