/* SPDX-License-Identifier: MIT */
/* Connecting by name: happy eyeballs (RFC 8305), H1 to H3 of src/resolve/connect.c, on both backends. */
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_kit.h"
#include "on_both.h"

static bool has_v6(void)
{
    drey_addr at;
    if (drey_addr_parse("[::1]:0", &at) < 0)
        return false;
    int fd = drey_listen(&at, (drey_listen_options){0});
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

TEST_ON_BOTH(one_address)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}, {TO("host.test", DNS_AAAA)}};
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, "127.0.0.1", 0), 0);
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(numeric_and_local)
{
    struct host h;
    drey_connect_name_options nobody = {.resolve = {.servers = "127.0.0.1:1"}};
    setenv("CARES_HOSTS", "/dev/null", 1);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, NULL, 0), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    const char *const names[] = {"127.0.0.1", "localhost", "db.localhost"};
    for (int i = 0; i < 3; i++) {
        int fd = drey_connect(names[i], h.port, nobody);
        DREY_CHECK(fd >= 0);
        drey_close(fd);
    }
    nobody.resolve.family = AF_INET6;
    DREY_CHECK_EQ(drey_connect("127.0.0.1", h.port, nobody), -EDESTADDRREQ);
    return host_close(&h, &scope, 0);
}

/* H3: a refusal does not cost the delay. */
TEST_ON_BOTH(h3_the_first_is_refused)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}},
        {TO("host.test", DNS_AAAA)},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, "127.0.0.1", 0), 0);
    return host_close(&h, &scope, 0);
}

/* H3: from an address that swallows everything it goes on to the next after the delay. */
TEST_ON_BOTH(h3_the_first_two_are_silent)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}},
        {TO("host.test", DNS_AAAA)},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.2", true), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.3", true), 0);
    DREY_CHECK_EQ(host_expect(&h, "127.0.0.1", 500), 0);
    drey_connect_name_options hasty = by(&h);
    hasty.attempt_delay = DREY_MS(10);
    DREY_CHECK_EQ(host_expect_with(&h, hasty, "127.0.0.1", 20), 0);
    return host_close(&h, &scope, 0);
}

static DREY_ASYNC int accept_late(void *arg)
{
    const struct host *h = arg;
    int rc = drey_sleep(DREY_MS(100)); /* before the next address is tried */
    for (int i = 0; i < FILLERS && rc == 0; i++) {
        int fd = drey_accept(h->listeners[1], NULL);
        rc = fd < 0 ? fd : drey_close(fd);
    }
    return rc;
}

/* H3: an attempt goes on while others are made, and may win after them. The system repeats what was swallowed after a
 * second of the real clock. */
TEST_ON_BOTH(h3_the_first_wins_late, .real_clock = true)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.3", "127.0.0.2"}},
        {TO("host.test", DNS_AAAA)},
    };
    struct host h;
    drey_addr peer;
    DREY_SCOPE(scope, .timeout = DREY_SEC(30));
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.2", true), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.3", true), 0);
    DREY_CHECK_EQ(drey_go(&scope, accept_late, &h), 0);
    int fd = drey_connect("host.test", h.port, by(&h));
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_addr_of_peer(fd, &peer), 0);
    char text[DREY_ADDR_TEXT], wanted[DREY_ADDR_TEXT];
    snprintf(wanted, sizeof wanted, "127.0.0.3:%s", h.port);
    DREY_CHECK_STR(drey_addr_format(&peer, text), wanted);
    drey_close(fd);
    return host_close(&h, &scope, 0);
}

/* R19: so many attempts at a time; the one after them waits until one fails. */
TEST_ON_BOTH(r19_attempts_have_a_limit)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .more = 12}, {TO("host.test", DNS_AAAA)}};
    struct host h;
    char address[32];
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    for (int i = 0; i < DREY_CONNECT_MAX; i++) {
        snprintf(address, sizeof address, "127.1.0.%d", i);
        DREY_CHECK_EQ(host_listens(&h, address, true), 0);
    }
    DREY_CHECK_EQ(host_listens(&h, "127.1.0.8", false), 0);
    {
        DREY_SCOPE(limited, .timeout = DREY_SEC(60));
        DREY_CHECK_EQ(host_expect(&h, "Operation canceled", 60000), 0);
        DREY_CHECK_EQ(drey_scope_close(&limited, -ECANCELED), -ETIMEDOUT);
    }
    drey_close(h.listeners[3]); /* refuses from now on */
    h.listeners[3] = h.listeners[--h.listener_count];
    DREY_CHECK_EQ(host_expect(&h, "127.1.0.8", 250 * (DREY_CONNECT_MAX - 1)), 0);
    return host_close(&h, &scope, 0);
}

