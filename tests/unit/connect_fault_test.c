/* SPDX-License-Identifier: MIT */
/* Connecting by name when something goes wrong: nothing is left behind (H4 of src/resolve/connect.c). */
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host_kit.h"
#include "on_both.h"

/* One descriptor is left after the lookup: some attempt gets it; with none, the lack is what is told. */
TEST_ON_BOTH(out_of_descriptors)
{
    struct rlimit old, few;
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    setenv("CARES_HOSTS", "/dev/null", 1);
    int next = dup(0);
    close(next);
    few = (struct rlimit){(rlim_t)next, old.rlim_max};
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = drey_connect("localhost", "1", (drey_connect_name_options){0});
    int numeric = drey_connect("127.0.0.1", "1", (drey_connect_name_options){0});
    few.rlim_cur++;
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    int one = drey_connect("localhost", "1", (drey_connect_name_options){0});
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    DREY_CHECK_EQ(rc, -EMFILE);
    DREY_CHECK_EQ(numeric, -EMFILE);
    DREY_CHECK_EQ(one, -ECONNREFUSED);
    return 0;
}

/* The peer accepts and resets at once: the connection was made, and reading tells. */
TEST_ON_BOTH(reset_after_the_accept)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}, {TO("host.test", DNS_AAAA)}};
    struct host h;
    char byte;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    int fd = drey_connect("host.test", h.port, by(&h));
    DREY_CHECK(fd >= 0);
    drey_close(h.listeners[--h.listener_count]); /* connections in its queue are reset */
    DREY_CHECK_EQ(drey_read(fd, &byte, 1), -ECONNRESET);
    drey_close(fd);
    return host_close(&h, &scope, 0);
}

/* The listener goes away while an attempt is under way: it is refused when the system asks again. */
TEST_ON_BOTH(refused_in_the_middle, .real_clock = true)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}, {TO("host.test", DNS_AAAA)}};
    struct host h;
    DREY_SCOPE(scope, .timeout = DREY_SEC(30));
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", true), 0);
    {
        DREY_SCOPE(first, .timeout = DREY_MS(50));
        int rc = drey_connect("host.test", h.port, by(&h));
        DREY_CHECK_EQ(drey_scope_close(&first, rc), -ETIMEDOUT);
    }
    drey_close(h.listeners[--h.listener_count]);
    DREY_CHECK_EQ(drey_connect("host.test", h.port, by(&h)), -ECONNREFUSED);
    return host_close(&h, &scope, 0);
}

static DREY_ASYNC int connect_at_all(void *arg)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}, .after = DREY_MS(10)},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = DREY_MS(100)},
    };
    struct host h;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = host_open(&h, &scope, replies, 2);
    if (rc == 0)
        rc = host_listens(&h, "127.0.0.2", true); /* silent; 127.0.0.3 refuses */
    if (rc == 0)
        rc = host_listens(&h, "127.0.0.1", false);
    int fd = rc < 0 ? rc : drey_connect("host.test", h.port, by(&h));
    if (fd >= 0)
        drey_close(fd);
    return host_close(&h, &scope, fd < 0 ? fd : 0);
}

/* R4, H4: whatever is cut, no descriptor is left. */
DREY_TEST(r4_cancelled_everywhere, .no_runtime = true, .timeout_seconds = 120)
{
    DREY_CHECK(drey_test_cancel_everywhere(connect_at_all, NULL, 0) > 20);
    return 0;
}

DREY_TEST(r4_cancelled_everywhere_on_two_workers, .no_runtime = true, .timeout_seconds = 120)
{
    DREY_CHECK(drey_test_cancel_everywhere(connect_at_all, NULL, 2) > 20);
    return 0;
}

/* Every order of the tasks: one connection, and none left behind. */
DREY_TEST(h4_in_every_order, .schedules = 30)
{
    return connect_at_all(NULL);
}

DREY_TEST(memory_is_out)
{
    uint64_t before = drey_test_allocs();
    DREY_CHECK_EQ(connect_at_all(NULL), 0);
    uint64_t n = drey_test_allocs() - before;
    for (uint64_t i = 1; i <= n + 2; i++) {
        drey_test_fail_alloc(i);
        int rc = connect_at_all(NULL);
        DREY_CHECK(rc == 0 || rc == -ENOMEM);
    }
    drey_test_fail_alloc(0);
    return 0;
}

