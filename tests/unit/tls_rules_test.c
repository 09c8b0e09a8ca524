/* SPDX-License-Identifier: MIT */
/* What the runtime's rules mean for TLS: cancellation at every point, stacks, OpenSSL's state of each thread. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "../sanitized.h"
#include "tls_kit.h"

DREY_TEST(outside_a_task, .no_runtime = true)
{
    drey_tls_client *client;
    drey_tls_server *server;
    char why[DREY_TLS_TEXT] = "";
    DREY_CHECK_EQ(drey_tls_client_new((drey_tls_client_options){0}, &client, why), -EPERM);
    DREY_CHECK_STR(why, strerror(EPERM));
    DREY_CHECK_EQ(drey_tls_server_new((drey_tls_server_options){0}, &server, NULL), -EPERM);
    DREY_CHECK_STR(drey_tls_failure(NULL), "");
    return 0;
}

/* R16: what others left in OpenSSL's queue of errors is not taken for ours, and nothing of ours is left in it. */
DREY_TEST(r16_the_queue_of_errors)
{
    struct world w;
    struct ends e;
    char got[8];
    DREY_CHECK_EQ(world_open(&w), 0);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    DREY_CHECK_EQ(ERR_peek_error(), 0);
    DREY_CHECK_EQ(drey_write(e.fds[0], "this is no record", 17), 17);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.server), got, sizeof got), -EPROTO);
    DREY_CHECK_STR(drey_tls_failure(e.server), "TLS failed: wrong version number");
    DREY_CHECK_EQ(ERR_peek_error(), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

/* R15: OpenSSL runs on the worker's large stack, so a task's may be small. */
static DREY_ASYNC int small_life(void *arg)
{
    struct ends e;
    DREY_CHECK_EQ(ends_open(&e, arg), 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    return 0;
}

DREY_TEST(r15_on_small_stacks)
{
    struct world w;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_SCOPE(scope, .stack_size = 16 << 10);
    DREY_CHECK_EQ(drey_go(&scope, small_life, &w), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    world_close(&w);
    return 0;
}

/* A conversation that is cancelled at each of its points leaves nothing behind. */
static DREY_ASYNC int hear(void *arg)
{
    struct ends *e = arg;
    char got[8];
    ssize_t n = drey_stream_read(drey_tls_stream(e->server), got, sizeof got);
    return n < 0 ? (int)n : drey_stream_write_all(drey_tls_stream(e->server), got, (size_t)n, NULL);
}

static DREY_ASYNC int hear_and_say(struct ends *e)
{
    char got[8];
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, hear, e);
    if (rc == 0)
        rc = drey_stream_write_all(drey_tls_stream(e->client), "hello", 5, NULL);
    if (rc == 0)
        rc = drey_stream_read_exact(drey_tls_stream(e->client), got, 5, NULL);
    if (rc == 0)
        rc = drey_stream_shutdown(drey_tls_stream(e->client));
    return drey_scope_close(&scope, rc);
}

static struct world world;

static DREY_ASYNC int make_world(void *arg)
{
    return world_open(arg);
}

static DREY_ASYNC int short_life(void *arg)
{
    struct ends e = {.fds = {-1, -1}};
    int rc = ends_open_only(&e, arg, "a.example");
    if (rc == 0)
        rc = hear_and_say(&e);
    ends_close(&e);
    return rc;
}

static int cancelled_everywhere(unsigned workers)
{
    DREY_CHECK_EQ(drey_run(NULL, make_world, &world), 0); /* which outlives its runtime */
    int points = drey_test_cancel_everywhere(short_life, &world, workers);
    world_close(&world);
    DREY_CHECK(points > 20);
    return 0;
}

/* So do those that make and renew what connections are made from. */
static DREY_ASYNC int make_and_renew(void *arg)
{
    const struct world *w = arg;
    drey_tls_client *client = NULL;
    drey_tls_server *server = NULL;
    drey_tls_identity identity = identity_of(&w->identity);
    drey_tls_server_options options = {.identities = &identity, .identity_count = 1};
    int rc = drey_tls_client_new((drey_tls_client_options){.trust = identity.chain}, &client, NULL);
    if (rc == 0)
        rc = drey_tls_server_new(options, &server, NULL);
    if (rc == 0)
        rc = drey_tls_server_reload(server, options, NULL);
    drey_tls_client_unref(client);
    drey_tls_server_unref(server);
    return rc;
}

DREY_TEST(r13_cancelled_while_made, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_run(NULL, make_world, &world), 0);
    DREY_CHECK(drey_test_cancel_everywhere(make_and_renew, &world, 1) >= 3);
    world_close(&world);
    return 0;
}

DREY_TEST(r4_cancelled_everywhere, .no_runtime = true, .timeout_seconds = 120)
{
    return cancelled_everywhere(1);
}

DREY_TEST(r4_cancelled_everywhere_on_two_workers, .no_runtime = true, .timeout_seconds = 120)
{
    if (SLOW)
        DREY_SKIP("takes long here");
    return cancelled_everywhere(2);
}

/* Two runtimes, one after the other: nothing is left in between. */
static DREY_ASYNC int whole_life(void *arg)
{
    (void)arg;
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST(in_a_second_runtime, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_run(&(drey_config){.workers = 2}, whole_life, NULL), 0);
    return drey_run(&(drey_config){.workers = 1}, whole_life, NULL);
}

DREY_TEST_MAIN()
