/* SPDX-License-Identifier: MIT */
/*
 * Half-open connections: the peer cannot be reached any more, and says nothing. In a network namespace of the test's
 * own, whose loopback interface is switched off. A write would succeed for as long as there is room, and a read would
 * wait for ever: TCP_USER_TIMEOUT, keep-alive and deadlines are what ends them.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/net_kit.h"

static int switch_loopback(bool on)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = (short)(on ? IFF_UP | IFF_RUNNING : 0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static DREY_ASYNC int with_user_timeout(void *arg)
{
    struct pair p;
    char byte;
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(set(p.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 300), 0);
    DREY_CHECK_EQ(switch_loopback(false), 0);
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), 1);
    DREY_CHECK_EQ(drey_read(p.client, &byte, 1), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), -EPIPE);
    pair_close(&p);
    return switch_loopback(true);
}

static DREY_ASYNC int with_keep_alive(void *arg)
{
    struct pair p;
    char byte;
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(set(p.server, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    DREY_CHECK_EQ(set(p.server, IPPROTO_TCP, TCP_KEEPIDLE, 1), 0);
    DREY_CHECK_EQ(set(p.server, IPPROTO_TCP, TCP_KEEPINTVL, 1), 0);
    DREY_CHECK_EQ(set(p.server, IPPROTO_TCP, TCP_KEEPCNT, 1), 0);
    DREY_CHECK_EQ(switch_loopback(false), 0);
    DREY_CHECK_EQ(drey_read(p.server, &byte, 1), -ETIMEDOUT);
    pair_close(&p);
    return switch_loopback(true);
}

static DREY_ASYNC int read_one(void *arg)
{
    char byte;
    return (int)drey_read(*(int *)arg, &byte, 1);
}

/* R4: a deadline needs no help of the kernel's; the connection is as it was when the network is back. */
static DREY_ASYNC int with_deadline(void *arg)
{
    struct pair p;
    char got[2];
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(switch_loopback(false), 0);
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), 1);
    DREY_CHECK_EQ(drey_timeout(DREY_MS(20), read_one, &p.server), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_timeout(DREY_MS(20), read_one, &p.client), -ETIMEDOUT);
    DREY_CHECK_EQ(switch_loopback(true), 0);
    DREY_CHECK_EQ(drey_write(p.client, "y", 1), 1);
    DREY_CHECK_EQ(drey_read_exact(p.server, got, 2, NULL), 0);
    DREY_CHECK_EQ(memcmp(got, "xy", 2), 0);
    pair_close(&p);
    return 0;
}

/* The test's own process: nobody else is in the namespace. */
static int run_apart(drey_fn *fn)
{
    static const int backends[] = {DREY_IO_AUTO, DREY_IO_EPOLL};
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        DREY_SKIP("no network namespace is to be had here");
    for (int i = 0; i < 2; i++) {
        drey_config config = {.workers = 1, .io = backends[i]};
        if (switch_loopback(true) < 0)
            DREY_SKIP("the loopback interface of a namespace cannot be switched here");
        DREY_CHECK_EQ(drey_run(&config, fn, NULL), 0);
    }
    return 0;
}

DREY_TEST(user_timeout, .no_runtime = true)
{
    return run_apart(with_user_timeout);
}

DREY_TEST(keep_alive, .no_runtime = true)
{
    return run_apart(with_keep_alive);
}

DREY_TEST(r4_deadline, .no_runtime = true)
{
    return run_apart(with_deadline);
}

DREY_TEST_MAIN()