struct client {
    const struct host *host;
    int fd;
};

static DREY_ASYNC int connect_one(void *arg)
{
    struct client *c = arg;
    drey_connect_name_options o = by(c->host);
    o.resolve.timeout = DREY_SEC(60); /* the clock is real, the machine perhaps slow */
    c->fd = drey_connect("host.test", c->host->port, o);
    if (c->fd >= 0)
        drey_close(c->fd);
    return 0;
}

static DREY_ASYNC int hang_up(void *arg, int fd)
{
    (void)arg, (void)fd;
    return 0;
}

static DREY_ASYNC int serve_all(void *arg)
{
    const struct host *h = arg;
    return drey_serve(h->listeners[h->listener_count - 1], hang_up, NULL, (drey_serve_options){0});
}

DREY_TEST(many_at_once, .workers = 4, .real_clock = true)
{
    enum { CLIENTS = 64 };
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.1"}},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = DREY_MS(1)},
    };
    static struct client clients[CLIENTS];
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(drey_go_daemon(&scope, serve_all, &h), 0);
    {
        DREY_SCOPE(all, .spread = true);
        for (int i = 0; i < CLIENTS; i++) {
            clients[i].host = &h;
            DREY_CHECK_EQ(drey_go(&all, connect_one, &clients[i]), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&all, 0), 0);
    }
    for (int i = 0; i < CLIENTS; i++)
        DREY_CHECK(clients[i].fd >= 0);
    return host_close(&h, &scope, 0);
}

struct hasty {
    const struct host *host;
    uint64_t rng;
    int connected, cut;
};

/* Connect over and over, with too little time for most of it. */
static DREY_ASYNC int connect_in_haste(void *arg)
{
    struct hasty *h = arg;
    for (int i = 0; i < 40; i++) {
        h->rng = h->rng * 6364136223846793005u + 1442695040888963407u;
        DREY_SCOPE(scope, .timeout = DREY_US(50) + (drey_duration)(h->rng >> 43)); /* up to 2 ms */
        drey_connect_name_options o = by(h->host);
        o.attempt_delay = DREY_US(300);
        o.resolve_delay = DREY_US(100);
        int fd = drey_connect("host.test", h->host->port, o);
        int rc = drey_scope_close(&scope, fd < 0 ? fd : 0);
        if (fd >= 0)
            drey_close(fd);
        h->connected += fd >= 0;
        h->cut += fd == -ECANCELED && rc == -ETIMEDOUT;
        if (fd < 0 && (fd != -ECANCELED || rc != -ETIMEDOUT))
            return fd != -ECANCELED ? fd : -EPROTO;
    }
    return 0;
}

static DREY_ASYNC int haste(const struct host *h)
{
    enum { CLIENTS = 8 };
    struct hasty clients[CLIENTS];
    int connected = 0, cut = 0;
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < CLIENTS && rc == 0; i++) {
        clients[i] = (struct hasty){.host = h, .rng = (uint64_t)i + 1};
        rc = drey_go(&scope, connect_in_haste, &clients[i]);
    }
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < CLIENTS; i++) {
        connected += clients[i].connected;
        cut += clients[i].cut;
    }
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK(cut > 0);
    DREY_CHECK_EQ(connected + cut, CLIENTS * 40);
    return 0;
}

/* R4, H4: cut by the clock, on several workers, wherever they are; the kit counts the descriptors afterwards. */
TEST_ON_BOTH(h4_cut_at_random, .workers = 4, .real_clock = true)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}, .after = DREY_US(100)},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = DREY_US(300)},
    };
    struct host h;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(host_open(&h, &scope, replies, 2), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.2", true), 0);
    DREY_CHECK_EQ(host_listens(&h, "127.0.0.1", false), 0);
    DREY_CHECK_EQ(drey_go_daemon(&scope, serve_all, &h), 0);
    return host_close(&h, &scope, haste(&h));
}

DREY_TEST_MAIN()
