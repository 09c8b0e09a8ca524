/* SPDX-License-Identifier: MIT */
/* Calls on sockets that are put off and made together: C1 to C8 of io/calls.h. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "io/io.h"
#include "net_kit.h"
#include "on_both.h"
#include "sched/worker.h"

enum { PAIRS = 8, MESSAGES = 200, MOST = 64 };

static unsigned put_off(void)
{
    return drey__self->io->calls.count;
}

struct echo {
    int fds[2];
    int rc;
};

static int open_pairs(struct echo *e, int count)
{
    for (int i = 0; i < count; i++) {
        e[i] = (struct echo){.rc = 1};
        DREY_CHECK_EQ(drey_socket_pair(e[i].fds), 0);
    }
    return 0;
}

static DREY_ASYNC void close_pairs(const struct echo *e, int count)
{
    for (int i = 0; i < count; i++) {
        drey_close(e[i].fds[0]);
        drey_close(e[i].fds[1]);
    }
}

static DREY_ASYNC int send_back(void *arg)
{
    const struct echo *e = arg;
    char buffer[64];
    ssize_t n;
    while ((n = drey_read(e->fds[1], buffer, sizeof buffer)) > 0)
        if (drey_write_all(e->fds[1], buffer, (size_t)n, NULL) < 0)
            return -EIO;
    return (int)n;
}

/* Messages of changing length, in one part or several, that must come back as they were. */
static DREY_ASYNC int ask(void *arg)
{
    struct echo *e = arg;
    char sent[64], got[64];
    for (unsigned i = 0; i < MESSAGES; i++) {
        size_t bytes = 2 + i % 50;
        memset(sent, (int)('a' + (i + (unsigned)e->fds[0]) % 26), bytes);
        struct iovec parts[] = {{sent, bytes / 2}, {sent + bytes / 2, bytes - bytes / 2}};
        int rc = i % 2 == 0 ? drey_write_all(e->fds[0], sent, bytes, NULL) : drey_writev_all(e->fds[0], parts, 2, NULL);
        if (rc == 0)
            rc = drey_read_exact(e->fds[0], got, bytes, NULL);
        if (rc < 0)
            return rc;
        if (memcmp(sent, got, bytes) != 0)
            return -EILSEQ;
    }
    return drey_shutdown(e->fds[0], DREY_SHUT_WRITE);
}

static DREY_ASYNC int echo_all(int pairs)
{
    struct echo e[MOST];
    DREY_CHECK_EQ(open_pairs(e, pairs), 0);
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < pairs; i++) {
        DREY_CHECK_EQ(drey_go(&scope, send_back, &e[i]), 0);
        DREY_CHECK_EQ(drey_go(&scope, ask, &e[i]), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    close_pairs(e, pairs);
    return 0;
}

TEST_ON_BOTH(few_connections)
{
    return echo_all(1);
}

TEST_ON_BOTH(some_connections, .schedules = 5)
{
    return echo_all(PAIRS);
}

/* C4: more than are put off at once. */
TEST_ON_BOTH(many_connections)
{
    return echo_all(MOST);
}

TEST_ON_BOTH(many_connections_on_several_workers, .workers = 3, .real_clock = true)
{
    return echo_all(MOST);
}

static DREY_ASYNC int write_x(void *arg)
{
    struct echo *e = arg;
    e->rc = (int)drey_write(e->fds[0], "x", 1);
    return 0;
}

static DREY_ASYNC int read_x(void *arg)
{
    struct echo *e = arg;
    char got;
    e->rc = (int)drey_read(e->fds[1], &got, 1);
    return 0;
}

/* What the tests below are about happens only where calls are put off. */
struct looker {
    struct echo *pairs;
    unsigned seen;
    void (*then)(struct echo *pairs);
};

static DREY_ASYNC int look(void *arg)
{
    struct looker *l = arg;
    l->seen = put_off();
    if (l->then != NULL)
        l->then(l->pairs);
    return 0;
}

/* Start a writer a pair and then the looker, which runs while their calls are put off. */
static DREY_ASYNC int write_and_look(struct looker *l, drey_fn *fn)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, fn, &l->pairs[i]), 0);
    DREY_CHECK_EQ(drey_go(&scope, look, l), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    if (drey__self->io->calls.gathers)
        DREY_CHECK(l->seen > 1);
    else
        DREY_CHECK_EQ(l->seen, 0);
    DREY_CHECK_EQ(put_off(), 0);
    return 0;
}

