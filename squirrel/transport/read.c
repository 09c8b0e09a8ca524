/* SPDX-License-Identifier: MIT */
/* The reader of a connection. It is dormant until bytes come, the server drains, or the time of a frame that has begun
 * is over. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "context/error_json.h"
#include "transport/connection.h"

enum { EVENT_BYTES, EVENT_DRAIN, EVENT_LATE, LEAVE_BYTES = 8192 };

static DREY_ASYNC int refuse(sq_connection *c, const sq_error *error)
{
    sq_text text = {0};
    sq_error_write(&text, error);
    int rc = text.failed ? -ENOMEM : sq_sender_add(&c->sender, SQ_FRAME_REFUSED, 0, text.data, text.bytes);
    sq_text_free(&text);
    return rc < 0 ? rc : -ESHUTDOWN;
}

static DREY_ASYNC int greet(sq_connection *c, const sq_frame *frame)
{
    sq_hello theirs, ours;
    sq_text text = {0};
    sq_error error;
    if (frame->type != SQ_FRAME_HELLO || !sq_hello_read(frame->payload, frame->bytes, &theirs))
        return -EPROTO;
    if (theirs.protocol < SQ_PROTOCOL_OLDEST) {
        sq_fail(&error, SQ_VERSION_SKEW,
                "the owner of the store is squirrel %s, which no longer speaks the protocol of version %s: update that",
                sq_version, theirs.version);
        return refuse(c, &error);
    }
    sq_hello_own(&ours, c->server->options.schema);
    ours.clients = atomic_load(&c->server->connected);
    sq_hello_write(&text, &ours);
    int rc = text.failed ? -ENOMEM : sq_sender_add(&c->sender, SQ_FRAME_WELCOME, 0, text.data, text.bytes);
    sq_text_free(&text);
    c->greeted = true;
    c->deadline = 0;
    c->frames.max = SQ_FRAME_PAYLOAD_MAX;
    return rc;
}

static const char *get_string(const sq_json *object, const char *key)
{
    sq_json *value = sq_json_typeof(object) == SQ_JSON_OBJECT ? sq_json_get(object, key) : NULL;
    return value && sq_json_typeof(value) == SQ_JSON_STRING ? sq_json_string(value, NULL) : NULL;
}

static DREY_ASYNC int leave_for(sq_connection *c, const sq_frame *frame)
{
    const sq_server_options *options = &c->server->options;
    sq_json *request;
    sq_json_error refused;
    if (frame->bytes > LEAVE_BYTES || sq_json_parse(frame->payload, frame->bytes, 1, &request, &refused) < 0)
        return -EPROTO;
    const char *version = get_string(request, "version");
    bool agreed = version && options->leave && options->leave(options->arg, get_string(request, "program"), version);
    sq_json_unref(request);
    const char *answer = agreed ? "{\"leaving\":true}" : "{\"leaving\":false}";
    return sq_sender_add(&c->sender, SQ_FRAME_ANSWER, frame->id, answer, strlen(answer));
}

static DREY_ASYNC int take_frame(sq_connection *c, const sq_frame *frame)
{
    if (!c->greeted)
        return greet(c, frame);
    switch (frame->type) {
    case SQ_FRAME_CALL:
        return sq_call_start(c, frame);
    case SQ_FRAME_CANCEL:
        sq_call_cancel(c, &frame->id);
        return 0;
    case SQ_FRAME_LEAVE:
        return leave_for(c, frame);
    default:
        return -EPROTO;
    }
}

static DREY_ASYNC void release_reserved(sq_connection *c)
{
    if (c->reserved > 0)
        drey_sem_release(&c->server->requests, c->reserved);
    c->reserved = 0;
}

/* What has begun may take `patience`, from when its memory was set aside. */
static DREY_ASYNC int expect_rest(sq_connection *c, bool progress)
{
    size_t left = sq_frames_rest(&c->frames);
    if (!c->greeted)
        return 0; /* until then the whole hello has one deadline */
    if (left == 0) {
        c->deadline = 0;
        return 0;
    }
    size_t announced = sq_frames_announced(&c->frames);
    if (announced > 0 && c->reserved == 0) {
        uint32_t permits = sq_connection_permits(announced);
        int rc = sq_connection_acquire(c, &c->server->requests, permits);
        if (rc < 0)
            return rc;
        c->reserved = permits;
        progress = true;
    }
    if (progress || c->deadline == 0)
        c->deadline = drey_now() + c->server->options.patience;
    return 0;
}

static DREY_ASYNC int serve(sq_connection *c)
{
    char *at;
    size_t room;
    int rc = sq_frames_room(&c->frames, &at, &room);
    if (rc < 0)
        return rc;
    ssize_t got = drey_read(c->fd, at, room);
    if (got <= 0)
        return got == 0 ? -EPIPE : (int)got;
    sq_frames_came(&c->frames, (size_t)got);
    sq_frame frame;
    bool progress = false;
    while ((rc = sq_frames_next(&c->frames, &frame)) > 0) {
        rc = take_frame(c, &frame);
        if (rc < 0)
            return rc;
        release_reserved(c); /* a call has taken it along; other frames keep none */
        progress = true;
    }
    return rc < 0 ? rc : expect_rest(c, progress);
}

/* No new calls; those that only end when cancelled are; the others are waited for. */
static DREY_ASYNC int drain(sq_connection *c)
{
    sq_call_cancel(c, NULL);
    int rc = sq_connection_acquire(c, &c->slots, SQ_CONNECTION_CALLS);
    if (rc == 0)
        drey_sem_release(&c->slots, SQ_CONNECTION_CALLS);
    return rc < 0 ? rc : -ESHUTDOWN;
}

/* -ESHUTDOWN: what waits is still sent. */
static DREY_ASYNC void end_reading(sq_connection *c, int rc)
{
    bool orderly = rc == -ESHUTDOWN;
    release_reserved(c);
    sq_frames_free(&c->frames);
    drey_token_cancel(c->token, orderly ? "the connection was closed" : "the client went away");
    sq_sender_end(&c->sender, !orderly);
    if (!orderly)
        drey_shutdown(c->fd, DREY_SHUT_BOTH);
    sq_connection_unref(c);
}

int sq_connection_read(void *connection, int event)
{
    sq_connection *c = connection;
    int rc = event == EVENT_BYTES ? serve(c) : event == EVENT_DRAIN ? drain(c) : -ETIMEDOUT;
    if (rc == 0) {
        drey_case cases[] = {drey_on_fd(c->fd, POLLIN), drey_on_token(c->server->drain),
                             c->deadline > 0 ? drey_on_at(c->deadline) : drey_on_never()};
        rc = drey_again_when(cases, sizeof cases / sizeof *cases);
        if (rc >= 0)
            return rc;
    }
    end_reading(c, rc);
    return 0;
}
