/* SPDX-License-Identifier: MIT */
/* A client's side of the store protocol: many tasks call, one connection carries all their calls, and whatever happens
 * to the owner at its other end they wait and see no error (S3).
 *
 *     link, a daemon of the client's scope     connects when there is a call; reads the answers; connects again
 *         writer                               sends what callers have queued, as much at a time as there is
 *     callers                                  queue a request, which stays theirs, and wait
 *
 * When the connection is lost, every call that is not answered is sent again over the next one. A call that changes
 * something therefore carries an operation key in its payload, the same each time, so that it is carried out once. */
#pragma once
#include <drey.h>

#include "transport/frame.h"
#include "transport/version.h"

/* Gives a connection whose hello was answered, or says in *error why there is none: then it has tried as long as is
 * reasonable. 0, -EINVAL or -ENOMEM with *error set, -ECANCELED. */
typedef DREY_ASYNC int sq_connect(void *arg, int *out_fd, sq_error *error);

typedef struct sq_connector {
    sq_connect *connect;
    void *arg;
} sq_connector;

typedef struct sq_pending sq_pending;

typedef struct sq_client {
    sq_connector connector;
    drey_token *stop;       /* ends the link */
    drey_gate ended;        /* the link's last act */
    drey_mutex lock;
    drey_notify wanted;     /* the link's: there is a call */
    drey_notify unsent;     /* the writer's: there is something to send */
    sq_pending *first, *last;   /* under lock: all calls that wait, in their order */
    sq_pending *next;       /* under lock: the first that was not sent over this connection; NULL: none */
    sq_text control;        /* under lock: cancel frames */
    uint64_t ids;           /* under lock */
    bool closed;            /* under lock: the link ends */
    _Atomic uint64_t reconnects;
} sq_client;

typedef struct sq_message {
    const char *payload;    /* borrowed until the call returns */
    size_t bytes;
    const char *key;        /* the operation key that the payload has; NULL: it changes nothing */
} sq_message;

/* The link is a daemon of `scope`; calls come from its body or from tasks inside. 0, or a negative errno: then nothing
 * has to be closed. */
DREY_ASYNC DREY_MUST_USE int sq_client_open(sq_client *client, drey_scope *scope, sq_connector connector);

/* Ends the link. No call may be running any more. Suspends: until it has ended. Cancel: uncut. */
DREY_ASYNC void sq_client_close(sq_client *client);

/* Calls and waits for the answer, whose payload is added to *answer. 0; -EINVAL or -ENOMEM with *error set: the store
 * cannot be reached, or for a change that was sent once, unknown_outcome.
 * Suspends: until the answer is there.
 * Cancel:   -ECANCELED: nothing was changed; a change that the owner does not take back any more is waited for. */
DREY_ASYNC DREY_MUST_USE
int sq_client_call(sq_client *client, const sq_message *message, sq_text *answer, sq_error *error);

/* The hello of a connection: 0. -ECONNRESET: it ended before the answer, so look for the owner anew. -EINVAL: refused,
 * with *error set. -ECANCELED. Suspends: until it is answered. */
DREY_ASYNC DREY_MUST_USE int sq_client_greet(int fd, const sq_hello *own, sq_hello *out, sq_error *error);

/* Asks the owner to end; with a program, which is of our version, to let that be the next one. 1: it will close the
 * connection and end. 0: it will not. Or a negative errno. Suspends: until it has answered. */
DREY_ASYNC DREY_MUST_USE int sq_client_leave(int fd, const char *program);

/* A call whose answer comes in parts has a connection of its own, so that who reads slowly holds up nobody else. */
typedef struct sq_stream {
    int fd;
    sq_frames frames;
} sq_stream;

/* 0, or as sq_connect. */
DREY_ASYNC DREY_MUST_USE
int sq_stream_open(sq_stream *stream, sq_connector connector, const char *payload, size_t bytes, sq_error *error);

/* 1: an item. 0: the answer, which is the last. Either way *out is valid until the next call. -ECONNRESET: the
 * connection was lost; open another. -ECANCELED, or another negative errno. */
DREY_ASYNC DREY_MUST_USE int sq_stream_next(sq_stream *stream, sq_frame *out);
DREY_ASYNC void sq_stream_close(sq_stream *stream);
