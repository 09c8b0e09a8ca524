/* SPDX-License-Identifier: MIT */
/* Sockets on both backends: listening, connecting, accepting, and what can be asked of them. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_kit.h"
#include "on_both.h"

TEST_ON_BOTH(tcp_v4)
{
    return exchange("127.0.0.1:0");
}

TEST_ON_BOTH(tcp_v6)
{
    drey_addr at;
    DREY_CHECK_EQ(drey_addr_parse("[::1]:0", &at), 0);
    int fd = drey_listen(&at, (drey_listen_options){0});
    if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT)
        DREY_SKIP("no IPv6 here");
    drey_close(fd);
    return exchange("[::1]:0");
}

/* The reader comes first, so each of its reads waits. */
static DREY_ASYNC int read_three(void *arg)
{
    char got[4];
    for (int i = 0; i < 3; i++)
        if (drey_read(*(int *)arg, got, sizeof got) != 2)
            return -EIO;
    return drey_read(*(int *)arg, got, sizeof got) == 0 ? 0 : -EIO;
}

TEST_ON_BOTH(reads_that_wait, .real_clock = true)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, read_three, &p.server), 0);
    for (int i = 0; i < 3; i++) {
        DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
        DREY_CHECK_EQ(drey_write(p.client, "ab", 2), 2);
    }
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
    DREY_CHECK_EQ(drey_close(p.client), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_close(p.server);
    drey_close(p.listener);
    return 0;
}

TEST_ON_BOTH(refused)
{
    drey_addr at;
    char text[DREY_ADDR_TEXT];
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    int fd = drey_listen(&at, (drey_listen_options){0});
    DREY_CHECK_EQ(drey_addr_of(fd, &at), 0);
    DREY_CHECK(drey_addr_port(&at) != 0);
    drey_close(fd);
    DREY_CHECK_EQ(drey_connect_to(&at, (drey_connect_options){0}), -ECONNREFUSED);
    snprintf(text, sizeof text, "unix:%s/none", drey_test_dir());
    DREY_CHECK_EQ(drey_addr_parse(text, &at), 0);
    DREY_CHECK_EQ(drey_connect_to(&at, (drey_connect_options){0}), -ENOENT);
    return 0;
}

TEST_ON_BOTH(addresses_of_both_ends)
{
    struct pair p;
    drey_addr addr;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_addr_of(p.client, &addr), 0);
    DREY_CHECK(drey_addr_equal(&addr, &p.peer));
    DREY_CHECK_EQ(drey_addr_of_peer(p.client, &addr), 0);
    DREY_CHECK(drey_addr_equal(&addr, &p.at));
    DREY_CHECK_EQ(drey_addr_of_peer(p.listener, &addr), -ENOTCONN);
    DREY_CHECK_EQ(drey_addr_of(-1, &addr), -EBADF);
    pair_close(&p);
    return 0;
}

/* What a program in another process started by us would not get, nor block on. */
TEST_ON_BOTH(descriptors_close_at_exec_and_do_not_block)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    const int fds[] = {p.listener, p.client, p.server};
    for (int i = 0; i < 3; i++) {
        DREY_CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        DREY_CHECK((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
    }
    pair_close(&p);
    return 0;
}

static int no_delay(int fd)
{
    int on = -1;
    socklen_t bytes = sizeof on;
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &bytes);
    return on;
}

TEST_ON_BOTH(delay_is_asked_for)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(no_delay(p.client), 1);
    DREY_CHECK_EQ(no_delay(p.server), 1);
    pair_close(&p);
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &p.at), 0);
    p.listener = drey_listen(&p.at, (drey_listen_options){.delay = true});
    DREY_CHECK_EQ(drey_addr_of(p.listener, &p.at), 0);
    p.client = drey_connect_to(&p.at, (drey_connect_options){.delay = true});
    p.server = drey_accept(p.listener, NULL);
    DREY_CHECK_EQ(no_delay(p.client), 0);
    DREY_CHECK_EQ(no_delay(p.server), 0);
    pair_close(&p);
    return 0;
}

TEST_ON_BOTH(an_address_in_use)
{
    drey_addr at;
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    int first = drey_listen(&at, (drey_listen_options){0});
    DREY_CHECK_EQ(drey_addr_of(first, &at), 0);
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){0}), -EADDRINUSE);
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){.reuse_port = true}), -EADDRINUSE);
    drey_close(first);
    first = drey_listen(&at, (drey_listen_options){.reuse_port = true});
    int second = drey_listen(&at, (drey_listen_options){.reuse_port = true, .backlog = 1});
    DREY_CHECK(first >= 0);
    DREY_CHECK(second >= 0);
    drey_close(first);
    drey_close(second);
    return 0;
}

