/* SPDX-License-Identifier: MIT */
/* How TLS connections end: declared, cut, broken, closed, refused. */
#include <sys/socket.h>

#include "net_kit.h"
#include "on_both.h"
#include "tls_kit.h"

/* One end says no more; the other one can still send, and both see a clean end. */
static DREY_ASYNC int half_close(int version)
{
    struct world w;
    struct ends e;
    char got[8] = "";
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.max_version = version}, (drey_tls_server_options){0}),
                  0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    drey_stream client = drey_tls_stream(e.client), server = drey_tls_stream(e.server);
    DREY_CHECK_EQ(drey_stream_write_all(client, "last", 4, NULL), 0);
    DREY_CHECK_EQ(drey_stream_shutdown(client), 0);
    DREY_CHECK_EQ(drey_stream_shutdown(client), 0);
    DREY_CHECK_EQ(drey_stream_write(client, "more", 4), -EPIPE);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), 4);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), 0);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), 0);
    DREY_CHECK_EQ(drey_stream_write_all(server, "answer", 6, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read(client, got, sizeof got), 6);
    DREY_CHECK_STR(got, "answer");
    DREY_CHECK_EQ(drey_stream_shutdown(server), 0);
    DREY_CHECK_EQ(drey_stream_read(client, got, sizeof got), 0);
    DREY_CHECK_STR(drey_tls_failure(e.client), "");
    DREY_CHECK_STR(drey_tls_failure(e.server), "");
    ends_close(&e);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(half_close_1_2)
{
    return half_close(DREY_TLS_1_2);
}

TEST_ON_BOTH(half_close_1_3)
{
    return half_close(DREY_TLS_1_3);
}

/* An end that nobody declared is an error, after the data. The writing goes on as far as the stream below does. */
TEST_ON_BOTH(truncation)
{
    struct world w;
    struct ends e;
    char got[8] = "";
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    drey_stream client = drey_tls_stream(e.client), server = drey_tls_stream(e.server);
    DREY_CHECK_EQ(drey_stream_write_all(client, "data", 4, NULL), 0);
    DREY_CHECK_EQ(drey_shutdown(e.fds[0], DREY_SHUT_WRITE), 0);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), 4);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), -ECONNABORTED);
    DREY_CHECK_EQ(drey_stream_read(server, got, sizeof got), -ECONNABORTED);
    DREY_CHECK_STR(drey_tls_failure(e.server), "the connection ended without a word: what came may be cut short");
    DREY_CHECK_EQ(drey_stream_write_all(server, "still", 5, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read(client, got, sizeof got), 5);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* A peer that dies: whatever the system says of it, and no signal. */
TEST_ON_BOTH(the_peer_dies)
{
    struct world w;
    struct pair p;
    struct ends e;
    char byte;
    const struct linger hard = {.l_onoff = 1};
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_tls_client_open(w.client, drey_stream_of(p.client), "127.0.0.1", &e.client), 0);
    DREY_CHECK_EQ(drey_tls_server_open(w.server, drey_stream_of(p.server), &e.server), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, shake_client, &e), 0);
    DREY_CHECK_EQ(drey_tls_handshake(e.server), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(setsockopt(p.client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    DREY_CHECK_EQ(drey_close(p.client), 0);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.server), &byte, 1), -ECONNRESET);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e.server), &byte, 1), -EPIPE);
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(e.server)), 0);
    drey_tls_close(e.client);
    drey_close(p.listener);
    world_close(&w);
    return 0;
}

static DREY_ASYNC int read_one(void *arg)
{
    struct ends *e = arg;
    char byte;
    e->server_rc = (int)drey_stream_read(drey_tls_stream(e->server), &byte, 1);
    return 0;
}

/* Closing while another task reads: it gets -EBADF, and nobody uses what is gone. */
TEST_ON_BOTH(closed_while_another_reads, .workers = 2)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_SCOPE(scope, .spread = true);
    DREY_CHECK_EQ(drey_go(&scope, read_one, &e), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(e.server)), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(e.server_rc, -EBADF);
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(e.client)), 0);
    world_close(&w);
    return 0;
}

/* A stream that takes nothing before its gate opens, and notes whether it is written to by two at once. */
struct stuck {
    drey_gate gate;
    int inside, most;
};

static DREY_ASYNC ssize_t stuck_writev(void *self, const struct iovec *parts, int count)
{
    struct stuck *s = self;
    size_t bytes = 0;
    int ignored;
    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    s->inside++;
    s->most = s->inside > s->most ? s->inside : s->most;
    int rc = drey_gate_wait(&s->gate, &ignored);
    s->inside--;
    return rc < 0 ? rc : (ssize_t)bytes;
}

static DREY_ASYNC ssize_t stuck_read(void *self, void *buffer, size_t bytes)
{
    (void)self, (void)buffer, (void)bytes;
    return -EBADF;
}

/* Closing while another task shakes hands: what that one sends is not sent a second time. */
DREY_TEST(closed_in_a_handshake)
{
    static const drey_stream_ops ops = {.read = stuck_read, .writev = stuck_writev};
    struct stuck s = {.inside = 0};
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(drey_tls_client_open(w.client, (drey_stream){&ops, &s}, "a.example", &e.client), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, shake_client, &e), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(s.inside, 1);
    drey_tls_close(e.client);
    DREY_CHECK_EQ(s.most, 1);
    drey_gate_open(&s.gate, 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(e.client_rc, -EBADF);
    world_close(&w);
    return 0;
}

/* R4: a cancelled scope refuses, also where the data is in memory; closing is never refused. */
DREY_TEST(r4_refused_when_cancelled)
{
    struct world w;
    struct ends e;
    char byte = 0;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    drey_stream client = drey_tls_stream(e.client), server = drey_tls_stream(e.server);
    DREY_CHECK_EQ(drey_stream_write_all(client, "ab", 2, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read(server, &byte, 1), 1);
    DREY_CHECK_EQ(server.ops->pending(server.self), 1);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_stream_read(server, &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_stream_read(server, &byte, 0), -ECANCELED);
    DREY_CHECK_EQ(drey_stream_write(server, &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_stream_shutdown(server), -ECANCELED);
    DREY_CHECK_EQ(drey_tls_handshake(server.self), -ECANCELED);
    DREY_CHECK_EQ(byte, 'a');
    DREY_CHECK_EQ(drey_stream_close(client), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_stream_read(server, &byte, 1), 1);
    DREY_CHECK_EQ(byte, 'b');
    DREY_CHECK_EQ(server.ops->pending(server.self), 0);
    DREY_CHECK_EQ(drey_stream_read(server, &byte, 1), 0);
    DREY_CHECK_EQ(drey_stream_close(server), 0);
    world_close(&w);
    return 0;
}

DREY_TEST_MAIN()
