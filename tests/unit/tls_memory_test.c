/* SPDX-License-Identifier: MIT */
/* Memory: what a connection takes, what a peer cannot make it take, and none left (R19). OpenSSL's allocations and ours
 * come through one seam here. */
#include <malloc.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "tls/tls.h"

#include "../sanitized.h"
#include "on_both.h"
#include "tls_kit.h"

static _Atomic long live_bytes, peak_bytes, fail_at; /* bytes as the allocator rounds them */
static _Atomic long ours, all; /* allocations by src/tls, and by everybody */
static bool only_ours;         /* count to fail_at among ours */

static bool fails(const char *file)
{
    bool is_ours = strstr(file, "src/tls/") != NULL;
    long n = atomic_fetch_add(&all, 1) + 1;
    if (is_ours)
        n = atomic_fetch_add(&ours, 1) + 1;
    return only_ours ? is_ours && n == fail_at : all == fail_at;
}

static void count(void *p, long sign)
{
    long bytes = sign * (long)malloc_usable_size(p), now = atomic_fetch_add(&live_bytes, bytes) + bytes;
    if (now > peak_bytes)
        peak_bytes = now;
}

static void *take(size_t bytes, const char *file, int line)
{
    (void)line;
    void *p = fails(file) ? NULL : malloc(bytes);
    count(p, 1);
    return p;
}

static void give(void *p, const char *file, int line)
{
    (void)file, (void)line;
    count(p, -1);
    free(p);
}

static void *change(void *old, size_t bytes, const char *file, int line)
{
    if (bytes == 0)
        give(old, file, line);
    if (bytes == 0 || fails(file))
        return NULL;
    count(old, -1);
    void *p = realloc(old, bytes);
    count(p != NULL ? p : old, 1);
    return p;
}

__attribute__((constructor(101))) static void take_over(void)
{
    CRYPTO_set_mem_functions(take, change, give);
}

enum { PAIRS = 20, IDLE_BYTES = 20 << 10, BUSY_BYTES = 240 << 10, SLACK_BYTES = 4 << 10 };

/* What a pair of idle connections keeps, both ends together, after they have been busy; and how much that was. */
static DREY_ASYNC int weigh(struct ends ends[PAIRS], const struct world *w)
{
    static char data[100000], got[100000];
    long before = live_bytes, most = 0;
    for (int i = 0; i < PAIRS; i++) {
        DREY_CHECK_EQ(ends_open(&ends[i], w), 0);
        DREY_CHECK_EQ(ends_talk(&ends[i]), 0);
        long quiet = live_bytes;
        peak_bytes = quiet;
        DREY_CHECK_EQ(drey_stream_write(drey_tls_stream(ends[i].client), data, sizeof data), 64 << 10);
        DREY_CHECK_EQ(drey_stream_read_exact(drey_tls_stream(ends[i].server), got, 64 << 10, NULL), 0);
        most = peak_bytes - quiet > most ? peak_bytes - quiet : most;
        DREY_CHECK_EQ(ends_talk(&ends[i]), 0);
    }
    long each = (live_bytes - before) / (2 * PAIRS);
    fprintf(stderr, "note: an idle connection keeps %ld bytes, a busy pair %ld more\n", each, most);
    DREY_CHECK(each < IDLE_BYTES);
    DREY_CHECK(each > 1024);
    DREY_CHECK(most < BUSY_BYTES);
    return 0;
}

DREY_TEST(an_idle_connection_is_small)
{
    static struct ends ends[PAIRS];
    struct world w;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(weigh(ends, &w), 0);
    for (int i = 0; i < PAIRS; i++)
        ends_close(&ends[i]);
    world_close(&w);
    return 0;
}

static bool with_data;

static int ask_for_new_keys(void *arg)
{
    drey_tls *c = arg;
    for (int i = 0; i < 100; i++) {
        SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(c->ssl);
        if (with_data)
            SSL_write(c->ssl, "x", 1);
    }
    return 0;
}

static DREY_ASYNC int ask_forever(void *arg)
{
    struct ends *e = arg;
    int rc = 0;
    while (rc == 0) {
        rc = drey__tls_step(e->client, ask_for_new_keys, e->client);
        if (rc == 0)
            rc = drey__tls_flush(e->client);
    }
    return rc;
}

static DREY_ASYNC int read_on(void *arg)
{
    struct ends *e = arg;
    char some[16];
    ssize_t n;
    while ((n = drey_stream_read(drey_tls_stream(e->server), some, sizeof some)) > 0) {
    }
    return (int)n;
}

/* R19: a peer that asks for answers and does not take them is read no further, whether it sends data or not. */
static DREY_ASYNC int answers_that_nobody_takes(void)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    for (int i = 0; i < 2; i++) /* what the sockets hold is not of interest */
        DREY_CHECK_EQ(setsockopt(e.fds[i], SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int)), 0);
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_go(&scope, ask_forever, &e), 0);
    DREY_CHECK_EQ(drey_go(&scope, read_on, &e), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), -ETIMEDOUT);
    DREY_CHECK(e.client->unsent > 0);
    DREY_CHECK(e.server->unsent > 0);
    DREY_CHECK(e.server->sending.end + e.server->out.end <= DREY__TLS_UNSENT + DREY__TLS_LARGE);
    ends_close(&e);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(r19_answers_that_nobody_takes, .timeout_seconds = 120)
{
    return answers_that_nobody_takes();
}

