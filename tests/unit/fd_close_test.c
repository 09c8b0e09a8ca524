/* SPDX-License-Identifier: MIT */
/*
 * Closing under waiters (R5), and what drey remembers about descriptors: N1 to N3 of io/number.h, F4 to F7 of io/fds.h.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/io.h"
#include "io/number.h"
#include "net_kit.h"
#include "on_both.h"
#include "sched/worker.h"
#include "stack/announce.h"

enum { WAITERS = 12 };

struct waiter {
    int fd, how;
    ssize_t rc;
    _Atomic bool waits;
};

/* Wait in each of the ways there are. */
static DREY_ASYNC int wait_for(void *arg)
{
    struct waiter *w = arg;
    drey_case cases[] = {drey_on_fd(w->fd, POLLIN), drey_on_never()};
    char byte;
    atomic_store(&w->waits, true);
    switch (w->how % 4) {
    case 0:
        w->rc = drey_read(w->fd, &byte, 1);
        break;
    case 1:
        w->rc = drey_wait_fd(w->fd, POLLIN);
        break;
    case 2:
        w->rc = drey_select(cases, 2) < 0 ? -ECANCELED : cases[0].result;
        break;
    default:
        w->rc = drey_recv_from(w->fd, &byte, 1, NULL);
    }
    return 0;
}

static DREY_ASYNC int start_waiters(drey_scope *scope, struct waiter *w, int count, int fd)
{
    int rc = 0;
    for (int i = 0; i < count && rc == 0; i++) {
        w[i] = (struct waiter){.fd = fd, .how = i, .rc = 1};
        rc = drey_go(scope, wait_for, &w[i]);
    }
    for (int i = 0; i < count && rc == 0; i++)
        while (!atomic_load(&w[i].waits) && rc == 0)
            rc = drey_yield();
    return rc == 0 ? drey_sleep(DREY_MS(2)) : rc;
}

static DREY_ASYNC int close_under(int fds[2], int (*end)(int))
{
    struct waiter w[WAITERS];
    DREY_SCOPE(scope, .spread = true);
    DREY_CHECK_EQ(start_waiters(&scope, w, WAITERS, fds[0]), 0);
    DREY_CHECK_EQ(end(fds[0]), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < WAITERS; i++)
        DREY_CHECK_EQ(w[i].rc, -EBADF);
    drey_close(fds[1]);
    return 0;
}

static DREY_ASYNC int pair_is_closed(int (*end)(int))
{
    int fds[2];
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(close_under(fds, end), 0);
    DREY_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return close_under(fds, end);
}

TEST_ON_BOTH(r5_waiters_get_ebadf)
{
    return pair_is_closed(drey_close);
}

TEST_ON_BOTH(r5_waiters_on_other_workers_get_ebadf, .workers = 4, .real_clock = true)
{
    return pair_is_closed(drey_close);
}

TEST_ON_BOTH(r5_closed_as_a_file, .workers = 2, .real_clock = true)
{
    return pair_is_closed(drey_file_close);
}

TEST_ON_BOTH(r5_a_pipe_is_closed)
{
    struct waiter w;
    int fds[2];
    DREY_CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_waiters(&scope, &w, 1, fds[0]), 0);
    DREY_CHECK_EQ(drey_close(fds[0]), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w.rc, -EBADF);
    drey_close(fds[1]);
    return 0;
}

/* Closing is a verb of cleanup: cancellation does not refuse it. */
TEST_ON_BOTH(r4_closing_is_uncut)
{
    int fds[2];
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_close(fds[0]), 0);
    DREY_CHECK_EQ(drey_close(fds[1]), 0);
    return drey_scope_close(&scope, 0);
}

/* A lingering socket is closed by a thread of the pool: the worker goes on. */
TEST_ON_BOTH(lingering_does_not_hold_up_the_worker, .real_clock = true)
{
    struct pair p;
    struct linger linger = {.l_onoff = 1, .l_linger = 1};
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(setsockopt(p.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), 1);
    pair_close(&p);
    return 0;
}

/* N1: a number that comes back for another file starts anew, with a registration of its own; the former file, which
 * lives on in a copy, wakes nobody. */
