/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

int sq_call_item(sq_call *call, const char *payload, size_t bytes)
{
    return sq_sender_add(&call->connection->sender, SQ_FRAME_ITEM, call->id, payload, bytes);
}

static DREY_ASYNC void link_call(sq_call *call)
{
    sq_connection *c = call->connection;
    DREY_LOCKED(&c->lock);
    call->next = c->calls;
    if (c->calls)
        c->calls->previous = call;
    c->calls = call;
}

static DREY_ASYNC void unlink_call(sq_call *call)
{
    sq_connection *c = call->connection;
    DREY_LOCKED(&c->lock);
    if (call->previous)
        call->previous->next = call->next;
    else
        c->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
}

int sq_call_stream(sq_call *call)
{
    sq_connection *c = call->connection;
    if (drey_sem_try_acquire(&c->server->streams, 1) < 0)
        return -EAGAIN;
    drey_sem_release(&c->server->calls, 1);
    DREY_LOCKED(&c->lock);
    call->streams = true;
    if (drey_token_cancelled(c->server->drain)) /* the reader may have looked for streams already */
        drey_token_cancel(call->token, "the owner is going down");
    return 0;
}

void sq_call_cancel(sq_connection *connection, const uint64_t *id)
{
    DREY_LOCKED(&connection->lock);
    for (sq_call *call = connection->calls; call; call = call->next) {
        if (id ? call->id == *id : call->streams)
            drey_token_cancel(call->token, id ? "the client cancelled the call" : "the owner is going down");
    }
}

/* Gives back what sq_call_start took. */
static DREY_ASYNC void end_call(sq_call *call)
{
    sq_connection *c = call->connection;
    drey_sem_release(&c->server->requests, call->permits);
    drey_sem_release(&c->slots, 1);
    drey_token_unref(call->token);
    free(call);
    sq_connection_unref(c);
}

static DREY_ASYNC int handle(sq_call *call, sq_text *answer)
{
    const sq_server_options *options = &call->connection->server->options;
    DREY_SCOPE(scope, .token = call->token, .name = "call");
    int rc = options->handle(options->arg, call, answer);
    if (rc == 0 && answer->failed)
        rc = -ENOMEM;
    if (rc == 0 && answer->bytes > SQ_FRAME_PAYLOAD_MAX)
        rc = -EMSGSIZE;
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int run_call(void *arg)
{
    sq_call *call = arg;
    sq_server *server = call->connection->server;
    sq_text answer = {0};
    int rc = handle(call, &answer);
    if (rc < 0) {
        sq_text_free(&answer);
        server->options.fail(server->options.arg, rc, &answer);
    }
    unlink_call(call);
    drey_sem_release(call->streams ? &server->streams : &server->calls, 1);
    if (!answer.failed)
        rc = sq_sender_add(&call->connection->sender, SQ_FRAME_ANSWER, call->id, answer.data, answer.bytes);
    else
        rc = -ENOMEM;
    if (rc < 0) /* who waits for an answer that does not come must not wait for ever */
        drey_shutdown(call->connection->fd, DREY_SHUT_BOTH);
    sq_text_free(&answer);
    end_call(call);
    return 0;
}

static sq_call *new_call(sq_connection *connection, const sq_frame *frame)
{
    sq_call *call = malloc(sizeof *call + frame->bytes + 1);
    if (!call)
        return NULL;
    char *request = (char *)(call + 1);
    memcpy(request, frame->payload, frame->bytes);
    request[frame->bytes] = '\0';
    *call = (sq_call){
        .request = request, .bytes = frame->bytes, .uid = connection->uid, .connection = connection, .id = frame->id};
    if (drey_token_new(connection->token, &call->token) == 0)
        return call;
    free(call);
    return NULL;
}

/* Memory first, a place among the calls last: whoever has that is at work, and needs nothing that others wait with. */
static DREY_ASYNC int reserve(sq_connection *c, uint32_t permits)
{
    int rc = c->reserved > 0 ? 0 : sq_connection_acquire(c, &c->server->requests, permits);
    if (rc < 0)
        return rc;
    c->reserved = permits; /* the reader gives it back if the rest fails */
    rc = sq_connection_acquire(c, &c->slots, 1);
    if (rc < 0)
        return rc;
    rc = sq_connection_acquire(c, &c->server->calls, 1);
    if (rc < 0)
        drey_sem_release(&c->slots, 1);
    else
        c->reserved = 0; /* the call's from here on */
    return rc;
}

int sq_call_start(sq_connection *connection, const sq_frame *frame)
{
    uint32_t permits = sq_connection_permits(frame->bytes);
    int rc = reserve(connection, permits);
    if (rc < 0)
        return rc;
    sq_call *call = new_call(connection, frame);
    rc = -ENOMEM;
    if (call) {
        call->permits = permits;
        sq_connection_ref(connection);
        link_call(call);
        rc = drey_go(connection->server->scope, run_call, call);
        if (rc == 0)
            return 0;
        unlink_call(call);
        drey_sem_release(&connection->server->calls, 1);
        end_call(call);
        return rc;
    }
    drey_sem_release(&connection->server->requests, permits);
    drey_sem_release(&connection->server->calls, 1);
    drey_sem_release(&connection->slots, 1);
    return rc;
}
