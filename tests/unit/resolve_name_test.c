/* SPDX-License-Identifier: MIT */
/* Looking names up, on both backends, with a name server that is a task of the test. */
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns_kit.h"
#include "on_both.h"

TEST_ON_BOTH(numeric_addresses)
{
    drey_resolve_options nobody = {.servers = "127.0.0.1:1"};
    DREY_CHECK_EQ(dns_expect("127.0.0.1", "80", nobody, "127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect("::1", "https", nobody, "[::1]:443"), 0);
    DREY_CHECK_EQ(dns_expect("fe80::1%1", NULL, nobody, "[fe80::1%lo]:0"), 0);
    nobody.family = AF_INET6;
    DREY_CHECK_EQ(dns_expect("127.0.0.1", "80", nobody, "the name has no address"), 0);
    DREY_CHECK_EQ(drey_resolve("127.0.0.1", "80", NULL, 0, (drey_resolve_options){0}), 1);
    return 0;
}

TEST_ON_BOTH(both_families_take_turns)
{
    struct dns_reply replies[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
        {TO("host.test", DNS_AAAA), .addrs = {"::1", "::1"}},
    };
    return dns_expect_of(replies, 2, "[::1]:80 127.0.0.1:80 [::1]:80 127.0.0.2:80 127.0.0.3:80");
}

TEST_ON_BOTH(one_family_has_none)
{
    struct dns_reply v4[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}, {TO("host.test", DNS_AAAA)}};
    struct dns_reply v6[] = {{TO("host.test", DNS_A)}, {TO("host.test", DNS_AAAA), .addrs = {"::1"}}};
    DREY_CHECK_EQ(dns_expect_of(v4, 2, "127.0.0.1:80"), 0);
    return dns_expect_of(v6, 2, "[::1]:80");
}

TEST_ON_BOTH(one_family_is_asked_for)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}},
                                  {TO("host.test", DNS_AAAA), .addrs = {"::1"}}};
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, replies, 2), 0);
    drey_resolve_options o = ask_it(&dns);
    o.family = AF_INET;
    DREY_CHECK_EQ(dns_expect("host.test", "80", o, "127.0.0.1:80"), 0);
    DREY_CHECK_EQ(replies[1].asked, 0);
    o.family = AF_INET6;
    DREY_CHECK_EQ(dns_expect("HOST.test.", "80", o, "[::1]:80"), 0);
    DREY_CHECK_EQ(replies[0].asked, 1);
    return dns_close(&dns, &scope, 0);
}

/* What one family's failure is worth beside the other's answer. */
TEST_ON_BOTH(one_family_fails)
{
    struct dns_reply v4[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}},
        {TO("host.test", DNS_AAAA), .rcode = DNS_SERVFAIL},
    };
    struct dns_reply none[] = {{TO("host.test", DNS_A)}, {TO("host.test", DNS_AAAA), .rcode = DNS_SERVFAIL}};
    struct dns_reply gone[] = {{TO("host.test", DNS_AAAA), .rcode = DNS_SERVFAIL}};
    DREY_CHECK_EQ(dns_expect_of(v4, 2, "127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect_of(none, 2, "the name server failed"), 0);
    return dns_expect_of(gone, 1, "there is no such name");
}

TEST_ON_BOTH(failures_have_names)
{
    struct dns_reply none[] = {{TO("host.test", DNS_A)}, {TO("host.test", DNS_AAAA)}};
    struct dns_reply fails[] = {
        {TO("host.test", DNS_A), .rcode = DNS_SERVFAIL},
        {TO("host.test", DNS_AAAA), .rcode = DNS_NOTIMP},
    };
    struct dns_reply refuses[] = {
        {TO("host.test", DNS_A), .rcode = DNS_REFUSED},
        {TO("host.test", DNS_AAAA), .rcode = DNS_REFUSED},
    };
    struct dns_reply nonsense[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}, .nonsense = true},
        {TO("host.test", DNS_AAAA)},
    };
    DREY_CHECK_EQ(dns_expect_of(NULL, 0, "there is no such name"), 0);
    DREY_CHECK_EQ(dns_expect_of(none, 2, "the name has no address"), 0);
    DREY_CHECK_EQ(dns_expect_of(fails, 2, "the name server failed"), 0);
    DREY_CHECK_EQ(fails[0].asked, 2); /* .tries */
    DREY_CHECK_EQ(dns_expect_of(refuses, 2, "the name server refused to answer"), 0);
    DREY_CHECK_EQ(dns_expect_of(nonsense, 2, "the name server's answer makes no sense"), 0);
    DREY_CHECK_STR(drey_resolve_text(-ECONNREFUSED), "Connection refused");
    DREY_CHECK_STR(drey_resolve_text(-100000), "unknown error");
    return 0;
}

