/* SPDX-License-Identifier: MIT */
/*
 * Connections that idle without a stack and without a buffer: each is a record until something comes for it.
 *
 * Prints:
 *     200 connections, 200 of them dormant
 *     answered 3
 *     all closed
 */
#include <drey.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 200 };

typedef struct server {
    drey_addr at;
    int listener;
    drey_token *drain;
    drey_scope connections;
} server;

typedef struct connection {
    server *server;
    int fd;
} connection;

static DREY_ASYNC int answer(int fd)
{
    char request[256];                                /* on the stack that is here only while something is to do */
    ssize_t n = drey_read(fd, request, sizeof request);
    if (n <= 0)
        return n == 0 ? -EPIPE : (int)n;
    return drey_write_all(fd, request, (size_t)n, NULL);
}

/* One request; then the stack goes back until the next, or until the server drains. */
static DREY_ASYNC int step(void *arg, int event)
{
    connection *c = arg;
    if (event == 0 && answer(c->fd) == 0) {
        drey_case next[] = {drey_on_fd(c->fd, POLLIN), drey_on_token(c->server->drain)};
        int again = drey_again_when(next, 2);
        if (again >= 0)
            return again;
    }
    drey_close(c->fd);
    free(c);
    return 0;
}

static DREY_ASYNC int start(void *arg, int fd)
{
    server *s = arg;
    connection *c = malloc(sizeof *c);
    drey_case first[] = {drey_on_fd(fd, POLLIN), drey_on_token(s->drain)};
    int rc = -ENOMEM;
    if (c != NULL) {
        *c = (connection){s, fd};
        rc = drey_go_when(&s->connections, step, c, first, 2);
    }
    if (rc < 0) {
        free(c);
        drey_close(fd);
    }
    return rc;
}

static DREY_ASYNC int serve(void *arg)
{
    server *s = arg;
    drey_scope_open(&s->connections, .keep_going = true, .name = "connections");
    int rc = drey_accept_each(s->listener, start, s, (drey_serve_options){.stop = s->drain});
    return drey_scope_close(&s->connections, rc);
}

static DREY_ASYNC int ask(int fd)
{
    char got[5];
    int rc = drey_write_all(fd, "hello", sizeof got, NULL);
    return rc < 0 ? rc : drey_read_exact(fd, got, sizeof got, NULL);
}

static DREY_ASYNC int connect_and_ask(server *s, int fds[])
{
    drey_counters counters;
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = drey_connect_to(&s->at, (drey_connect_options){0});
        if (fds[i] < 0)
            return fds[i];
    }
    do {
        int rc = drey_sleep(DREY_MS(1));
        if (rc < 0)
            return rc;
        drey_counters_get(&counters);
    } while (counters.tasks_dormant < CLIENTS);
    printf("%d connections, %" PRIu64 " of them dormant\n", CLIENTS, counters.tasks_dormant);
    int answered = 0;
    for (int i = 0; i < CLIENTS; i += 80)
        answered += ask(fds[i]) == 0;
    printf("answered %d\n", answered);
    return 0;
}

static DREY_ASYNC int run(void *arg)
{
    server *s = arg;
    int fds[CLIENTS];
    memset(fds, -1, sizeof fds);
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    int rc = drey_go(&scope, serve, s);
    if (rc == 0)
        rc = connect_and_ask(s, fds);
    drey_token_cancel(s->drain, "closing time");
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < CLIENTS; i++)
        if (fds[i] >= 0)
            drey_close(fds[i]);
    printf("all closed\n");
    drey_close(s->listener);
    return rc;
}

static DREY_ASYNC int open_and_run(void *arg)
{
    server *s = arg;
    int rc = drey_addr_parse("127.0.0.1:0", &s->at);
    if (rc == 0)
        s->listener = rc = drey_listen(&s->at, (drey_listen_options){0});
    if (rc >= 0)
        rc = drey_addr_of(s->listener, &s->at);
    return rc < 0 ? rc : run(s);
}

int main(void)
{
    server s = {0};
    int rc = drey_token_new(NULL, &s.drain);
    if (rc == 0)
        rc = drey_run(NULL, open_and_run, &s);
    drey_token_unref(s.drain);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
