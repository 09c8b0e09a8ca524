/* SPDX-License-Identifier: MIT */
/* Servers for bench-load: they print their port, and send back what they get until they are killed. */
#include "bench.h"

#include <poll.h>
#include <stdio.h>

enum { BUFFER = 1024, BACKLOG = 4096 };

int bench_listener(void)
{
    drey_addr at;
    must(drey_addr_parse("127.0.0.1:0", &at));
    int listener = drey_listen(&at, (drey_listen_options){.backlog = BACKLOG});
    must(listener);
    must(drey_addr_of(listener, &at));
    printf("%u\n", drey_addr_port(&at));
    fflush(stdout);
    return listener;
}

static DREY_ASYNC int echo(void *arg, int fd)
{
    char buffer[BUFFER];
    ssize_t n;
    (void)arg;
    while ((n = drey_read(fd, buffer, sizeof buffer)) > 0)
        if (drey_write_all(fd, buffer, (size_t)n, NULL) < 0)
            break;
    return 0;
}

/* A task a connection. */
DREY_ASYNC double bench_serve(void)
{
    must(drey_serve(bench_listener(), echo, NULL, (drey_serve_options){0}));
    return 0;
}

/* The same in a dormant task: a message, and it is idle again. */
static DREY_ASYNC int echo_once(void *arg, int event)
{
    int fd = (int)(intptr_t)arg;
    char buffer[BUFFER];
    ssize_t n = event < 0 ? event : drey_read(fd, buffer, sizeof buffer);
    if (n > 0 && drey_write_all(fd, buffer, (size_t)n, NULL) == 0) {
        drey_case readable = drey_on_fd(fd, POLLIN);
        return drey_again_when(&readable, 1);
    }
    drey_close(fd);
    return 0;
}

static DREY_ASYNC int lay_down(void *scope, int fd)
{
    drey_case readable = drey_on_fd(fd, POLLIN);
    return drey_go_when(scope, echo_once, (void *)(intptr_t)fd, &readable, 1);
}

DREY_ASYNC double bench_serve_dormant(void)
{
    DREY_SCOPE(connections);
    must(drey_scope_close(&connections,
                          drey_accept_each(bench_listener(), lay_down, &connections, (drey_serve_options){0})));
    return 0;
}