/* More than a datagram holds: asked again by TCP. */
TEST_ON_BOTH(a_hundred_addresses)
{
    struct dns_reply many[] = {{TO("host.test", DNS_A), .more = 100}, {TO("host.test", DNS_AAAA)}};
    struct dns dns;
    drey_addr addrs[100];
    char text[DREY_ADDR_TEXT];
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, many, 2), 0);
    DREY_CHECK_EQ(drey_resolve("host.test", "80", addrs, 100, ask_it(&dns)), 100);
    DREY_CHECK_EQ(many[0].asked, 2);
    DREY_CHECK_EQ(many[0].asked_by_tcp, 1);
    DREY_CHECK_STR(drey_addr_format(&addrs[0], text), "127.1.0.0:80");
    memset(addrs, 0, sizeof addrs);
    DREY_CHECK_EQ(drey_resolve("host.test", "80", addrs, 3, ask_it(&dns)), 100); /* R19: told, not cut in silence */
    DREY_CHECK_STR(drey_addr_format(&addrs[2], text), "127.1.0.2:80");
    DREY_CHECK_STR(drey_addr_format(&addrs[3], text), "unknown");
    many[0].more = 3000;
    DREY_CHECK_EQ(drey_resolve("host.test", "80", addrs, 3, ask_it(&dns)), 3000);
    return dns_close(&dns, &scope, 0);
}

TEST_ON_BOTH(the_hosts_file_comes_first)
{
    struct dns_reply replies[] = {
        {TO("file.test", DNS_A), .addrs = {"127.0.0.9"}},
        {TO("file.test", DNS_AAAA), .addrs = {"::1"}},
    };
    struct dns dns;
    char path[256];
    snprintf(path, sizeof path, "%s/hosts", drey_test_dir());
    FILE *file = fopen(path, "w");
    fputs("127.0.0.5 file.test other # said here\n127.0.0.6\tfile.test\n::5 six.test\n127.0.0.7 named.localhost\n",
          file);
    fclose(file);
    setenv("CARES_HOSTS", path, 1);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, replies, 2), 0);
    DREY_CHECK_EQ(dns_expect("file.test", "80", ask_it(&dns), "127.0.0.5:80 127.0.0.6:80"), 0);
    DREY_CHECK_EQ(dns_expect("OTHER", "80", ask_it(&dns), "127.0.0.5:80"), 0);
    DREY_CHECK_EQ(dns_expect("six.test", "80", ask_it(&dns), "[::5]:80"), 0);
    DREY_CHECK_EQ(dns_expect("named.localhost", "80", ask_it(&dns), "127.0.0.7:80"), 0);
    drey_resolve_options o = ask_it(&dns);
    o.family = AF_INET6;
    DREY_CHECK_EQ(dns_expect("file.test", "80", o, "the name has no address"), 0);
    DREY_CHECK_EQ(replies[0].asked + replies[1].asked, 0);
    return dns_close(&dns, &scope, 0);
}

TEST_ON_BOTH(localhost_is_this_machine)
{
    drey_resolve_options nobody = {.servers = "127.0.0.1:1"};
    setenv("CARES_HOSTS", "/dev/null", 1);
    DREY_CHECK_EQ(dns_expect("localhost", "80", nobody, "[::1]:80 127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect("LOCALHOST.", "80", nobody, "[::1]:80 127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect("a.localhost", "80", nobody, "[::1]:80 127.0.0.1:80"), 0);
    DREY_CHECK_EQ(dns_expect("notlocalhost", "80", nobody, "no name server answered"), 0);
    return 0;
}

TEST_ON_BOTH(arguments_out_of_range)
{
    drey_addr addr;
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    drey_resolve_options o = {.servers = "127.0.0.1:1"};
    const char *const hosts[] = {"", "a..b", longest};
    const char *const services[] = {"65536", "999999", "no-such-service", "80x", "", "-1"};
    for (size_t i = 0; i < 3; i++)
        DREY_CHECK_EQ(drey_resolve(hosts[i], "80", &addr, 1, o), -EINVAL);
    for (size_t i = 0; i < 6; i++)
        DREY_CHECK_EQ(drey_resolve("host.test", services[i], &addr, 1, o), -EINVAL);
    const drey_resolve_options wrong[] = {
        {.family = AF_UNIX}, {.servers = "nonsense"}, {.timeout = -1}, {.tries = 1000}};
    for (size_t i = 0; i < 4; i++)
        DREY_CHECK_EQ(drey_resolve("host.test", "80", &addr, 1, wrong[i]), -EINVAL);
    return 0;
}

/* The environment names servers for programs that do not. */
TEST_ON_BOTH(servers_of_the_environment)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}, {TO("host.test", DNS_AAAA)}};
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, replies, 2), 0);
    setenv("DREY_DNS", dns.where, 1);
    DREY_CHECK_EQ(dns_expect("host.test", "80", (drey_resolve_options){0}, "127.0.0.1:80"), 0);
    return dns_close(&dns, &scope, 0);
}

DREY_TEST(outside_a_task, .no_runtime = true)
{
    drey_addr addr;
    DREY_CHECK_EQ(drey_resolve("127.0.0.1", "80", &addr, 1, (drey_resolve_options){0}), -EPERM);
    DREY_CHECK_EQ(drey_connect("127.0.0.1", "80", (drey_connect_name_options){0}), -EPERM);
    return 0;
}

DREY_TEST(r4_refused_when_cancelled)
{
    drey_addr addr;
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_resolve("127.0.0.1", "80", &addr, 1, (drey_resolve_options){0}), -ECANCELED);
    DREY_CHECK_EQ(drey_connect("host.test", "80", (drey_connect_name_options){0}), -ECANCELED);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
