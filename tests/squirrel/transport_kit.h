/* SPDX-License-Identifier: MIT */
/* Both sides of the store protocol over a socket, with a handler that stands for the manager. */
#pragma once
#include <drey.h>

#include <stdatomic.h>

#include "transport/client.h"
#include "transport/server.h"

/* An owner at a socket, with what its handler counts. Requests are words: "echo TEXT", "wait" (until cancelled), "slow"
 * (a second), "stay" (a second, whatever happens: a group that commits), "big N", "count N" (a stream), "watch". */
typedef struct owner {
    const char *path;
    sq_server_options options;
    sq_server server;
    int listener;
    drey_token *stop, *kill;    /* accept no more; die */
    drey_gate listening, ended;
    _Atomic int calls, cancelled, running, most_running;
    int leaving;
} owner;

typedef struct way {
    char path[108];
    int attempts;           /* connections made */
    int failures;           /* tries before a connection is given up for good; 0: never */
} way;

typedef struct asking {
    sq_client *client;
    const char *request, *key;
    int rc;
    char answer[64];
    sq_error error;
} asking;

int listen_at(const char *path);
DREY_ASYNC int owner_start(owner *o, drey_scope *scope, const char *path, sq_server_options options);
DREY_ASYNC int owner_end(owner *o, bool killed);
DREY_ASYNC int connect_way(void *arg, int *out_fd, sq_error *error);
way way_to(const char *name);
DREY_ASYNC int ask(sq_client *client, const char *request, const char *key, char *out, size_t room, sq_error *error);
DREY_ASYNC int ask_task(void *arg);
/* What a client without a library does: bytes to the socket. */
DREY_ASYNC int raw(const way *w, const char *bytes, size_t count);
DREY_ASYNC int say_hello(const way *w);
DREY_ASYNC int send_call(int fd, uint64_t id, const char *request);
