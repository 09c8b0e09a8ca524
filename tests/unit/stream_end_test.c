/* SPDX-License-Identifier: MIT */
/* How streams end (R4, R5): half-close, reset, deadlines in the middle, and what is known of the progress then. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "net_kit.h"
#include "on_both.h"

TEST_ON_BOTH(half_close)
{
    struct pair p;
    char got[8];
    size_t done = 0;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_write_all(p.client, "abc", 3, NULL), 0);
    DREY_CHECK_EQ(drey_stream_shutdown(drey_stream_of(p.client)), 0);
    DREY_CHECK_EQ(drey_read_exact(p.server, got, sizeof got, &done), -ENODATA);
    DREY_CHECK_EQ(done, 3);
    DREY_CHECK_EQ(drey_read_exact(p.server, got, sizeof got, &done), -ENODATA);
    DREY_CHECK_EQ(done, 0);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 0);
    DREY_CHECK_EQ(drey_write_all(p.server, "still", 5, NULL), 0);
    DREY_CHECK_EQ(drey_read_exact(p.client, got, 5, NULL), 0);
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), -EPIPE);
    pair_close(&p);
    return 0;
}

struct reading {
    int fd;
    ssize_t rc;
};

static DREY_ASYNC int read_one(void *arg)
{
    struct reading *r = arg;
    char byte;
    r->rc = drey_read(r->fd, &byte, 1);
    return 0;
}

/* The end and an error reach a reader that waits already. */
static DREY_ASYNC int end_while_reading(bool reset, ssize_t expected)
{
    struct pair p;
    struct linger at_once = {.l_onoff = 1};
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    struct reading r = {.fd = p.server, .rc = 1};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, read_one, &r), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
    if (reset)
        DREY_CHECK_EQ(setsockopt(p.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    DREY_CHECK_EQ(drey_close(p.client), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(r.rc, expected);
    DREY_CHECK_EQ(drey_write(p.server, "x", 1) < 0, reset);
    drey_close(p.server);
    drey_close(p.listener);
    return 0;
}

TEST_ON_BOTH(end_reaches_a_reader, .real_clock = true)
{
    return end_while_reading(false, 0);
}

TEST_ON_BOTH(reset_reaches_a_reader, .real_clock = true)
{
    return end_while_reading(true, -ECONNRESET);
}

/* R5: what was written before the reset can be told; there is no signal, also not once the runtime has ended. */
TEST_ON_BOTH(r5_peer_is_gone_while_writing)
{
    int fds[2];
    struct transfer out = {.bytes = BIG};
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    out.fd = fds[0];
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, send_pattern, &out), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(drey_close(fds[1]), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_close(fds[0]);
    DREY_CHECK(out.rc == -EPIPE || out.rc == -ECONNRESET);
    DREY_CHECK(out.done > 0 && out.done < BIG);
    sigset_t pending;
    sigpending(&pending);
    DREY_CHECK(!sigismember(&pending, SIGPIPE));
    return 0;
}

/* R5: a deadline strikes in the middle; what is said to be written is what the peer reads. */
TEST_ON_BOTH(r5_progress_of_cut_loops)
{
    int fds[2];
    char byte;
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    struct transfer out = {.fd = fds[0], .bytes = BIG}, in = {.fd = fds[1], .bytes = BIG};
    DREY_SCOPE(scope, .timeout = DREY_SEC(5));
    DREY_CHECK_EQ(drey_go(&scope, send_pattern, &out), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(out.rc, -ECANCELED);
    DREY_CHECK(out.done > 0 && out.done < BIG);
    DREY_CHECK_EQ(drey_shutdown(fds[0], DREY_SHUT_WRITE), 0);
    receive_pattern(&in);
    DREY_CHECK_EQ(in.rc, -ENODATA);
    DREY_CHECK_EQ(in.done, out.done);
    DREY_CHECK_EQ(drey_read(fds[1], &byte, 1), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

TEST_ON_BOTH(r4_refused_when_cancelled)
{
    int fds[2];
    char byte = 0;
    size_t done = 7;
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(drey_write(fds[0], &byte, 1), 1);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_read(fds[1], &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_write(fds[1], &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_read_exact(fds[1], &byte, 1, &done), -ECANCELED);
    DREY_CHECK_EQ(done, 0);
    DREY_CHECK_EQ(drey_write_all(fds[1], &byte, 1, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_sendfile(fds[1], fds[0], 0, 1, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_shutdown(fds[0], DREY_SHUT_WRITE), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_read(fds[1], &byte, 1), 1);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

DREY_TEST_MAIN()
