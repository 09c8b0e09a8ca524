/* SPDX-License-Identifier: MIT */
/* TLS connections: handshakes, what they agree on, what goes over them. */
#include <poll.h>

#include "net_kit.h"
#include "on_both.h"
#include "tls_kit.h"

static DREY_ASYNC int one_version(int version)
{
    struct world w;
    struct ends e;
    drey_tls_info info;
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.min_version = version, .max_version = version},
                                  (drey_tls_server_options){0}),
                  0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.client, &info), 0);
    DREY_CHECK_EQ(info.version, version);
    DREY_CHECK_STR(info.protocol, NULL);
    DREY_CHECK_STR(info.peer, "CN=server");
    DREY_CHECK(strstr(info.cipher, "GCM") != NULL || strstr(info.cipher, "CHACHA20") != NULL);
    DREY_CHECK_EQ(drey_tls_info_get(e.server, &info), 0);
    DREY_CHECK_EQ(info.version, version);
    DREY_CHECK_STR(info.host, "a.example");
    DREY_CHECK_STR(info.peer, NULL);
    DREY_CHECK(!info.resumed);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(version_1_2)
{
    return one_version(DREY_TLS_1_2);
}

TEST_ON_BOTH(version_1_3)
{
    return one_version(DREY_TLS_1_3);
}

/* The newest of both is taken; none in common is a clear failure at both ends. */
DREY_TEST(versions_meet_or_not)
{
    struct world w, old;
    struct ends e;
    drey_tls_info info;
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){0}, (drey_tls_server_options){0}), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.client, &info), 0);
    DREY_CHECK_EQ(info.version, DREY_TLS_1_3);
    ends_close(&e);
    world_close(&w);
    DREY_CHECK_EQ(world_open_with(&old, (drey_tls_client_options){.max_version = DREY_TLS_1_2},
                                  (drey_tls_server_options){.min_version = DREY_TLS_1_3}),
                  0);
    DREY_CHECK_EQ(ends_open_only(&e, &old, "a.example"), 0);
    DREY_CHECK_EQ(ends_shake(&e), 0);
    DREY_CHECK_EQ(e.client_rc, -EPROTO);
    DREY_CHECK_EQ(e.server_rc, -EPROTO);
    DREY_CHECK_STR(e.client_why, "the peer broke off: protocol version");
    ends_close(&e);
    world_close(&old);
    return 0;
}

/* The first use of the stream shakes hands, whichever it is. */
static DREY_ASYNC int answer_first(void *arg)
{
    struct ends *e = arg;
    char got[8];
    e->server_rc = (int)drey_stream_read(drey_tls_stream(e->server), got, sizeof got);
    return drey_stream_write_all(drey_tls_stream(e->server), got, 5, NULL);
}

TEST_ON_BOTH(the_first_use_shakes_hands)
{
    struct world w;
    struct ends e;
    drey_tls_info info;
    char got[8] = "";
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.client, &info), -ENOTCONN);
    DREY_CHECK_EQ(drey_tls_peer_der(e.client, got, sizeof got), -ENOTCONN);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, answer_first, &e), 0);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e.client), "hello", 5), 5);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.client), got, sizeof got), 5);
    DREY_CHECK_STR(got, "hello");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

static DREY_ASYNC int over_tcp(void)
{
    struct world w;
    struct pair p;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_tls_client_open(w.client, drey_stream_of(p.client), "127.0.0.1", &e.client), 0);
    DREY_CHECK_EQ(drey_tls_server_open(w.server, drey_stream_of(p.server), &e.server), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, shake_client, &e), 0);
    DREY_CHECK_EQ(drey_tls_handshake(e.server), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(e.client)), 0);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.server), &w, 1), 0);
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(e.server)), 0);
    DREY_CHECK_EQ(drey_close(p.listener), 0);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(tcp)
{
    return over_tcp();
}

