/* SPDX-License-Identifier: MIT */
/* Peers that vanish at every byte, that are slow, that say nothing, that lie. */
#include <sys/socket.h>

#include "../sanitized.h"
#include "net_kit.h"
#include "on_both.h"
#include "tls_kit.h"

/* A descriptor as a stream that spoils what is read from it. */
struct spoiled {
    int fd;
    size_t at;      /* bytes read so far */
    size_t end_at;  /* the end comes there; 0: never */
    size_t flip_at; /* this byte comes with a bit turned; 0: none */
    size_t step;    /* bytes that a read or write moves at most; 0: no limit */
};

static DREY_ASYNC ssize_t spoiled_read(void *self, void *buffer, size_t bytes)
{
    struct spoiled *s = self;
    if (s->end_at > 0 && s->at + bytes > s->end_at)
        bytes = s->end_at - s->at;
    if (bytes == 0)
        return 0;
    ssize_t n = drey_read(s->fd, buffer, s->step > 0 && bytes > s->step ? s->step : bytes);
    if (n > 0 && s->flip_at > s->at && s->flip_at <= s->at + (size_t)n)
        ((char *)buffer)[s->flip_at - s->at - 1] ^= 1;
    s->at += n > 0 ? (size_t)n : 0;
    return n;
}

static DREY_ASYNC ssize_t spoiled_writev(void *self, const struct iovec *parts, int count)
{
    struct spoiled *s = self;
    size_t bytes = parts[0].iov_len;
    (void)count;
    return drey_write(s->fd, parts[0].iov_base, s->step > 0 && bytes > s->step ? s->step : bytes);
}

static DREY_ASYNC int spoiled_close(void *self)
{
    return drey_close(((struct spoiled *)self)->fd);
}

static const drey_stream_ops spoiled_ops = {.read = spoiled_read, .writev = spoiled_writev, .close = spoiled_close};

/* One end of a conversation: shake hands, say "ping", read "pong" until the end, close. */
struct talker {
    drey_tls *tls;
    struct spoiled below;
    const char *says;
    int rc; /* the first failure, or 0 */
    size_t heard;
    char why[DREY_TLS_TEXT];
};

static DREY_ASYNC int talk(void *arg)
{
    struct talker *t = arg;
    drey_stream s = drey_tls_stream(t->tls);
    char got[16];
    ssize_t n = drey_tls_handshake(t->tls);
    if (n == 0)
        n = drey_stream_write_all(s, t->says, 4, NULL);
    if (n == 0)
        n = drey_stream_shutdown(s);
    while (n == 0 && (n = drey_stream_read(s, got, sizeof got)) > 0) {
        t->heard += (size_t)n;
        n = 0;
    }
    t->rc = (int)n;
    strcpy(t->why, drey_tls_failure(t->tls));
    drey_stream_close(s);
    return 0;
}

static DREY_ASYNC int converse(const struct world *w, struct talker *client, struct talker *server)
{
    int fds[2];
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    client->below.fd = fds[0];
    server->below.fd = fds[1];
    client->says = "ping";
    server->says = "pong";
    DREY_CHECK_EQ(drey_tls_client_open(w->client, (drey_stream){&spoiled_ops, &client->below}, "a.example",
                                       &client->tls),
                  0);
    DREY_CHECK_EQ(drey_tls_server_open(w->server, (drey_stream){&spoiled_ops, &server->below}, &server->tls), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, talk, client), 0);
    DREY_CHECK_EQ(drey_go(&scope, talk, server), 0);
    return drey_scope_close(&scope, 0);
}

static bool vanished(int rc)
{
    return rc == -ECONNABORTED || rc == -EPIPE || rc == -ECONNRESET;
}

/* How many bytes each end reads when nothing is wrong. */
static DREY_ASYNC int measure(const struct world *w, size_t *out_client, size_t *out_server)
{
    struct talker client = {0}, server = {0};
    DREY_CHECK_EQ(converse(w, &client, &server), 0);
    DREY_CHECK_EQ(client.rc, 0);
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(client.heard, 4);
    DREY_CHECK_EQ(server.heard, 4);
    *out_client = client.below.at;
    *out_server = server.below.at;
    return 0;
}

