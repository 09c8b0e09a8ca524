/* SPDX-License-Identifier: MIT */
/* Looking names up when name servers are silent, fail or are many, and when it is cut or something is short. */
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dns_kit.h"
#include "on_both.h"

/* Each try has its time, by drey's clock. */
TEST_ON_BOTH(no_answer)
{
    struct dns_reply silent[] = {
        {TO("host.test", DNS_A), .silent = true},
        {TO("host.test", DNS_AAAA), .silent = true},
    };
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, silent, 2), 0);
    drey_time before = drey_now();
    DREY_CHECK_EQ(dns_expect("host.test", "80", ask_it(&dns), "no name server answered"), 0);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(4));
    DREY_CHECK_EQ(silent[0].asked, 2);
    drey_resolve_options o = ask_it(&dns);
    o.timeout = DREY_MS(300);
    o.tries = 5;
    before = drey_now();
    DREY_CHECK_EQ(dns_expect("host.test", "80", o, "no name server answered"), 0);
    DREY_CHECK_EQ(drey_now() - before, DREY_MS(1500));
    return dns_close(&dns, &scope, 0);
}

static int threads(void)
{
    char line[200] = "";
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL && strncmp(line, "Threads:", 8) != 0) {
    }
    fclose(status);
    return atoi(line + 8);
}

/* A deadline is kept, and no thread has been at it. */
TEST_ON_BOTH(no_answer_before_the_deadline)
{
    struct dns_reply silent[] = {
        {TO("host.test", DNS_A), .silent = true},
        {TO("host.test", DNS_AAAA), .silent = true},
    };
    struct dns dns;
    drey_addr addr;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, silent, 2), 0);
    int threads_before = threads();
    drey_time before = drey_now();
    {
        DREY_SCOPE(limited, .timeout = DREY_MS(700));
        int rc = drey_resolve("host.test", "80", &addr, 1, ask_it(&dns));
        DREY_CHECK_EQ(rc, -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&limited, rc), -ETIMEDOUT);
    }
    DREY_CHECK_EQ(drey_now() - before, DREY_MS(700));
    DREY_CHECK_EQ(threads(), threads_before);
    return dns_close(&dns, &scope, 0);
}

/* The machine answers that nobody is there. */
TEST_ON_BOTH(no_server)
{
    drey_addr at;
    char where[DREY_ADDR_TEXT];
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &at), 0);
    int fd = drey_datagram_open(&at, (drey_datagram_options){0});
    DREY_CHECK_EQ(drey_addr_of(fd, &at), 0);
    drey_close(fd);
    drey_time before = drey_now();
    drey_resolve_options o = {.servers = drey_addr_format(&at, where)};
    DREY_CHECK_EQ(dns_expect("host.test", "80", o, "no name server answered"), 0);
    DREY_CHECK_EQ(drey_now() - before, 0);
    return 0;
}

/* The next server is asked at once by who fails or refuses, and after its time by who is silent. */
TEST_ON_BOTH(several_servers)
{
    struct dns_reply fails[] = {
        {TO("host.test", DNS_A), .rcode = DNS_SERVFAIL},
        {TO("host.test", DNS_AAAA), .rcode = DNS_REFUSED},
        {TO("slow.test", DNS_A), .silent = true},
        {TO("slow.test", DNS_AAAA), .silent = true},
    };
    struct dns_reply knows[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}},
        {TO("host.test", DNS_AAAA), .addrs = {"::1"}},
        {TO("slow.test", DNS_A), .addrs = {"127.0.0.2"}},
        {TO("slow.test", DNS_AAAA)},
    };
    struct dns first, second;
    char both[2 * DREY_ADDR_TEXT];
    DREY_SCOPE(outer);
    DREY_CHECK_EQ(dns_open(&first, &outer, fails, 4), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&second, &scope, knows, 4), 0);
    snprintf(both, sizeof both, "%s,%s", first.where, second.where);
    drey_resolve_options o = {.servers = both};
    drey_time before = drey_now();
    DREY_CHECK_EQ(dns_expect("host.test", "80", o, "[::1]:80 127.0.0.1:80"), 0);
    DREY_CHECK_EQ(drey_now() - before, 0);
    DREY_CHECK_EQ(dns_expect("slow.test", "80", o, "127.0.0.2:80"), 0);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(2));
    DREY_CHECK_EQ(dns_close(&second, &scope, 0), 0);
    return dns_close(&first, &outer, 0);
}

/* What does not answer the question is passed over. */
TEST_ON_BOTH(forged_answers)
{
    struct dns_reply forged[] = {
        {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}, .forged = true, .after = DREY_MS(10)},
        {TO("host.test", DNS_AAAA)},
    };
    return dns_expect_of(forged, 2, "127.0.0.1:80");
}