/* H2: families take turns, IPv6 first, whichever answer comes first. */
static DREY_ASYNC int turns(drey_duration v4_after, drey_duration v6_after, const char *wanted, int ms)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1", "127.0.0.2"}, .after = v4_after},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = v6_after},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_listens(&h, "::1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, wanted, ms), 0);
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(h2_v6_first)
{
    if (!has_v6())
        DREY_SKIP("no IPv6 here");
    DREY_CHECK_EQ(turns(0, 0, "[::1]", 0), 0);
    return turns(DREY_SEC(1), DREY_MS(300), "[::1]", 300); /* it does not wait for IPv4 */
}

/* H1: IPv4 that answers first waits a moment, and not longer. */
TEST_ON_BOTH(h1_v4_answers_first)
{
    if (!has_v6())
        DREY_SKIP("no IPv6 here");
    DREY_CHECK_EQ(turns(DREY_MS(100), DREY_MS(149), "[::1]", 149), 0);
    return turns(DREY_MS(100), DREY_MS(151), "127.0.0.1", 150);
}

/* H1: that there is no IPv6 is an answer, too. */
TEST_ON_BOTH(h1_v6_answers_that_there_is_none)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}, .after = DREY_MS(100)},
        {TO("host.test", DNS_AAAA), .after = DREY_MS(120)},
    };
    struct dns_reply fails[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}, .after = DREY_MS(10)},
        {TO("host.test", DNS_AAAA), .silent = true},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, "127.0.0.1", 120), 0);
    h.dns.replies = fails;
    DREY_CHECK_EQ(host_expect(&h, "127.0.0.1", 60), 0); /* and the question for IPv6 is given up */
    return host_close(&h, &scope, 0);
}

/* H2: IPv6 answers while IPv4 is being tried: it is next. */
TEST_ON_BOTH(h2_v6_comes_later)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.4"}},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = DREY_MS(200)},
    };
    struct host h;
    if (!has_v6())
        DREY_SKIP("no IPv6 here");
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.2", true), 0);
    DREY_CHECK_EQ(host_listens(&h, "::1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, "[::1]", 300), 0); /* 50 for the moment, 250 until the next attempt */
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(nobody_listens)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3"}},
        {TO("host.test", DNS_AAAA), .addrs = {"ff02::1"}}, /* no way there: says less than a refusal */
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(host_expect(&h, "Connection refused", 0), 0);
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(no_address)
{
    struct dns_reply none[] = {{TO("host.test", DNS_A)}, {TO("host.test", DNS_AAAA)}};
    struct dns_reply silent[] = {
        {TO("host.test", DNS_A), .silent = true},
        {TO("host.test", DNS_AAAA), .silent = true},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, none, 2), 0);
    snprintf(h.port, sizeof h.port, "80");
    DREY_CHECK_EQ(host_expect(&h, "the name has no address", 0), 0);
    h.dns.count = 0;
    DREY_CHECK_EQ(host_expect(&h, "there is no such name", 0), 0);
    h.dns.count = 2;
    h.dns.replies = silent;
    DREY_CHECK_EQ(host_expect(&h, "no name server answered", 4000), 0);
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(arguments)
{
    struct host h;
    drey_addr from;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, NULL, 0), 0);
    DREY_CHECK_EQ(drey_connect("host.test", NULL, by(&h)), -EINVAL);
    DREY_CHECK_EQ(drey_connect("host.test", "0", by(&h)), -EINVAL);
    DREY_CHECK_EQ(drey_connect("", "80", by(&h)), -EINVAL);
    DREY_CHECK_EQ(drey_addr_parse("[::1]:0", &from), 0);
    drey_connect_name_options o = by(&h);
    o.connect.from = &from;
    DREY_CHECK_EQ(drey_connect("127.0.0.1", "80", o), -EDESTADDRREQ);
    o.resolve.family = AF_INET;
    DREY_CHECK_EQ(drey_connect("host.test", "80", o), -EINVAL);
    return host_close(&h, &scope, 0);
}

TEST_ON_BOTH(bound_before)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}},
    };
    struct host h;
    drey_addr from, own;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.8:0", &from), 0);
    drey_connect_name_options o = by(&h);
    o.connect.from = &from;
    int fd = drey_connect("host.test", h.port, o);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_addr_of(fd, &own), 0);
    char text[DREY_ADDR_TEXT];
    DREY_CHECK_EQ(strncmp(drey_addr_format(&own, text), "127.0.0.8:", 10), 0);
    DREY_CHECK_EQ(replies[1].asked, 0);
    drey_close(fd);
    return host_close(&h, &scope, 0);
}

DREY_TEST_MAIN()
