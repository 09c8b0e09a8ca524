/* SPDX-License-Identifier: MIT */
/* Reading and writing: descriptors of every kind, several parts, files, streams of one's own. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_kit.h"
#include "on_both.h"

static DREY_ASYNC int move_big(int from, int to)
{
    struct transfer out = {.fd = from, .bytes = BIG}, in = {.fd = to, .bytes = BIG};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, send_pattern, &out), 0);
    DREY_CHECK_EQ(drey_go(&scope, receive_pattern, &in), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(out.rc, 0);
    DREY_CHECK_EQ(out.done, BIG);
    DREY_CHECK_EQ(in.rc, 0);
    DREY_CHECK_EQ(in.done, BIG);
    return 0;
}

/* More than any buffer holds, so both sides wait over and over. */
TEST_ON_BOTH(big_over_tcp)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(move_big(p.client, p.server), 0);
    DREY_CHECK_EQ(move_big(p.server, p.client), 0);
    pair_close(&p);
    return 0;
}

TEST_ON_BOTH(big_over_unix)
{
    int fds[2];
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(move_big(fds[0], fds[1]), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

TEST_ON_BOTH(big_over_a_strangers_sockets)
{
    int fds[2];
    DREY_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    DREY_CHECK_EQ(move_big(fds[0], fds[1]), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

TEST_ON_BOTH(big_over_a_pipe)
{
    int fds[2];
    DREY_CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    DREY_CHECK_EQ(move_big(fds[1], fds[0]), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

TEST_ON_BOTH(files_too)
{
    char path[512], got[16];
    snprintf(path, sizeof path, "%s/file", drey_test_dir());
    int fd = drey_file_open(path, O_RDWR | O_CREAT, 0600);
    DREY_CHECK_EQ(drey_write_all(fd, "0123456789", 10, NULL), 0);
    DREY_CHECK_EQ(drey_read(fd, got, sizeof got), 0);
    DREY_CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    DREY_CHECK_EQ(drey_read_exact(fd, got, 4, NULL), 0);
    DREY_CHECK_EQ(memcmp(got, "0123", 4), 0);
    DREY_CHECK_EQ(drey_close(fd), 0);
    return 0;
}

TEST_ON_BOTH(nothing_to_do)
{
    int fds[2];
    size_t done = 7;
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(drey_read(fds[0], NULL, 0), 0);
    DREY_CHECK_EQ(drey_read_exact(fds[0], NULL, 0, &done), 0);
    DREY_CHECK_EQ(done, 0);
    done = 7;
    DREY_CHECK_EQ(drey_write_all(fds[0], NULL, 0, &done), 0);
    DREY_CHECK_EQ(done, 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

TEST_ON_BOTH(several_parts)
{
    int fds[2];
    char got[16] = "";
    size_t done;
    struct iovec parts[] = {{NULL, 0},          {(char[]){'a', 'b'}, 2}, {NULL, 0},
                            {(char[]){'c'}, 1}, {(char[]){'d'}, 1},      {NULL, 0}};
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(drey_writev(fds[0], parts, 6), 4);
    DREY_CHECK_EQ(drey_read(fds[1], got, sizeof got), 4);
    DREY_CHECK_EQ(memcmp(got, "abcd", 4), 0);
    DREY_CHECK_EQ(drey_writev_all(fds[0], parts, 6, &done), 0);
    DREY_CHECK_EQ(done, 4);
    DREY_CHECK_EQ(drey_read_exact(fds[1], got, 4, NULL), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    DREY_CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    struct iovec again[] = {{NULL, 0}, {(char[]){'a', 'b'}, 2}, {(char[]){'c'}, 1}};
    DREY_CHECK_EQ(drey_writev_all(fds[1], again, 3, &done), 0);
    DREY_CHECK_EQ(done, 3);
    DREY_CHECK_EQ(drey_read(fds[0], got, sizeof got), 3);
    DREY_CHECK_EQ(memcmp(got, "abc", 3), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

struct parts_job {
    int fd, rc;
    struct iovec *parts;
    int count;
    size_t done;
};

static DREY_ASYNC int send_parts(void *arg)
{
    struct parts_job *job = arg;
    job->rc = drey_writev_all(job->fd, job->parts, job->count, &job->done);
    return 0;
}

/* Cut anywhere in the parts, over and over. */
TEST_ON_BOTH(big_parts)
{
    enum { PARTS = 300, EACH = 9973 };
    int fds[2];
    struct iovec parts[PARTS];
    struct transfer in = {.bytes = PARTS * EACH};
    unsigned char *data = malloc(PARTS * EACH);
    for (size_t i = 0; i < PARTS * EACH; i++)
        data[i] = pattern(i);
    for (size_t i = 0; i < PARTS; i++)
        parts[i] = (struct iovec){data + i * EACH, EACH};
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    in.fd = fds[1];
    struct parts_job out = {.fd = fds[0], .parts = parts, .count = PARTS};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, send_parts, &out), 0);
    DREY_CHECK_EQ(drey_go(&scope, receive_pattern, &in), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    free(data);
    drey_close(fds[0]);
    drey_close(fds[1]);
    DREY_CHECK_EQ(out.rc, 0);
    DREY_CHECK_EQ(out.done, PARTS * EACH);
    DREY_CHECK_EQ(in.rc, 0);
    return 0;
}

struct sending_file {
    int fd, file, rc;
    size_t bytes, done;
};

static DREY_ASYNC int send_file(void *arg)
{
    struct sending_file *s = arg;
    s->rc = drey_sendfile(s->fd, s->file, 0, s->bytes, &s->done);
    return 0;
}

static DREY_ASYNC int file_of_pattern(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/big", drey_test_dir());
    struct transfer out = {.fd = drey_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), .bytes = BIG};
    send_pattern(&out);
    return out.rc < 0 ? out.rc : out.fd;
}

TEST_ON_BOTH(sendfile)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    struct sending_file out = {.fd = p.client, .file = file_of_pattern(), .bytes = BIG};
    struct transfer in = {.fd = p.server, .bytes = BIG};
    DREY_CHECK(out.file >= 0);
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_go(&scope, send_file, &out), 0);
        DREY_CHECK_EQ(drey_go(&scope, receive_pattern, &in), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    DREY_CHECK_EQ(out.rc, 0);
    DREY_CHECK_EQ(out.done, BIG);
    DREY_CHECK_EQ(in.rc, 0);
    DREY_CHECK_EQ(drey_sendfile(p.client, out.file, BIG - 5, 10, &out.done), -ENODATA);
    DREY_CHECK_EQ(out.done, 5);
    DREY_CHECK_EQ(drey_sendfile(p.client, out.file, -1, 10, &out.done), -EINVAL);
    DREY_CHECK_EQ(drey_sendfile(p.client, -1, 0, 10, &out.done), -EBADF);
    DREY_CHECK_EQ(drey_sendfile(p.client, out.file, BIG, 0, &out.done), 0);
    drey_close(out.file);
    pair_close(&p);
    return 0;
}

/* A stream of one's own: it gives what it has in pieces of three bytes, and takes two at a time. */
struct trickle {
    const char *text;
    char taken[32];
    size_t bytes;
    int shut, closed;
};

static DREY_ASYNC ssize_t trickle_read(void *self, void *buffer, size_t bytes)
{
    struct trickle *t = self;
    size_t left = strlen(t->text), n = left < 3 ? left : 3;
    n = n < bytes ? n : bytes;
    memcpy(buffer, t->text, n);
    t->text += n;
    return (ssize_t)n;
}

static DREY_ASYNC ssize_t trickle_writev(void *self, const struct iovec *parts, int count)
{
    struct trickle *t = self;
    size_t n = count > 0 && parts[0].iov_len < 2 ? parts[0].iov_len : 2;
    if (t->bytes + n > sizeof t->taken)
        return -ENOSPC;
    memcpy(t->taken + t->bytes, parts[0].iov_base, n);
    t->bytes += n;
    return (ssize_t)n;
}

static DREY_ASYNC int trickle_shutdown(void *self)
{
    return ++((struct trickle *)self)->shut;
}

static DREY_ASYNC int trickle_close(void *self)
{
    return ++((struct trickle *)self)->closed;
}

DREY_TEST(a_stream_of_ones_own)
{
    static const drey_stream_ops ops = {
        .read = trickle_read, .writev = trickle_writev, .shutdown = trickle_shutdown, .close = trickle_close};
    struct trickle t = {.text = "0123456789"};
    drey_stream s = {&ops, &t};
    char got[16];
    size_t done;
    struct iovec parts[] = {{(char[]){'v', 'w', 'x'}, 3}, {(char[]){'y'}, 1}};
    DREY_CHECK_EQ(drey_stream_read(s, got, sizeof got), 3);
    DREY_CHECK_EQ(drey_stream_read_exact(s, got, 5, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read_exact(s, got, 5, &done), -ENODATA);
    DREY_CHECK_EQ(done, 2);
    DREY_CHECK_EQ(drey_stream_write(s, "abc", 3), 2);
    DREY_CHECK_EQ(drey_stream_write_all(s, "defgh", 5, &done), 0);
    DREY_CHECK_EQ(done, 5);
    DREY_CHECK_EQ(drey_stream_writev_all(s, parts, 2, NULL), 0);
    DREY_CHECK_EQ(memcmp(t.taken, "abdefghvwxy", 11), 0);
    DREY_CHECK_EQ(drey_stream_write_all(s, "0123456789012345678901234", 25, &done), -ENOSPC);
    DREY_CHECK_EQ(done, 20);
    DREY_CHECK_EQ(drey_stream_shutdown(s), 1);
    DREY_CHECK_EQ(drey_stream_close(s), 1);
    return 0;
}

DREY_TEST_MAIN()
