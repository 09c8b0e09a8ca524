/* SPDX-License-Identifier: MIT */
/*
 * Peers that go away at every point, by a close or by a reset, slowly or in a flood: connections fail one by one, and
 * the server serves on (R5, R19).
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../unit/on_both.h"

enum { BIG = 1 << 20, POINTS = 7, FLOOD = 150 };

static struct {
    drey_addr at;
    int listener, rc;
    drey_token *stop;
    drey_serve_options options;
    atomic_int begun, ended, failed;
} server;

/* Lines: "PING" is answered by "PONG", "BIG" by a megabyte and a line. */
static DREY_ASYNC int answer(int fd, const char *line, char *big)
{
    if (strcmp(line, "PING") == 0)
        return drey_write_all(fd, "PONG\n", 5, NULL);
    memset(big, 'b', BIG);
    struct iovec parts[] = {{big, BIG}, {(char[]){'\n'}, 1}};
    return drey_writev_all(fd, parts, 2, NULL);
}

static DREY_ASYNC int serve_lines(void *arg, int fd)
{
    drey_reader reader;
    char *line, *big = malloc(BIG);
    int rc;
    (void)arg;
    atomic_fetch_add(&server.begun, 1);
    drey_reader_init(&reader, drey_stream_of(fd), 128);
    while ((rc = drey_reader_line(&reader, &line, NULL)) > 0 && (rc = answer(fd, line, big)) == 0) {
    }
    drey_reader_deinit(&reader);
    free(big);
    atomic_fetch_add(&server.failed, rc < 0);
    atomic_fetch_add(&server.ended, 1);
    return rc;
}

static DREY_ASYNC int serve(void *arg)
{
    (void)arg;
    server.rc = drey_serve(server.listener, serve_lines, NULL, server.options);
    return 0;
}

static int open_server(drey_serve_options options)
{
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &server.at), 0);
    server.listener = drey_listen(&server.at, (drey_listen_options){0});
    DREY_CHECK(server.listener >= 0);
    DREY_CHECK_EQ(drey_addr_of(server.listener, &server.at), 0);
    DREY_CHECK_EQ(drey_token_new(NULL, &server.stop), 0);
    server.options = options;
    server.options.stop = server.stop;
    return 0;
}

static DREY_ASYNC int close_server(drey_scope *scope)
{
    drey_token_cancel(server.stop, "enough");
    int rc = drey_scope_close(scope, 0);
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(server.begun, server.ended);
    drey_token_unref(server.stop);
    drey_close(server.listener);
    return rc;
}

static DREY_ASYNC void leave(int fd, bool reset)
{
    struct linger at_once = {.l_onoff = 1};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    drey_close(fd);
}

/* Get as far as that point, and go away. */
static DREY_ASYNC int go_as_far_as(int point, bool reset)
{
    char got[64];
    int rc = 0, fd = drey_connect_to(&server.at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    switch (point) {
    case 0: /* connected */
        break;
    case 1: /* in the middle of a request */
        rc = drey_write_all(fd, "PI", 2, NULL);
        break;
    case 2: /* asked, and not waited for the answer */
        rc = drey_write_all(fd, "PING\n", 5, NULL);
        break;
    case 3: /* answered */
        rc = drey_write_all(fd, "PING\n", 5, NULL);
        if (rc == 0)
            rc = drey_read_exact(fd, got, 5, NULL);
        break;
    case 4: /* in the middle of an answer that fills all buffers */
        rc = drey_write_all(fd, "BIG\n", 4, NULL);
        if (rc == 0)
            rc = drey_read_exact(fd, got, sizeof got, NULL);
        break;
    case 5: /* after saying that there is no more */
        rc = drey_write_all(fd, "PING\n", 5, NULL);
        if (rc == 0)
            rc = drey_shutdown(fd, DREY_SHUT_WRITE);
        break;
    default: /* no more is read, and more is asked */
        rc = drey_shutdown(fd, DREY_SHUT_READ);
        for (int i = 0; i < 4 && rc == 0; i++)
            rc = drey_write_all(fd, "BIG\n", 4, NULL);
        rc = rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
        break;
    }
    leave(fd, reset);
    return rc;
}

static DREY_ASYNC int ask_once(void *arg)
{
    char got[5];
    (void)arg;
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    int rc = drey_write_all(fd, "PING\n", 5, NULL);
    if (rc == 0)
        rc = drey_read_exact(fd, got, 5, NULL);
    drey_close(fd);
    return rc == 0 && memcmp(got, "PONG\n", 5) != 0 ? -EILSEQ : rc;
}

static DREY_ASYNC int vanish_everywhere(void)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    for (int point = 0; point < POINTS; point++)
        for (int reset = 0; reset < 2; reset++) {
            DREY_CHECK_EQ(go_as_far_as(point, reset != 0), 0);
            DREY_CHECK_EQ(ask_once(NULL), 0);
        }
    while (atomic_load(&server.ended) < 4 * POINTS)
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(server.ended, 4 * POINTS);
    DREY_CHECK(server.failed >= 4); /* a line without its end, an answer that nobody reads: by each of the two ways */
    return close_server(&scope);
}