/* By UDP it says that there is more, by TCP it says nothing, or hangs up. */
TEST_ON_BOTH(truncated_and_no_more)
{
    struct dns_reply hangs_up[] = {
        {TO("host.test", DNS_A), .more = 100, .hangs_up = true},
        {TO("host.test", DNS_AAAA)},
    };
    DREY_CHECK_EQ(dns_expect_of(hangs_up, 2, "no name server answered"), 0);
    DREY_CHECK_EQ(hangs_up[0].asked_by_tcp, 2);
    return 0;
}

struct one {
    const struct dns *dns;
    int rc;
};

static DREY_ASYNC int resolve_one(void *arg)
{
    struct one *o = arg;
    drey_addr addr;
    drey_resolve_options options = ask_it(o->dns);
    options.timeout = DREY_SEC(60); /* where the clock is real, the machine may be slow */
    o->rc = drey_resolve("slow.test", "80", &addr, 1, options);
    return 0;
}

/* R19: so many questions at a time, the others wait in line. */
TEST_ON_BOTH(r19_queries_have_a_limit)
{
    enum { CALLERS = DREY_RESOLVE_QUERIES_MAX, ROUNDS = 2 };
    struct dns_reply slow[] = {
        {TO("slow.test", DNS_A), .addrs = {"127.0.0.1"}, .after = DREY_SEC(1)},
        {TO("slow.test", DNS_AAAA), .addrs = {"::1"}, .after = DREY_SEC(1)},
    };
    static struct one ones[CALLERS];
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, slow, 2), 0);
    drey_time before = drey_now();
    {
        DREY_SCOPE(callers);
        for (int i = 0; i < CALLERS; i++) {
            ones[i].dns = &dns;
            DREY_CHECK_EQ(drey_go(&callers, resolve_one, &ones[i]), 0);
        }
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(slow[0].asked + slow[1].asked, DREY_RESOLVE_QUERIES_MAX);
        DREY_CHECK_EQ(drey_scope_close(&callers, 0), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        DREY_CHECK_EQ(ones[i].rc, 2);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(ROUNDS));
    return dns_close(&dns, &scope, 0);
}

TEST_ON_BOTH(out_of_descriptors)
{
    struct rlimit old, none;
    drey_addr addr;
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(0);
    close(next);
    none = (struct rlimit){(rlim_t)next, old.rlim_max};
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = drey_resolve("host.test", "80", &addr, 1, (drey_resolve_options){.servers = "127.0.0.1:1"});
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    DREY_CHECK_EQ(rc, -EMFILE);
    return 0;
}

static DREY_ASYNC int resolve_at_all(void *arg)
{
    struct dns_reply replies[] = {{TO("host.test", DNS_A), .more = 80},
                                  {TO("host.test", DNS_AAAA), .addrs = {"::1"}, .after = 1000}};
    struct dns dns;
    drey_addr addr;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = dns_open(&dns, &scope, replies, 2);
    if (rc == 0)
        rc = drey_resolve("host.test", "80", &addr, 1, ask_it(&dns));
    return dns_close(&dns, &scope, rc);
}

/* R4: no descriptor, no query and no memory is left, wherever it is cut. */
DREY_TEST(r4_cancelled_everywhere, .no_runtime = true, .timeout_seconds = 120)
{
    DREY_CHECK(drey_test_cancel_everywhere(resolve_at_all, NULL, 0) > 10);
    return 0;
}

DREY_TEST(memory_is_out)
{
    uint64_t before = drey_test_allocs();
    DREY_CHECK_EQ(resolve_at_all(NULL), 81);
    uint64_t n = drey_test_allocs() - before;
    for (uint64_t i = 1; i <= n + 2; i++) {
        drey_test_fail_alloc(i);
        int rc = resolve_at_all(NULL);
        DREY_CHECK(rc == 81 || rc == -ENOMEM || rc == -ETIME);
    }
    drey_test_fail_alloc(0);
    return 0;
}

DREY_TEST(on_several_workers, .workers = 4, .real_clock = true)
{
    struct dns_reply replies[] = {
        {TO("slow.test", DNS_A), .addrs = {"127.0.0.1"}, .after = DREY_MS(1)},
        {TO("slow.test", DNS_AAAA), .addrs = {"::1"}},
    };
    static struct one ones[200];
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, replies, 2), 0);
    {
        DREY_SCOPE(callers, .spread = true);
        for (int i = 0; i < 200; i++) {
            ones[i].dns = &dns;
            DREY_CHECK_EQ(drey_go(&callers, resolve_one, &ones[i]), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&callers, 0), 0);
    }
    for (int i = 0; i < 200; i++)
        DREY_CHECK_EQ(ones[i].rc, 2);
    return dns_close(&dns, &scope, 0);
}

DREY_TEST_MAIN()
