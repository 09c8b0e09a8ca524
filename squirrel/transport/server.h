/* SPDX-License-Identifier: MIT */
/* The owner's side of the store protocol: connections, and a task for each call.
 *
 *     scope of the server   connection: reader     dormant until bytes come; starts the calls
 *                           connection: writer     dormant until answers wait
 *                           calls                  a task each, with a token of its own below the connection's
 *
 * A connection lives as long as one of these has a reference. When its peer goes away its token fires, and with it
 * those of its calls. Every limit is met by waiting: a connection with too many calls, or one whose frames or answers
 * would take too much memory, is not read until there is room. A peer is dropped that does not send the rest of a
 * frame, or take what is sent to it, within `patience`, or that takes nothing for a second while others wait for its
 * memory. */
#pragma once
#include <drey.h>

#include "transport/sender.h"
#include "transport/version.h"

typedef struct sq_server sq_server;
typedef struct sq_connection sq_connection;

/* A call at work. */
typedef struct sq_call {
    const char *request;        /* the payload; a NUL follows its bytes */
    size_t bytes;
    uid_t uid;                  /* whose process asked */
    /* Private. */
    sq_connection *connection;
    drey_token *token;
    uint64_t id;
    uint32_t permits;
    bool streams;               /* under the connection's lock */
    struct sq_call *previous, *next;
} sq_call;

/* Does what the call asks for and adds the payload of the answer to *answer. The result is 0, or negative: the call was
 * cancelled, or there was no memory, and its peer gets an error in the form of the handler's `fail`; so it does, by
 * -EMSGSIZE, instead of an answer that is longer than a frame. */
typedef DREY_ASYNC int sq_handle(void *arg, sq_call *call, sq_text *answer);

/* Sends a part of the answer ahead. As sq_sender_add. Only by the call's handler. */
DREY_ASYNC DREY_MUST_USE int sq_call_item(sq_call *call, const char *payload, size_t bytes);

/* The call goes on until it is cancelled: it no longer counts among those at work, and draining cancels it. 0, or
 * -EAGAIN: there are as many streams as there may be connections. Only by the call's handler, once. */
DREY_ASYNC DREY_MUST_USE int sq_call_stream(sq_call *call);

typedef struct sq_server_options {
    sq_handle *handle;
    void (*fail)(void *arg, int rc, sq_text *answer);    /* the payload that stands for a handler's negative result */
    /* A client wants us to end, for a program of a newer version or, if that is NULL, for good. False refuses. Must not
     * suspend. NULL: never. */
    bool (*leave)(void *arg, const char *program, const char *version);
    void *arg;                  /* of these three */
    int64_t schema;             /* that the hello tells */
    uid_t uid;                  /* of peers that are served (S37) */
    unsigned connections;       /* at once, and streams at once; default 4096 */
    unsigned calls;             /* at work at once, of all connections, without streams; default 1024 */
    unsigned memory_mib;        /* of requests, and again of answers; default 128, at least 17 */
    drey_duration patience;     /* with a frame that has begun, and with what is sent; default 30 s */
} sq_server_options;

struct sq_server {
    sq_server_options options;
    drey_scope *scope;          /* of connections and calls; open as long as there are any */
    drey_token *drain;          /* fired: take no new calls, and go when the last is answered */
    drey_sem calls, streams;
    drey_sem requests;          /* KiB */
    sq_budget answers;
    _Atomic unsigned connected;
    _Atomic int64_t idle_since; /* on drey_now's clock, while connected is 0 */
    drey_notify emptied;        /* connected became 0 */
};

/* `scope` has been opened by the caller, with .keep_going, and outlives the server. 0 or -ENOMEM. */
int sq_server_init(sq_server *server, drey_scope *scope, sq_server_options options);
void sq_server_deinit(sq_server *server);

/* Serves a connection that was accepted: owns fd. Returns at once. As sq_serve takes it: 0, or -ECANCELED. */
DREY_ASYNC int sq_server_take(void *server, int fd);