TEST_ON_BOTH(n1_number_used_again)
{
    int old[2], fresh[2];
    struct waiter w;
    DREY_CHECK_EQ(drey_socket_pair(old), 0);
    int copy = dup(old[0]);
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(start_waiters(&scope, &w, 1, old[0]), 0);
        DREY_CHECK_EQ(drey_close(old[0]), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    DREY_CHECK_EQ(drey_socket_pair(fresh), 0);
    DREY_CHECK_EQ(fresh[0], old[0]);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_waiters(&scope, &w, 1, fresh[0]), 0);
    DREY_CHECK_EQ(drey_write(old[1], "x", 1), 1);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(w.rc, 1);
    DREY_CHECK_EQ(drey_write(fresh[1], "yz", 2), 2);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w.rc, 1);
    drey_close(copy);
    drey_close(old[1]);
    drey_close(fresh[0]);
    drey_close(fresh[1]);
    return 0;
}

/* N1: closed behind drey's back, which is forbidden; who waits is told when drey makes a file of that number. */
TEST_ON_BOTH(n1_closed_behind_the_back)
{
    int old[2], fresh[2];
    struct waiter w[4];
    DREY_CHECK_EQ(drey_socket_pair(old), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_waiters(&scope, w, 4, old[0]), 0);
    close(old[0]);
    DREY_CHECK_EQ(drey_socket_pair(fresh), 0);
    DREY_CHECK_EQ(fresh[0], old[0]);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(w[i].rc, -EBADF);
    drey_close(old[1]);
    drey_close(fresh[0]);
    drey_close(fresh[1]);
    return 0;
}

/* A descriptor that is given away: its number may become any file, and waiting for that works. */
TEST_ON_BOTH(forgotten)
{
    int given[2], fds[2];
    char byte;
    struct waiter w[4];
    DREY_CHECK_EQ(drey_socket_pair(given), 0);
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(start_waiters(&scope, w, 4, given[0]), 0);
        DREY_CHECK_EQ(drey_forget(given[0]), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK_EQ(w[0].rc, -EBADF);
    }
    DREY_CHECK_EQ(drey_write(given[1], "x", 1), 1);
    DREY_CHECK_EQ(drey_read(given[0], &byte, 1), 1);
    close(given[0]);
    DREY_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    DREY_CHECK_EQ(fds[0], given[0]);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(start_waiters(&scope, w, 1, fds[0]), 0);
    DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w[0].rc, 1);
    drey_close(given[1]);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

/* F5, F6: each way of leaving something behind, between a read that found less than it asked for and the next. */
static DREY_ASYNC int read_in_steps(const char *at)
{
    struct pair p;
    char got[16];
    DREY_CHECK_EQ(pair_open(&p, at), 0);
    for (int i = 0; i < 3; i++) { /* the first makes the registration */
        struct waiter w;
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(start_waiters(&scope, &w, 1, p.server), 0);
        DREY_CHECK_EQ(drey_write(p.client, "a", 1), 1);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK_EQ(w.rc, 1);
    }
    DREY_CHECK_EQ(drey_write(p.client, "abc", 3), 3);
    DREY_CHECK_EQ(drey_wait_fd(p.server, POLLIN), POLLIN);
    DREY_CHECK_EQ(drey_read(p.server, got, 2), 2); /* as much as was asked for: there is more */
    DREY_CHECK_EQ(drey_wait_fd(p.server, POLLIN), POLLIN);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 1);
    DREY_CHECK_EQ(drey_write(p.client, "d", 1), 1);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 1);
    drey_case now = drey_on_fd(p.server, POLLIN);
    DREY_CHECK_EQ(drey_try_select(&now, 1), -EAGAIN);
    DREY_CHECK_EQ(drey_write(p.client, "e", 1), 1);
    DREY_CHECK_EQ(drey_shutdown(p.client, DREY_SHUT_WRITE), 0);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 1);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 0);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 0);
    pair_close(&p);
    return 0;
}

TEST_ON_BOTH(f5_nothing_is_missed, .real_clock = true)
{
    char at[DREY_ADDR_TEXT];
    snprintf(at, sizeof at, "unix:@drey-steps-%d", (int)getpid());
    DREY_CHECK_EQ(read_in_steps(at), 0);
    return read_in_steps("127.0.0.1:0");
}