/* The one whose peer vanished after n bytes hears of it, whatever n is, and takes no cut end for a clean one. */
static DREY_ASYNC int vanish_everywhere(int version)
{
    struct world w;
    size_t client_bytes, server_bytes, stride = SLOW ? 7 : 1;
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.max_version = version}, (drey_tls_server_options){0}),
                  0);
    DREY_CHECK_EQ(measure(&w, &client_bytes, &server_bytes), 0);
    for (size_t n = 1; n < client_bytes - 300; n += stride) { /* signatures differ in length */
        struct talker client = {.below.end_at = n}, server = {0};
        DREY_CHECK_EQ(converse(&w, &client, &server), 0);
        DREY_CHECK_EQ(client.rc, -ECONNABORTED);
        DREY_CHECK(server.rc == 0 || vanished(server.rc) || server.rc == -EPROTO);
    }
    for (size_t n = 1; n < server_bytes - 20; n += stride) {
        struct talker client = {0}, server = {.below.end_at = n};
        DREY_CHECK_EQ(converse(&w, &client, &server), 0);
        DREY_CHECK(vanished(server.rc));
        DREY_CHECK(client.rc == 0 || vanished(client.rc) || client.rc == -EPROTO);
    }
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(peers_that_vanish_1_2, .timeout_seconds = 60)
{
    return vanish_everywhere(DREY_TLS_1_2);
}

TEST_ON_BOTH(peers_that_vanish_1_3, .timeout_seconds = 60)
{
    return vanish_everywhere(DREY_TLS_1_3);
}

/* A bit that turned on the way is never taken for what was sent. */
DREY_TEST(bits_that_turn, .timeout_seconds = 60)
{
    struct world w;
    size_t client_bytes, server_bytes, stride = SLOW ? 29 : 5;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(measure(&w, &client_bytes, &server_bytes), 0);
    for (size_t n = 1; n < server_bytes - 20; n += stride) {
        struct talker client = {0}, server = {.below.flip_at = n};
        struct talker *both[] = {&client, &server};
        DREY_SCOPE(scope, .timeout = DREY_SEC(60)); /* a length that turned makes it wait for more */
        int rc = converse(&w, &client, &server);
        rc = drey_scope_close(&scope, rc);
        DREY_CHECK(rc == 0 || rc == -ETIMEDOUT);
        for (int i = 0; i < 2; i++)
            DREY_CHECK(both[i]->rc < 0 || both[i]->heard == 4);
        DREY_CHECK(client.rc < 0 || server.rc < 0);
    }
    world_close(&w);
    return 0;
}

/* Byte by byte, both ways. */
TEST_ON_BOTH(slow_peers)
{
    for (int version = DREY_TLS_1_2; version <= DREY_TLS_1_3; version++) {
        struct world w;
        struct talker client = {.below.step = 1}, server = {.below.step = 1};
        DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.max_version = version},
                                      (drey_tls_server_options){0}),
                      0);
        DREY_CHECK_EQ(converse(&w, &client, &server), 0);
        DREY_CHECK_STR(client.why, "");
        DREY_CHECK_STR(server.why, "");
        DREY_CHECK_EQ(client.rc, 0);
        DREY_CHECK_EQ(server.rc, 0);
        DREY_CHECK_EQ(client.heard, 4);
        DREY_CHECK_EQ(server.heard, 4);
        world_close(&w);
    }
    return 0;
}

