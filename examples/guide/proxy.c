/* SPDX-License-Identifier: MIT */
/*
 * A proxy for streams. Each direction ends by itself: when one side has said all it has to say, the other is told, and
 * may still answer. So a client that waits for the answer to the end of its input gets it through the proxy, too.
 *
 * Prints:
 *     the server got 3000000 bytes, and then the end
 *     the client got: that was long
 *     a server that is not there: the client reads the end
 *     connections that the proxy had: 2
 */
#include <drey.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16384, CONNECTIONS_MAX = 100, LONG_BYTES = 3000000 };

typedef struct proxy {
    int listener;
    drey_addr server;
    atomic_int served;
} proxy;

typedef struct direction {
    int from, to;
} direction;

/* Copy until the end, and pass the end on. */
static DREY_ASYNC int copy(void *arg)
{
    const direction *d = arg;
    char chunk[CHUNK_BYTES];
    ssize_t n;
    while ((n = drey_read(d->from, chunk, sizeof chunk)) > 0) {
        int rc = drey_write_all(d->to, chunk, (size_t)n, NULL);
        if (rc < 0)
            return rc;                                /* nobody reads it: the scope ends the other direction as well */
    }
    return n < 0 ? (int)n : drey_shutdown(d->to, DREY_SHUT_WRITE);
}

/* One connection: two directions, and it is over when both are. */
static DREY_ASYNC int relay(void *arg, int client)
{
    proxy *p = arg;
    atomic_fetch_add(&p->served, 1);
    int server = drey_connect_to(&p->server, (drey_connect_options){0});
    if (server < 0)
        return server;
    direction there = {client, server}, back = {server, client};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, copy, &there);
    if (rc == 0)
        rc = copy(&back);
    rc = drey_scope_close(&scope, rc);
    drey_close(server);
    return rc;
}

static DREY_ASYNC int run_proxy(void *arg)
{
    proxy *p = arg;
    return drey_serve(p->listener, relay, p, (drey_serve_options){.limit = CONNECTIONS_MAX});
}

/* The server behind it answers when it has read all. */
static DREY_ASYNC int count_and_answer(void *arg, int fd)
{
    static const char answer[] = "that was long";
    char chunk[CHUNK_BYTES];
    size_t bytes = 0;
    ssize_t n;
    (void)arg;
    while ((n = drey_read(fd, chunk, sizeof chunk)) > 0)
        bytes += (size_t)n;
    if (n < 0)
        return (int)n;
    printf("the server got %zu bytes, and then the end\n", bytes);
    return drey_write_all(fd, answer, sizeof answer - 1, NULL);
}

static DREY_ASYNC int run_server(void *arg)
{
    return drey_serve(*(int *)arg, count_and_answer, NULL, (drey_serve_options){.limit = CONNECTIONS_MAX});
}

/* Say much, end, and read the answer to its end. */
static DREY_ASYNC int talk(int fd)
{
    char *text = calloc(1, LONG_BYTES), answer[64] = "";
    size_t bytes = 0;
    if (text == NULL)
        return -ENOMEM;
    int rc = drey_write_all(fd, text, LONG_BYTES, NULL);
    free(text);
    if (rc == 0)
        rc = drey_shutdown(fd, DREY_SHUT_WRITE);
    if (rc == 0)
        rc = drey_read_exact(fd, answer, sizeof answer - 1, &bytes);
    if (rc == -ENODATA)                               /* the end comes before the buffer is full */
        printf("the client got: %.*s\n", (int)bytes, answer);
    return rc == -ENODATA ? 0 : rc;
}

static DREY_ASYNC int listen_somewhere(drey_addr *out_at)
{
    int rc = drey_addr_parse("127.0.0.1:0", out_at);
    int fd = rc < 0 ? rc : drey_listen(out_at, (drey_listen_options){0});
    rc = fd < 0 ? fd : drey_addr_of(fd, out_at);
    return rc < 0 ? rc : fd;
}

static DREY_ASYNC int be_client(proxy *p, const drey_addr *at)
{
    char byte;
    int fd = drey_connect_to(at, (drey_connect_options){0});
    int rc = fd < 0 ? fd : talk(fd);
    if (fd >= 0)
        drey_close(fd);
    if (rc < 0)
        return rc;
    rc = drey_addr_parse("127.0.0.1:1", &p->server);
    fd = rc < 0 ? rc : drey_connect_to(at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    ssize_t n = drey_read(fd, &byte, 1);
    printf("a server that is not there: the client reads %s\n", n == 0 ? "the end" : "something");
    drey_close(fd);
    return 0;
}

static DREY_ASYNC int run(void *arg)
{
    proxy p = {0};
    drey_addr at;
    (void)arg;
    int server = listen_somewhere(&p.server);
    if (server < 0)
        return server;
    p.listener = listen_somewhere(&at);
    if (p.listener < 0)
        return p.listener;
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    int rc = drey_go_daemon(&scope, run_server, &server);
    if (rc == 0)
        rc = drey_go_daemon(&scope, run_proxy, &p);
    if (rc == 0)
        rc = be_client(&p, &at);
    rc = drey_scope_close(&scope, rc);
    printf("connections that the proxy had: %d\n", p.served);
    drey_close(server);
    drey_close(p.listener);
    return rc;
}

int main(void)
{
    int rc = drey_run(NULL, run, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