TEST_ON_BOTH(arguments_out_of_range)
{
    drey_addr at, none = {{0}};
    char byte;
    struct iovec part = {&byte, 1};
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    DREY_CHECK_EQ(drey_listen(&none, (drey_listen_options){0}), -EINVAL);
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){.backlog = -1}), -EINVAL);
    DREY_CHECK_EQ(drey_connect_to(&none, (drey_connect_options){0}), -EINVAL);
    DREY_CHECK_EQ(drey_datagram_open(NULL, (drey_datagram_options){0}), -EINVAL);
    DREY_CHECK_EQ(drey_datagram_open(&none, (drey_datagram_options){0}), -EINVAL);
    DREY_CHECK_EQ(drey_datagram_open(&at, (drey_datagram_options){.to = &none}), -EINVAL);
    DREY_CHECK_EQ(drey_accept(-1, NULL), -EBADF);
    DREY_CHECK_EQ(drey_close(-1), -EBADF);
    DREY_CHECK_EQ(drey_close(1000), -EBADF);
    DREY_CHECK_EQ(drey_read(-1, &byte, 1), -EBADF);
    DREY_CHECK_EQ(drey_write(1000, &byte, 1), -EBADF);
    DREY_CHECK_EQ(drey_wait_fd(-1, POLLIN), -EBADF);
    DREY_CHECK_EQ(drey_writev(1, &part, 0), -EINVAL);
    DREY_CHECK_EQ(drey_writev(1, &part, 1025), -EINVAL);
    DREY_CHECK_EQ(drey_writev_all(1, &part, 0, NULL), -EINVAL);
    int fd = drey_datagram_open(&at, (drey_datagram_options){0});
    DREY_CHECK_EQ(drey_accept(fd, NULL), -EOPNOTSUPP);
    drey_close(fd);
    return 0;
}

TEST_ON_BOTH(bound_before_connecting)
{
    struct pair p;
    drey_addr from, addr;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.2:0", &from), 0);
    int fd = drey_connect_to(&p.at, (drey_connect_options){.from = &from});
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_addr_of(fd, &from), 0);
    int server = drey_accept(p.listener, &addr);
    DREY_CHECK(drey_addr_equal(&from, &addr));
    DREY_CHECK_EQ(drey_connect_to(&p.at, (drey_connect_options){.from = &p.at}), -EADDRINUSE);
    drey_close(fd);
    drey_close(server);
    pair_close(&p);
    return 0;
}

/* A blocking listener, as a service manager hands it over, does not block the worker. */
TEST_ON_BOTH(a_listener_from_elsewhere)
{
    drey_addr at;
    unsigned bytes;
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *any = drey_addr_sockaddr(&at, &bytes);
    DREY_CHECK_EQ(bind(listener, any, bytes), 0);
    DREY_CHECK_EQ(listen(listener, 8), 0);
    DREY_CHECK_EQ(drey_addr_of(listener, &at), 0);
    struct accepting a = {.listener = listener};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, accept_one, &a), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    int fd = drey_connect_to(&at, (drey_connect_options){0});
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(a.fd >= 0);
    drey_close(a.fd);
    drey_close(fd);
    drey_close(listener);
    return 0;
}

/* R4: accepting and connecting are cut, and leave nothing behind. */
TEST_ON_BOTH(r4_cancelled)
{
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    {
        DREY_SCOPE(scope, .timeout = DREY_SEC(60));
        DREY_CHECK_EQ(drey_accept(p.listener, NULL), -ECANCELED);
        DREY_CHECK_EQ(drey_connect_to(&p.at, (drey_connect_options){0}), -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    }
    pair_close(&p);
    return 0;
}

static int client_and_server(void *arg)
{
    struct pair p;
    char word[4];
    (void)arg;
    int rc = drey_addr_parse("127.0.0.1:0", &p.at);
    p.listener = rc < 0 ? rc : drey_listen(&p.at, (drey_listen_options){0});
    rc = drey_addr_of(p.listener, &p.at);
    p.client = rc < 0 ? rc : drey_connect_to(&p.at, (drey_connect_options){0});
    p.server = p.client < 0 ? p.client : drey_accept(p.listener, NULL);
    rc = p.server < 0 ? p.server : drey_write_all(p.client, "word", 4, NULL);
    if (rc == 0)
        rc = drey_read_exact(p.server, word, 4, NULL);
    if (rc == 0)
        rc = drey_wait_fd(p.server, POLLOUT);
    pair_close(&p);
    return rc < 0 ? rc : 0;
}

DREY_TEST(r4_cancelled_everywhere, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(client_and_server, NULL, 0) > 5);
    return 0;
}

DREY_TEST(outside_a_task, .no_runtime = true)
{
    char byte = 0;
    int fds[2];
    drey_addr at;
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    DREY_CHECK_EQ(drey_read(fds[0], &byte, 1), -EPERM);
    DREY_CHECK_EQ(drey_read_exact(fds[0], &byte, 1, NULL), -EPERM);
    DREY_CHECK_EQ(drey_write(fds[0], &byte, 1), -EPERM);
    DREY_CHECK_EQ(drey_write_all(fds[0], &byte, 1, NULL), -EPERM);
    DREY_CHECK_EQ(drey_accept(fds[0], NULL), -EPERM);
    DREY_CHECK_EQ(drey_connect_to(&at, (drey_connect_options){0}), -EPERM);
    DREY_CHECK_EQ(drey_recv_from(fds[0], &byte, 1, NULL), -EPERM);
    DREY_CHECK_EQ(drey_send_to(fds[0], &byte, 1, NULL), -EPERM);
    DREY_CHECK_EQ(drey_sendfile(fds[0], fds[1], 0, 1, NULL), -EPERM);
    DREY_CHECK_EQ(drey_accept_each(fds[0], NULL, NULL, (drey_serve_options){0}), -EPERM);
    DREY_CHECK_EQ(drey_serve(fds[0], NULL, NULL, (drey_serve_options){0}), -EPERM);
    DREY_CHECK_EQ(drey_wait_fd(fds[0], POLLIN), -EPERM);
    DREY_CHECK_EQ(drey_forget(fds[0]), -EPERM);
    DREY_CHECK_EQ(drey_close(fds[0]), -EPERM);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

DREY_TEST_MAIN()