TEST_ON_BOTH(r5_peers_vanish_at_every_point, .real_clock = true)
{
    return vanish_everywhere();
}

TEST_ON_BOTH(r5_peers_vanish_at_every_point_on_several_workers, .workers = 3, .real_clock = true)
{
    return vanish_everywhere();
}

static DREY_ASYNC int one_of_the_flood(void *arg)
{
    uintptr_t i = (uintptr_t)arg;
    int rc = i % 3 == 0 ? go_as_far_as((int)(i % POINTS), i % 2 == 0) : ask_once(NULL);
    return rc;
}

/* R19: far more connections than the server serves at once, some of which go away: all others are served in turn. */
TEST_ON_BOTH(r19_a_flood_of_connections, .workers = 2, .real_clock = true, .timeout_seconds = 60)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){.limit = 8}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    {
        DREY_SCOPE(clients, .spread = true);
        for (uintptr_t i = 0; i < FLOOD; i++)
            DREY_CHECK_EQ(drey_go(&clients, one_of_the_flood, (void *)i), 0);
        DREY_CHECK_EQ(drey_scope_close(&clients, 0), 0);
    }
    DREY_CHECK_EQ(ask_once(NULL), 0);
    DREY_CHECK(server.begun > FLOOD / 2);
    return close_server(&scope);
}

/* A peer that sends a byte at a time, and one that reads so: the others do not notice, and a deadline ends it (R4). */
static DREY_ASYNC int send_slowly(void *arg)
{
    char got[5];
    int fd = *(int *)arg;
    for (const char *at = "PING\nPING"; *at != '\0'; at++) {
        int rc = drey_write_all(fd, at, 1, NULL);
        if (rc == 0)
            rc = drey_sleep(DREY_MS(2));
        if (rc < 0)
            return rc;
    }
    int rc = drey_read_exact(fd, got, 5, NULL);
    return rc < 0 ? rc : drey_read_exact(fd, got, 1, NULL); /* the rest of the line is never sent */
}

TEST_ON_BOTH(r4_slow_peers, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    int slow = drey_connect_to(&server.at, (drey_connect_options){0});
    int reads_nothing = drey_connect_to(&server.at, (drey_connect_options){0});
    DREY_CHECK_EQ(drey_write_all(reads_nothing, "BIG\nBIG\nBIG\nBIG\nBIG\n", 20, NULL), 0);
    DREY_CHECK_EQ(drey_timeout(DREY_MS(100), send_slowly, &slow), -ETIMEDOUT);
    DREY_CHECK_EQ(ask_once(NULL), 0);
    char *big = malloc(BIG + 1);
    for (int i = 0; i < 5; i++) {
        size_t done;
        DREY_CHECK_EQ(drey_read_exact(reads_nothing, big, BIG + 1, &done), 0);
        DREY_CHECK(big[0] == 'b' && big[BIG - 1] == 'b' && big[BIG] == '\n');
    }
    free(big);
    drey_close(slow);
    drey_close(reads_nothing);
    return close_server(&scope);
}

DREY_TEST_MAIN()