TEST_ON_BOTH(they_are_put_off)
{
    struct echo e[PAIRS];
    struct looker l = {.pairs = e};
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    DREY_CHECK_EQ(write_and_look(&l, write_x), 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(e[i].rc, 1);
    DREY_CHECK_EQ(write_and_look(&l, read_x), 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(e[i].rc, 1);
    close_pairs(e, PAIRS);
    return 0;
}

/* The first pair's descriptor is closed, and its number is somebody else's, before the write that was put off. */
static int foreign[2];

static DREY_ASYNC void use_number_again(struct echo *pairs)
{
    int old = pairs[0].fds[0];
    drey_close(old);
    if (drey_socket_pair(foreign) < 0 || foreign[0] != old)
        foreign[0] = -1;
}

/* C1, R5: nothing reaches the new file; the writer is told, or had written before. */
TEST_ON_BOTH(c1_number_used_again)
{
    char byte;
    struct echo e[PAIRS];
    struct looker l = {.pairs = e, .then = use_number_again};
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    DREY_CHECK_EQ(write_and_look(&l, write_x), 0);
    DREY_CHECK_EQ(foreign[0], e[0].fds[0]);
    DREY_CHECK_EQ(e[0].rc, drey__self->io->calls.gathers ? -EBADF : 1);
    DREY_CHECK_EQ(drey_shutdown(foreign[0], DREY_SHUT_WRITE), 0);
    DREY_CHECK_EQ(drey_read(foreign[1], &byte, 1), 0);
    DREY_CHECK_EQ(drey_read(e[0].fds[1], &byte, 1), e[0].rc == 1 ? 1 : 0);
    for (int i = 1; i < PAIRS; i++)
        DREY_CHECK_EQ(e[i].rc, 1);
    drey_close(foreign[1]);
    close_pairs(e, PAIRS); /* foreign[0] is e[0].fds[0] */
    return 0;
}

/* C2: what drey did not make may be closed behind its back, so nothing is put off. */
TEST_ON_BOTH(c2_descriptors_of_strangers)
{
    struct echo e[PAIRS];
    struct looker l = {.pairs = e};
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e[i].fds), 0);
    DREY_SCOPE(scope);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, write_x, &e[i]), 0);
    DREY_CHECK_EQ(drey_go(&scope, look, &l), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(l.seen, 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(e[i].rc, 1);
    close_pairs(e, PAIRS);
    return 0;
}

static drey_scope *cancelled;

static void cancel_them(struct echo *pairs)
{
    (void)pairs;
    drey_scope_cancel(cancelled, 0, "test");
}

/* C3, R5: cancellation does not reach a call that was put off: it was made, and its task knows. */
TEST_ON_BOTH(c3_cancelled_while_put_off)
{
    char byte;
    struct echo e[PAIRS];
    struct looker l = {.pairs = e, .then = cancel_them};
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    DREY_SCOPE(scope);
    cancelled = &scope;
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, write_x, &e[i]), 0);
    DREY_CHECK_EQ(drey_go(&scope, look, &l), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < PAIRS; i++) {
        DREY_CHECK_EQ(e[i].rc, 1);
        DREY_CHECK_EQ(drey_read(e[i].fds[1], &byte, 1), 1);
    }
    close_pairs(e, PAIRS);
    return 0;
}

/* C8, R4: the cancellation came while the reads were put off. They find nothing, and must not wait for more. */
TEST_ON_BOTH(c8_cancelled_while_put_off_and_nothing_is_there)
{
    struct echo e[PAIRS];
    struct looker l = {.pairs = e, .then = cancel_them};
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    DREY_SCOPE(scope);
    cancelled = &scope;
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, read_x, &e[i]), 0);
    DREY_CHECK_EQ(drey_go(&scope, look, &l), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(e[i].rc, -ECANCELED);
    close_pairs(e, PAIRS);
    return 0;
}

static bool enough;

static DREY_ASYNC int write_on(void *arg)
{
    const struct echo *e = arg;
    char byte = 'x';
    while (!enough) {
        if (drey_write(e->fds[0], &byte, 1) != 1 || drey_read(e->fds[1], &byte, 1) != 1)
            return -EIO;
    }
    return 0;
}

static DREY_ASYNC int take_turns(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        DREY_CHECK_EQ(drey_yield(), 0);
    enough = true;
    return 0;
}

/* C5, R11: tasks whose calls always succeed go first after each, and still leave turns to another. */
TEST_ON_BOTH(c5_others_have_their_turn)
{
    struct echo e[PAIRS];
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    DREY_SCOPE(scope);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, write_on, &e[i]), 0);
    DREY_CHECK_EQ(drey_go(&scope, take_turns, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    close_pairs(e, PAIRS);
    return 0;
}

/* A full buffer, an end and a broken connection are answers like others. */
TEST_ON_BOTH(answers_that_are_no_bytes)
{
    struct echo e[PAIRS];
    struct looker l = {.pairs = e};
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_close(e[i].fds[1]), 0);
    DREY_CHECK_EQ(write_and_look(&l, write_x), 0);
    for (int i = 0; i < PAIRS; i++) {
        DREY_CHECK_EQ(e[i].rc, -EPIPE);
        DREY_CHECK_EQ(drey_close(e[i].fds[0]), 0);
    }
    DREY_CHECK_EQ(open_pairs(e, PAIRS), 0);
    for (int i = 0; i < PAIRS; i++)
        DREY_CHECK_EQ(drey_close(e[i].fds[0]), 0);
    DREY_CHECK_EQ(write_and_look(&l, read_x), 0);
    for (int i = 0; i < PAIRS; i++) {
        DREY_CHECK_EQ(e[i].rc, 0);
        DREY_CHECK_EQ(drey_close(e[i].fds[1]), 0);
    }
    return 0;
}

DREY_TEST_MAIN()