static DREY_ASYNC int protocols(const char *const *offered, const char *const *known, const char *expected)
{
    struct world w;
    struct ends e;
    drey_tls_info info;
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.protocols = offered},
                                  (drey_tls_server_options){.protocols = known}),
                  0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.client, &info), 0);
    DREY_CHECK_STR(info.protocol, expected);
    DREY_CHECK_EQ(drey_tls_info_get(e.server, &info), 0);
    DREY_CHECK_STR(info.protocol, expected);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* ALPN: the server's preference counts. */
DREY_TEST(alpn)
{
    const char *const both[] = {"h2", "http/1.1", NULL}, *const turned[] = {"http/1.1", "h2", NULL};
    const char *const other[] = {"imap", NULL};
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(protocols(turned, both, "h2"), 0);
    DREY_CHECK_EQ(protocols(both, turned, "http/1.1"), 0);
    DREY_CHECK_EQ(protocols(both, NULL, NULL), 0);
    DREY_CHECK_EQ(protocols(NULL, both, NULL), 0);
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.protocols = other},
                                  (drey_tls_server_options){.protocols = both}),
                  0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, shake_server_and_close, &e), 0);
    DREY_CHECK_EQ(drey_tls_handshake(e.client), -EPROTO);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(e.server_rc, -EPROTO);
    DREY_CHECK_STR(drey_tls_failure(e.client), "the peer broke off: no application protocol");
    DREY_CHECK_EQ(drey_tls_handshake(e.client), -EPROTO);
    DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(e.client), "a", 1), -EPROTO);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* Parts of all sizes arrive as one stream of bytes; a call with none writes nothing. */
DREY_TEST(parts)
{
    enum { LARGE = 40000 };
    struct world w;
    struct ends e;
    static char large[LARGE], got[LARGE + 4];
    size_t done;
    struct iovec parts[] = {{NULL, 0}, {(char[]){'a'}, 1}, {(char[]){'b'}, 1}, {large, LARGE}, {NULL, 0},
                            {(char[]){'c', 'd'}, 2}};
    memset(large, 'x', LARGE);
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    drey_stream client = drey_tls_stream(e.client), server = drey_tls_stream(e.server);
    DREY_CHECK_EQ(drey_stream_write(client, NULL, 0), 0);
    DREY_CHECK_EQ(drey_stream_writev_all(client, parts, 6, &done), 0);
    DREY_CHECK_EQ(done, LARGE + 4);
    DREY_CHECK_EQ(drey_stream_writev_all(client, parts, 0, &done), -EINVAL);
    DREY_CHECK_EQ(drey_stream_read_exact(server, got, LARGE + 4, NULL), 0);
    DREY_CHECK_EQ(memcmp(got, "ab", 2), 0);
    DREY_CHECK_EQ(memcmp(got + 2, large, LARGE), 0);
    DREY_CHECK_EQ(memcmp(got + LARGE + 2, "cd", 2), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* Lines through a reader, and what a dormant task has to know: bytes that are in memory (R9). */
DREY_TEST(r9_a_reader_on_it)
{
    struct world w;
    struct ends e;
    drey_reader reader;
    char *line;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    drey_reader_init(&reader, drey_tls_stream(e.server), 100);
    DREY_CHECK_EQ(drey_reader_rest(&reader), 0);
    DREY_CHECK_EQ(drey_stream_write_all(drey_tls_stream(e.client), "one\ntwo\n", 8, NULL), 0);
    DREY_CHECK_EQ(drey_wait_fd(e.fds[1], POLLIN), POLLIN);
    DREY_CHECK_EQ(drey_reader_line(&reader, &line, NULL), 1);
    DREY_CHECK_STR(line, "one");
    DREY_CHECK_EQ(drey_reader_rest(&reader), 4);
    DREY_CHECK_EQ(drey_reader_line(&reader, &line, NULL), 1);
    DREY_CHECK_STR(line, "two");
    DREY_CHECK_EQ(drey_reader_rest(&reader), 0);
    DREY_CHECK_EQ(drey_stream_shutdown(drey_tls_stream(e.client)), 0);
    DREY_CHECK_EQ(drey_reader_line(&reader, &line, NULL), 0);
    drey_reader_deinit(&reader);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST_MAIN()