/* F6: reading stops at an urgent byte, with more behind it; also if its events have been seen before the read. */
static DREY_ASYNC int read_past_urgent_data(bool seen)
{
    struct pair p;
    char got[16];
    struct waiter w;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    DREY_CHECK_EQ(start_waiters(&scope, &w, 1, p.server), 0);
    DREY_CHECK_EQ(drey_write(p.client, "a", 1), 1);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0); /* it is read */
    DREY_CHECK_EQ(drey_write(p.client, "bc", 2), 2);
    DREY_CHECK_EQ(send(p.client, "!", 1, MSG_OOB), 1);
    DREY_CHECK_EQ(drey_write(p.client, "de", 2), 2);
    if (seen)
        drey__fds_collect(&drey__self->io->fds, 0);
    size_t sum = 0;
    while (sum < 4) {
        ssize_t n = drey_read(p.server, got, sizeof got);
        DREY_CHECK(n > 0);
        sum += (size_t)n;
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    pair_close(&p);
    return 0;
}

TEST_ON_BOTH(f6_urgent_data, .real_clock = true)
{
    DREY_CHECK_EQ(read_past_urgent_data(false), 0);
    return read_past_urgent_data(true);
}

/* F7: a descriptor that moved to another task's hands wakes this worker a few times, and then no more; waiting for it
 * again works. */
TEST_ON_BOTH(f7_unheeded_events)
{
    int fds[2];
    char byte;
    struct waiter w;
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    for (int round = 0; round < 3; round++) {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(start_waiters(&scope, &w, 1, fds[0]), 0);
        DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK_EQ(w.rc, 1);
        for (int i = 0; i < 20; i++) {
            DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
            drey__fds_collect(&drey__self->io->fds, 0);
            DREY_CHECK_EQ(recv(fds[0], &byte, 1, 0), 1);
        }
        DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
        DREY_CHECK_EQ(drey_read(fds[0], &byte, 1), 1);
    }
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

enum { ROUNDS = 400 };

struct shared_fd {
    int fd;
};

static DREY_ASYNC int read_until_closed(void *arg)
{
    struct shared_fd *s = arg;
    char byte;
    ssize_t n = drey_read(s->fd, &byte, 1);
    return n == -EBADF || n == 1 || n == 0 || n == -ECONNRESET ? 0 : -EPROTO;
}

/* Readers on several workers, a writer and a closer at once: nobody hangs, nobody gets anything else. */
TEST_ON_BOTH(r5_close_races_readers, .workers = 4, .real_clock = true)
{
    struct shared_fd s;
    if (DREY__KNOWN_CALLS_ONLY) /* under ThreadSanitizer */
        DREY_SKIP("using a number while it is closed is what this is about");
    for (int i = 0; i < ROUNDS; i++) {
        int fds[2];
        DREY_CHECK_EQ(drey_socket_pair(fds), 0);
        s.fd = fds[0];
        DREY_SCOPE(scope, .spread = true, .timeout = DREY_SEC(20));
        for (int j = 0; j < 4; j++)
            DREY_CHECK_EQ(drey_go(&scope, read_until_closed, &s), 0);
        for (int j = 0; j < i % 7; j++)
            DREY_CHECK_EQ(drey_yield(), 0);
        if (i % 3 == 0)
            DREY_CHECK_EQ(drey_write(fds[1], "ab", 2), 2);
        DREY_CHECK_EQ(drey_close(fds[0]), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        drey_close(fds[1]);
    }
    return 0;
}

/* R19: numbers beyond the table are refused, not written past it. */
TEST_ON_BOTH(r19_numbers_have_an_end)
{
    DREY_CHECK_EQ(drey__number_look(DREY__NUMBER_MAX), 0);
    DREY_CHECK_EQ(drey__number_look(-1), 0);
    DREY_CHECK_EQ(drey__number_join(DREY__NUMBER_MAX, drey__number_bit(0)), 0);
    DREY_CHECK_EQ(drey__number_renew(DREY__NUMBER_MAX, DREY__OWNED), 0);
    return 0;
}

/* Without memory for the table a descriptor is a stranger's, and works. */
TEST_ON_BOTH(memory_is_out)
{
    int fds[2];
    struct waiter w;
    for (uint64_t nth = 1; nth < 4; nth++) {
        drey_test_fail_alloc(nth);
        DREY_CHECK_EQ(drey_socket_pair(fds), 0);
        int rc = drey_wait_fd(fds[1], POLLOUT);
        DREY_CHECK(rc == POLLOUT || rc == -ENOMEM);
        drey_test_fail_alloc(0);
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(start_waiters(&scope, &w, 1, fds[0]), 0);
        DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK_EQ(w.rc, 1);
        drey_close(fds[0]);
        drey_close(fds[1]);
    }
    return 0;
}

DREY_TEST_MAIN()
