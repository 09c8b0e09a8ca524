/* SPDX-License-Identifier: MIT */
/* What accepting may fail with: this program's accept4 stands before the system's (R19). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../unit/on_both.h"

/* The next calls fail with these errors, in turn; then the system is asked. */
static int errors[8];
static atomic_uint errors_left, errors_given;

int accept4(int fd, struct sockaddr *peer, socklen_t *bytes, int flags)
{
    if (atomic_load(&errors_left) > 0) {
        unsigned left = atomic_fetch_sub(&errors_left, 1);
        atomic_fetch_add(&errors_given, 1);
        errno = errors[left - 1];
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, peer, bytes, flags);
}

static void fail_next(const int *which, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        errors[count - 1 - i] = which[i];
    atomic_store(&errors_given, 0);
    atomic_store(&errors_left, count);
}

struct server {
    drey_addr at;
    int listener;
    drey_token *stop;
    int reported[8];
    unsigned reports, served;
};

static int open_server(struct server *s)
{
    *s = (struct server){0};
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &s->at), 0);
    s->listener = drey_listen(&s->at, (drey_listen_options){0});
    DREY_CHECK(s->listener >= 0);
    DREY_CHECK_EQ(drey_addr_of(s->listener, &s->at), 0);
    DREY_CHECK_EQ(drey_token_new(NULL, &s->stop), 0);
    return 0;
}

static DREY_ASYNC void close_server(struct server *s)
{
    drey_token_unref(s->stop);
    drey_close(s->listener);
}

static void report(void *arg, int error)
{
    struct server *s = arg;
    if (s->reports < 8)
        s->reported[s->reports] = error;
    s->reports++;
}

static DREY_ASYNC int serve_and_stop(void *arg, int fd)
{
    struct server *s = arg;
    s->served++;
    drey_token_cancel(s->stop, "served");
    drey_close(fd);
    return 0;
}

static const int OF_ONE_CONNECTION[] = {ECONNABORTED, EPROTO, EINTR, EPERM, ENETDOWN, EHOSTUNREACH};
static const int LACKS[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};

/* A connection that broke off before it was accepted is nobody's business. */
TEST_ON_BOTH(broken_off_before)
{
    struct server s;
    DREY_CHECK_EQ(open_server(&s), 0);
    int client = drey_connect_to(&s.at, (drey_connect_options){0});
    fail_next(OF_ONE_CONNECTION, 6);
    int fd = drey_accept(s.listener, NULL);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(errors_given, 6);
    drey_close(fd);
    drey_close(client);
    close_server(&s);
    return 0;
}

/* Whoever accepts one by one is told of a lack, and the connection waits on. */
TEST_ON_BOTH(r19_lacks_are_told)
{
    struct server s;
    DREY_CHECK_EQ(open_server(&s), 0);
    int client = drey_connect_to(&s.at, (drey_connect_options){0});
    fail_next(LACKS, 4);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(drey_accept(s.listener, NULL), -LACKS[i]);
    int fd = drey_accept(s.listener, NULL);
    DREY_CHECK(fd >= 0);
    drey_close(fd);
    drey_close(client);
    close_server(&s);
    return 0;
}

/* A loop reports each lack, pauses, and goes on; in virtual time each pause is as long as it was asked for. */
TEST_ON_BOTH(r19_a_loop_outlives_lacks)
{
    struct server s;
    DREY_CHECK_EQ(open_server(&s), 0);
    int client = drey_connect_to(&s.at, (drey_connect_options){0});
    drey_time before = drey_now();
    fail_next(LACKS, 4);
    DREY_CHECK_EQ(drey_accept_each(s.listener, serve_and_stop, &s,
                                   (drey_serve_options){.stop = s.stop, .pause = DREY_SEC(60), .report = report}),
                  0);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(240));
    DREY_CHECK_EQ(s.reports, 4);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(s.reported[i], -LACKS[i]);
    DREY_CHECK_EQ(s.served, 1);
    drey_close(client);
    close_server(&s);
    return 0;
}

/* What is neither ends the loop. */
TEST_ON_BOTH(an_error_of_the_listener)
{
    static const int wrong[] = {EINVAL};
    struct server s;
    DREY_CHECK_EQ(open_server(&s), 0);
    fail_next(wrong, 1);
    DREY_CHECK_EQ(drey_accept_each(s.listener, serve_and_stop, &s, (drey_serve_options){.stop = s.stop}), -EINVAL);
    DREY_CHECK_EQ(drey_shutdown(s.listener, DREY_SHUT_BOTH), 0);
    DREY_CHECK_EQ(drey_accept(s.listener, NULL), -EINVAL);
    close_server(&s);
    return 0;
}

DREY_TEST_MAIN()
