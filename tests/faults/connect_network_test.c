/* SPDX-License-Identifier: MIT */
/* Names and connections in networks that are broken: each test has a network, and a file system's view, of its own. */
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/dns_kit.h"
#include "../unit/net_kit.h"

/* Take the loopback interface up or down: all that there is in a network of one's own. */
static int loopback(bool up)
{
    struct ifreq request = {.ifr_flags = (short)(up ? IFF_UP : 0)};
    snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

/* A network of this process's own, with nothing up, and mounts that nobody else sees. */
static bool leave_the_network(void)
{
    int all = CLONE_NEWNET | CLONE_NEWNS;
    return (unshare(all) == 0 || unshare(CLONE_NEWUSER | all) == 0) &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static const char *const missing = "no network of its own can be made here";

static int run_in(drey_fn *fn, int clock)
{
    return drey_run(&(drey_config){.workers = 1, .clock = clock, .lock_rule = DREY_LOCK_RULE_ABORT}, fn, NULL);
}

static DREY_ASYNC int find_no_way(void *arg)
{
    drey_addr addr;
    drey_connect_name_options o = {.resolve = {.servers = "127.0.0.1:53"}};
    (void)arg;
    drey_time before = drey_now();
    DREY_CHECK_EQ(drey_connect("127.0.0.1", "80", o), -ENETUNREACH);
    DREY_CHECK_EQ(drey_connect("192.0.2.1", "80", o), -ENETUNREACH);
    int rc = drey_connect("localhost", "80", o);
    DREY_CHECK(rc == -ENETUNREACH || rc == -EADDRNOTAVAIL);
    DREY_CHECK_EQ(drey_resolve("host.test", "80", &addr, 1, o.resolve), -ETIME);
    DREY_CHECK_EQ(drey_connect("host.test", "80", o), -ETIME);
    DREY_CHECK_EQ(drey_now() - before, 0);
    return 0;
}

DREY_TEST(nothing_is_up, .no_runtime = true)
{
    if (!leave_the_network())
        DREY_SKIP(missing);
    return run_in(find_no_way, DREY_CLOCK_VIRTUAL);
}

static DREY_ASYNC int connect_to_localhost(void *arg)
{
    struct pair p;
    char port[8];
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    snprintf(port, sizeof port, "%d", drey_addr_port(&p.at));
    int fd = drey_connect("localhost", port, (drey_connect_name_options){0});
    DREY_CHECK(fd >= 0);
    drey_close(fd);
    pair_close(&p);
    return 0;
}

/* IPv6 is in the kernel, but switched off: IPv4 follows at once. */
DREY_TEST(without_v6, .no_runtime = true)
{
    if (!leave_the_network())
        DREY_SKIP(missing);
    int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        DREY_CHECK_EQ(write(fd, "1", 1), 1);
    close(fd);
    setenv("CARES_HOSTS", "/dev/null", 1);
    DREY_CHECK_EQ(loopback(true), 0);
    return run_in(connect_to_localhost, DREY_CLOCK_VIRTUAL);
}

/* Close without a word to the peer, as a machine that loses its power does. */
static int vanish(int fd)
{
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) < 0 ? -errno : 0;
}

static DREY_ASYNC int be_left(void *arg)
{
    struct pair p;
    char byte;
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(vanish(p.server), 0);
    drey_close(p.server);
    drey_time before = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(5)); /* a connection that is half open says nothing: the deadline does */
    DREY_CHECK_EQ(drey_read(p.client, &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(5));
    DREY_CHECK_EQ(drey_write(p.client, "x", 1), 1); /* who asks gets an answer */
    DREY_CHECK_EQ(drey_read(p.client, &byte, 1), -ECONNRESET);
    drey_close(p.client);
    drey_close(p.listener);
    return 0;
}

DREY_TEST(the_peer_vanishes, .no_runtime = true)
{
    if (!leave_the_network() || loopback(true) < 0)
        DREY_SKIP(missing);
    return run_in(be_left, DREY_CLOCK_VIRTUAL);
}

static DREY_ASYNC int repair_later(void *arg)
{
    (void)arg;
    int rc = drey_sleep(DREY_MS(100));
    return rc == 0 ? loopback(true) : rc;
}

static DREY_ASYNC int write_over_a_cut(void *arg)
{
    struct pair p;
    char got[4] = "";
    (void)arg;
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_write(p.client, "a", 1), 1);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 1);
    DREY_CHECK_EQ(loopback(false), 0);
    DREY_CHECK_EQ(drey_write(p.client, "bc", 2), 2);
    {
        DREY_SCOPE(scope, .timeout = DREY_MS(50));
        DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    }
    DREY_SCOPE(scope, .timeout = DREY_SEC(20)); /* the system sends again what was lost */
    DREY_CHECK_EQ(drey_go(&scope, repair_later, NULL), 0);
    int fd = drey_connect_to(&p.at, (drey_connect_options){0});
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_read_exact(p.server, got, 2, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_STR(got, "bc");
    drey_close(fd);
    pair_close(&p);
    return 0;
}

DREY_TEST(the_network_is_cut_and_comes_back, .no_runtime = true)
{
    if (!leave_the_network() || loopback(true) < 0)
        DREY_SKIP(missing);
    return run_in(write_over_a_cut, DREY_CLOCK_REAL);
}

/* Put a text in the place of a file in /etc. */
static bool replace(const char *path, const char *text)
{
    char own[256];
    snprintf(own, sizeof own, "%s/%s", drey_test_dir(), strrchr(path, '/') + 1);
    FILE *file = fopen(own, "w");
    bool written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL)
        fclose(file);
    return written && mount(own, path, NULL, MS_BIND, NULL) == 0;
}

static DREY_ASYNC int resolve_by_files(void *arg)
{
    struct dns_reply replies[] = {
        {TO("host.one.test", DNS_A), .addrs = {"127.0.0.1"}},  {TO("host.one.test", DNS_AAAA)},
        {TO("other.two.test", DNS_A), .addrs = {"127.0.0.2"}}, {TO("other.two.test", DNS_AAAA)},
        {TO("a.test", DNS_A), .addrs = {"127.0.0.3"}},         {TO("a.test", DNS_AAAA)},
    };
    struct dns dns;
    drey_resolve_options system = {0};
    (void)arg;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open_at(&dns, "127.0.0.1:53", &scope, replies, 6), 0);
    drey_time before = drey_now();
    DREY_CHECK_EQ(dns_expect("a.test", "80", system, "127.0.0.3:80"), 0); /* the first server is not there */
    DREY_CHECK_EQ(drey_now() - before, 0);
    DREY_CHECK_EQ(dns_expect("host", "80", system, "127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect("other", "80", system, "127.0.0.2:80"), 0);
    DREY_CHECK_EQ(dns_expect("none", "80", system, "there is no such name"), 0);
    DREY_CHECK_EQ(dns_expect("filed", "80", system, "127.0.0.8:80"), 0);
    DREY_CHECK_EQ(replies[0].asked, 1);
    return dns_close(&dns, &scope, 0);
}

/* The system's own configuration: servers in their order, and domains that are searched. */
DREY_TEST(resolv_conf_and_hosts, .no_runtime = true)
{
    if (!leave_the_network() || loopback(true) < 0 ||
        !replace("/etc/resolv.conf", "nameserver 127.0.0.2\nnameserver 127.0.0.1\nsearch one.test two.test\n") ||
        !replace("/etc/hosts", "127.0.0.8 filed\n"))
        DREY_SKIP(missing);
    return run_in(resolve_by_files, DREY_CLOCK_VIRTUAL);
}

DREY_TEST_MAIN()