/* Peers that speak something else. */
static DREY_ASYNC int said(const char *text, size_t bytes, bool to_client, int rc, const char *why)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    drey_tls *tls = to_client ? e.client : e.server;
    DREY_CHECK_EQ(drey_write_all(e.fds[to_client ? 1 : 0], text, bytes, NULL), 0);
    DREY_CHECK_EQ(drey_shutdown(e.fds[to_client ? 1 : 0], DREY_SHUT_WRITE), 0);
    DREY_CHECK_EQ(drey_tls_handshake(tls), rc);
    DREY_CHECK_STR(drey_tls_failure(tls), why);
    DREY_CHECK_EQ(drey_tls_handshake(tls), rc);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST(peers_that_speak_something_else)
{
    static const char HTTP[] = "GET / HTTP/1.1\r\n\r\n", SSH[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    char zeros[4096] = {0};
    DREY_CHECK_EQ(said(HTTP, strlen(HTTP), false, -EPROTO, "TLS failed: http request"), 0);
    DREY_CHECK_EQ(said(SSH, strlen(SSH), true, -EPROTO, "TLS failed: wrong version number"), 0);
    DREY_CHECK_EQ(said(zeros, sizeof zeros, false, -EPROTO, "TLS failed: wrong version number"), 0);
    DREY_CHECK_EQ(said("", 0, false, -ECONNABORTED, "the peer closed the connection in the handshake"), 0);
    DREY_CHECK_EQ(said("", 0, true, -ECONNABORTED, "the peer closed the connection in the handshake"), 0);
    return 0;
}

/* Deadlines are the scope's. A handshake that was cut goes on later (R5). */
TEST_ON_BOTH(r5_a_handshake_goes_on)
{
    struct world w;
    struct ends e;
    char byte;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    for (int i = 0; i < 3; i++) {
        drey_time before = drey_now();
        DREY_SCOPE(scope, .timeout = DREY_SEC(5));
        int rc = i < 2 ? drey_tls_handshake(e.client) : (int)drey_stream_read(drey_tls_stream(e.client), &byte, 1);
        DREY_CHECK_EQ(rc, -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
        DREY_CHECK_EQ(drey_now() - before, DREY_SEC(5));
    }
    DREY_CHECK_STR(drey_tls_failure(e.client), "");
    DREY_CHECK_EQ(ends_shake(&e), 0);
    DREY_CHECK_EQ(e.client_rc, 0);
    DREY_CHECK_EQ(e.server_rc, 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* Two connected ends whose sockets hold little. */
static DREY_ASYNC int ends_open_narrow(struct ends *e, const struct world *w)
{
    const int bytes = 4096;
    DREY_CHECK_EQ(ends_open(e, w), 0);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK_EQ(setsockopt(e->fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
        DREY_CHECK_EQ(setsockopt(e->fds[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    }
    return 0;
}

static unsigned char data[64 << 10];

/* A write that is cut with its records taken says so, and the next call brings the rest, here one that reads. */
static DREY_ASYNC int cut_write(struct ends *e, ssize_t bytes)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = pattern(i);
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e->client), data, sizeof data), bytes);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e->client), data, 1), -ECANCELED);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int read_answer(void *arg)
{
    struct ends *e = arg;
    char got[2];
    e->client_rc = drey_stream_read_exact(drey_tls_stream(e->client), got, 2, NULL);
    return e->client_rc;
}

static DREY_ASYNC int take_all(const struct ends *e)
{
    static unsigned char got[sizeof data];
    memset(got, 0, sizeof got);
    DREY_CHECK_EQ(drey_stream_read_exact(drey_tls_stream(e->server), got, sizeof got, NULL), 0);
    DREY_CHECK_EQ(memcmp(got, data, sizeof got), 0);
    return 0;
}

TEST_ON_BOTH(r5_a_reader_brings_what_a_cut_writer_left)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_narrow(&e, &w), 0);
    DREY_CHECK_EQ(cut_write(&e, sizeof data), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, read_answer, &e), 0);
    DREY_CHECK_EQ(take_all(&e), 0);
    DREY_CHECK_EQ(drey_stream_write_all(drey_tls_stream(e.server), "ok", 2, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

static DREY_ASYNC int shut_down(void *arg)
{
    struct ends *e = arg;
    return drey_stream_shutdown(drey_tls_stream(e->client));
}

static DREY_ASYNC int close_client(void *arg)
{
    struct ends *e = arg;
    drey_tls_close(e->client);
    e->client = NULL;
    return 0;
}

/* So do shutting down and closing. */
static DREY_ASYNC int brought_by(drey_fn *fn)
{
    struct world w;
    struct ends e;
    char byte;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_narrow(&e, &w), 0);
    DREY_CHECK_EQ(cut_write(&e, sizeof data), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, fn, &e), 0);
    DREY_CHECK_EQ(take_all(&e), 0);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.server), &byte, 1), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST(r5_what_is_left_goes_with_the_end)
{
    DREY_CHECK_EQ(brought_by(shut_down), 0);
    return brought_by(close_client);
}

/* A peer that takes nothing holds nobody for longer than a second, in a cancelled scope too. */
TEST_ON_BOTH(closing_takes_a_second_at_most)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_narrow(&e, &w), 0);
    DREY_CHECK_EQ(cut_write(&e, sizeof data), 0);
    drey_time before = drey_now();
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    drey_tls_close(e.client);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(1));
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    e.client = NULL;
    DREY_CHECK_EQ(drey_shutdown(e.fds[0], DREY_SHUT_WRITE), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* An error of a pair of streams, as of a peer that has gone while one writes. */
DREY_TEST(writing_to_nobody)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(drey_shutdown(e.fds[1], DREY_SHUT_BOTH), 0);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e.client), "a", 1), -EPIPE);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e.client), "a", 1), -EPIPE);
    DREY_CHECK_EQ(drey_stream_shutdown(drey_tls_stream(e.client)), -EPIPE);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST_MAIN()
