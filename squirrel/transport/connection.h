/* SPDX-License-Identifier: MIT */
#pragma once
#include <stdatomic.h>

#include "transport/server.h"

enum { SQ_CONNECTION_CALLS = 64 };   /* at work at once */

struct sq_connection {
    sq_server *server;
    int fd;
    uid_t uid;
    _Atomic int references;     /* of reader, writer and calls */
    drey_token *token;          /* fired: the peer is gone */
    sq_sender sender;
    drey_sem slots;             /* for calls */
    drey_mutex lock;
    sq_call *calls;             /* under lock */
    /* The reader's. */
    sq_frames frames;
    uint32_t reserved;          /* permits of server->requests, for the frame that has begun */
    bool greeted;
    drey_time deadline;         /* of the frame that has begun, or of the hello; 0: none */
};

/* NULL: no memory; fd is not closed then. One reference. */
sq_connection *sq_connection_new(sq_server *server, int fd, uid_t uid);
void sq_connection_ref(sq_connection *connection);

/* With the last reference the descriptor is closed. Suspends: then. Cancel: uncut. */
DREY_ASYNC void sq_connection_unref(sq_connection *connection);

/* Waits for permits. 0, or negative: the peer is gone, or -ECANCELED. Suspends: while there are too few. */
DREY_ASYNC DREY_MUST_USE int sq_connection_acquire(sq_connection *connection, drey_sem *sem, uint32_t count);

/* What a payload takes of the memory for requests: a permit a KiB that has begun. */
uint32_t sq_connection_permits(size_t payload_bytes);

/* The steps of the dormant tasks. */
DREY_ASYNC int sq_connection_read(void *connection, int event);
DREY_ASYNC int sq_connection_write(void *connection, int event);

/* Starts a call of a frame's; waits for room. 0, or negative: go, the peer is gone or there is no memory.
 * Suspends: while there are too many calls or too much memory is used. */
DREY_ASYNC DREY_MUST_USE int sq_call_start(sq_connection *connection, const sq_frame *frame);

/* Cancels the call with the id, or with NULL those that stream. */
DREY_ASYNC void sq_call_cancel(sq_connection *connection, const uint64_t *id);