TEST_ON_BOTH(r19_answers_that_nobody_takes_with_data, .timeout_seconds = 120)
{
    with_data = true;
    return answers_that_nobody_takes();
}

static struct identity authority, identity;

static DREY_ASYNC int use(struct world *w, struct ends *e)
{
    char byte;
    int rc = drey_socket_pair(e->fds);
    if (rc == 0)
        rc = drey_tls_client_open(w->client, drey_stream_of(e->fds[0]), "a.example", &e->client);
    if (rc == 0)
        rc = drey_tls_server_open(w->server, drey_stream_of(e->fds[1]), &e->server);
    if (rc == 0)
        rc = ends_shake(e);
    if (rc == 0) /* the other one's failure is of this one's making */
        rc = e->server_rc == -ENOMEM || e->client_rc == 0 ? e->server_rc : e->client_rc;
    if (rc == 0)
        rc = drey_stream_write_all(drey_tls_stream(e->client), identity.chain_text, strlen(identity.chain_text), NULL);
    if (rc == 0)
        rc = drey_stream_shutdown(drey_tls_stream(e->client));
    while (rc == 0 && (rc = (int)drey_stream_read(drey_tls_stream(e->server), &byte, 1)) > 0)
        rc = 0;
    return rc;
}

static DREY_ASYNC int whole_life(void *arg)
{
    (void)arg;
    struct world w = {.client = NULL};
    struct ends e = {.fds = {-1, -1}};
    drey_tls_identity shown = identity_of(&identity);
    const char *const protocols[] = {"one", NULL};
    drey_tls_client_options client = {
        .trust = pem_of(authority.chain_text), .identity = shown, .protocols = protocols};
    drey_tls_server_options server = {.identities = &shown, .identity_count = 1, .protocols = protocols};
    server.clients = DREY_TLS_MUST_SHOW;
    server.trust = client.trust;
    int rc = drey_tls_client_new(client, &w.client, NULL);
    if (rc == 0)
        rc = drey_tls_server_new(server, &w.server, NULL);
    if (rc == 0)
        rc = drey_tls_server_reload(w.server, server, NULL);
    if (rc == 0)
        rc = use(&w, &e);
    ends_close(&e);
    drey_tls_client_unref(w.client);
    drey_tls_server_unref(w.server);
    return rc;
}

/* One life with the nth allocation failing: 1 if there was an nth, 0 if there were fewer. */
static int fail_nth(long n)
{
    drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL, .pool_threads = 1};
    long before = only_ours ? ours : all;
    fail_at = n > 0 ? before + n : 0;
    int rc = drey_run(&config, whole_life, NULL);
    bool failed = n > 0 && (only_ours ? ours : all) - before >= n;
    fail_at = 0;
    /* OpenSSL goes on without some memory, and takes the lack of other for a broken certificate: it refuses then. */
    bool known = rc == 0 || rc == -ENOMEM;
    if (!only_ours)
        known = known || rc == -EPROTO || rc == -EKEYREJECTED || rc == -EBADMSG || rc == -ECONNABORTED;
    if (!known || (rc < 0 && !failed)) {
        fprintf(stderr, "with allocation %ld failing: %d\n", n, rc);
        return -EPROTO;
    }
    return failed;
}

static int fail_each(long stride)
{
    int rc;
    authority = make_identity((struct wish){.subject = "authority", .authority = true});
    identity = make_identity((struct wish){.subject = "x", .names = "DNS:a.example", .issuer = &authority});
    for (int i = 0; i < 3; i++) /* what OpenSSL keeps from the first time */
        DREY_CHECK_EQ(fail_nth(0), 0);
    long before = live_bytes, runs = 0;
    for (long n = 1; (rc = fail_nth(n)) == 1; n += stride)
        runs++;
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK(runs > 10);
    DREY_CHECK_EQ(fail_nth(0), 0);
    fprintf(stderr, "note: %ld runs, %ld bytes more\n", runs, live_bytes - before);
    DREY_CHECK(live_bytes - before < SLACK_BYTES);
    end_identity(&authority);
    end_identity(&identity);
    return 0;
}

DREY_TEST(r19_each_of_our_allocations_fails_once, .no_runtime = true)
{
    only_ours = true;
    return fail_each(1);
}

/* OpenSSL makes tens of thousands. */
DREY_TEST(r19_allocations_of_openssl_fail, .no_runtime = true, .timeout_seconds = 120)
{
    return fail_each(getenv("DREY_SOAK") != NULL ? 7 : SLOW ? 1999 : 397);
}

DREY_TEST_MAIN()
