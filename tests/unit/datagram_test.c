/* SPDX-License-Identifier: MIT */
/* Datagrams, of UDP and Unix, on both backends. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "on_both.h"

/* A socket at an address within this machine, which out_at then names. */
static int open_at(const char *text, drey_addr *out_at)
{
    int rc = drey_addr_parse(text, out_at);
    int fd = rc < 0 ? rc : drey_datagram_open(out_at, (drey_datagram_options){0});
    rc = fd < 0 ? fd : drey_addr_of(fd, out_at);
    return rc < 0 ? rc : fd;
}

static int open_local(const char *name, drey_addr *out_at)
{
    char text[DREY_ADDR_TEXT];
    snprintf(text, sizeof text, "unix:%s/%s", drey_test_dir(), name);
    return open_at(text, out_at);
}

static DREY_ASYNC int exchange(int a, int b, const drey_addr *at_a, const drey_addr *at_b)
{
    char got[16];
    drey_addr from;
    DREY_CHECK(a >= 0 && b >= 0);
    DREY_CHECK_EQ(drey_send_to(a, "hello", 5, at_b), 0);
    DREY_CHECK_EQ(drey_send_to(a, "", 0, at_b), 0);
    DREY_CHECK_EQ(drey_send_to(a, "0123456789", 10, at_b), 0);
    DREY_CHECK_EQ(drey_recv_from(b, got, sizeof got, &from), 5);
    DREY_CHECK(drey_addr_equal(&from, at_a));
    DREY_CHECK_EQ(drey_recv_from(b, got, sizeof got, NULL), 0);
    DREY_CHECK_EQ(drey_recv_from(b, got, 9, &from), -EMSGSIZE);
    DREY_CHECK_EQ(memcmp(got, "012345678", 9), 0);
    drey_close(a);
    drey_close(b);
    return 0;
}

TEST_ON_BOTH(udp)
{
    drey_addr at_a, at_b;
    int a = open_at("127.0.0.1:0", &at_a), b = open_at("127.0.0.1:0", &at_b);
    return exchange(a, b, &at_a, &at_b);
}

TEST_ON_BOTH(unix_datagrams)
{
    drey_addr at_a, at_b;
    int a = open_local("a", &at_a), b = open_local("b", &at_b);
    return exchange(a, b, &at_a, &at_b);
}

TEST_ON_BOTH(connected)
{
    drey_addr at, none;
    char got[8];
    int server = open_at("127.0.0.1:0", &at);
    int client = drey_datagram_open(NULL, (drey_datagram_options){.to = &at});
    DREY_CHECK(client >= 0);
    DREY_CHECK_EQ(drey_send_to(client, "ab", 2, NULL), 0);
    DREY_CHECK_EQ(drey_recv_from(server, got, sizeof got, &none), 2);
    DREY_CHECK_EQ(drey_write(client, "cd", 2), 2);
    DREY_CHECK_EQ(drey_read(server, got, sizeof got), 2);
    DREY_CHECK_EQ(drey_send_to(server, "ef", 2, NULL), -EDESTADDRREQ);
    drey_close(server);
    DREY_CHECK_EQ(drey_send_to(client, "gh", 2, NULL), 0);
    DREY_CHECK_EQ(drey_recv_from(client, got, sizeof got, NULL), -ECONNREFUSED);
    drey_close(client);
    return 0;
}

TEST_ON_BOTH(too_long_to_send)
{
    static char much[70000];
    drey_addr at;
    int fd = open_at("127.0.0.1:0", &at);
    DREY_CHECK_EQ(drey_send_to(fd, much, sizeof much, &at), -EMSGSIZE);
    drey_close(fd);
    return 0;
}

TEST_ON_BOTH(broadcast_is_asked_for)
{
    drey_addr at, everybody;
    DREY_CHECK_EQ(drey_addr_parse("127.255.255.255:9", &everybody), 0);
    int fd = open_at("127.0.0.1:0", &at);
    DREY_CHECK_EQ(drey_send_to(fd, "x", 1, &everybody), -EACCES);
    drey_close(fd);
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    fd = drey_datagram_open(&at, (drey_datagram_options){.broadcast = true});
    DREY_CHECK_EQ(drey_send_to(fd, "x", 1, &everybody), 0);
    drey_close(fd);
    return 0;
}

struct sender {
    int fd, rc;
    const drey_addr *to;
    int sent;
};

enum { MANY = 500 };

static DREY_ASYNC int send_many(void *arg)
{
    struct sender *s = arg;
    for (s->sent = 0; s->sent < MANY && s->rc == 0; s->sent++)
        s->rc = drey_send_to(s->fd, &s->sent, sizeof s->sent, s->to);
    return 0;
}

/* The receiver's queue is full: an unconnected sender is told by nothing, a connected one by poll. All arrive. */
static DREY_ASYNC int fill_and_drain(int receiver, struct sender s)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, send_many, &s), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0);
    DREY_CHECK(s.sent < MANY);
    for (int i = 0; i < MANY; i++) {
        int got = -1;
        DREY_CHECK_EQ(drey_recv_from(receiver, &got, sizeof got, NULL), sizeof got);
        DREY_CHECK_EQ(got, i);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(s.rc, 0);
    drey_close(s.fd);
    drey_close(receiver);
    return 0;
}

TEST_ON_BOTH(r7_full_queue_unconnected)
{
    drey_addr at, from;
    int receiver = open_local("receiver", &at);
    return fill_and_drain(receiver, (struct sender){.fd = open_local("sender", &from), .to = &at});
}

TEST_ON_BOTH(r7_full_queue_connected)
{
    drey_addr at;
    int receiver = open_local("receiver", &at);
    return fill_and_drain(receiver,
                          (struct sender){.fd = drey_datagram_open(NULL, (drey_datagram_options){.to = &at})});
}

struct receiver {
    int fd, rc, got;
};

static DREY_ASYNC int receive_one(void *arg)
{
    struct receiver *r = arg;
    char byte;
    r->rc = (int)drey_recv_from(r->fd, &byte, 1, NULL);
    return 0;
}

/* Several tasks receive from one socket: each datagram goes to one of them, and none waits beside one that is there. */
TEST_ON_BOTH(several_receivers, .real_clock = true)
{
    enum { RECEIVERS = 5 };
    struct receiver r[RECEIVERS];
    drey_addr at, from;
    int fd = open_at("127.0.0.1:0", &at), sender = open_at("127.0.0.1:0", &from);
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    for (int i = 0; i < RECEIVERS; i++) {
        r[i] = (struct receiver){.fd = fd, .rc = -1};
        DREY_CHECK_EQ(drey_go(&scope, receive_one, &r[i]), 0);
    }
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    for (int i = 0; i < RECEIVERS; i++)
        DREY_CHECK_EQ(drey_send_to(sender, "x", 1, &at), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < RECEIVERS; i++)
        DREY_CHECK_EQ(r[i].rc, 1);
    drey_close(fd);
    drey_close(sender);
    return 0;
}

DREY_TEST(r4_cancelled)
{
    drey_addr at;
    char byte;
    int fd = open_at("127.0.0.1:0", &at);
    DREY_SCOPE(scope, .timeout = DREY_SEC(60));
    DREY_CHECK_EQ(drey_recv_from(fd, &byte, 1, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_send_to(fd, &byte, 1, &at), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    drey_close(fd);
    return 0;
}

DREY_TEST_MAIN()
