/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "context/error_json.h"
#include "transport/client.h"

static DREY_ASYNC int send_frame(int fd, sq_frame_type type, uint64_t id, const char *payload, size_t bytes)
{
    sq_text frame = {0};
    sq_frame_add(&frame, type, id, payload, bytes);
    int rc = frame.failed ? -ENOMEM : drey_write_all(fd, frame.data, frame.bytes, NULL);
    sq_text_free(&frame);
    return rc == -EPIPE ? -ECONNRESET : rc;
}

/* 1: a frame. -ECONNRESET: the end. */
static DREY_ASYNC int receive(int fd, sq_frames *frames, sq_frame *out)
{
    int rc;
    while ((rc = sq_frames_next(frames, out)) == 0) {
        char *at;
        size_t room;
        sq_frames_rest(frames);
        rc = sq_frames_room(frames, &at, &room);
        if (rc < 0)
            return rc;
        ssize_t got = drey_read(fd, at, room);
        if (got <= 0)
            return got == 0 ? -ECONNRESET : (int)got;
        sq_frames_came(frames, (size_t)got);
    }
    return rc;
}

static int read_refusal(const sq_frame *frame, sq_error *error)
{
    sq_json *object = NULL;
    sq_json_error refused;
    if (sq_json_parse(frame->payload, frame->bytes, 4, &object, &refused) < 0 || !sq_error_read(object, error))
        sq_fail(error, SQ_VERSION_SKEW, "the owner of the store refuses this client in a way that it does not know");
    sq_json_unref(object);
    return -EINVAL;
}

int sq_client_greet(int fd, const sq_hello *own, sq_hello *out, sq_error *error)
{
    sq_text text = {0};
    sq_frames frames = {.max = SQ_FRAME_HELLO_MAX};
    sq_frame frame;
    sq_hello_write(&text, own);
    int rc = text.failed ? sq_fail_memory(error) : send_frame(fd, SQ_FRAME_HELLO, 0, text.data, text.bytes);
    /* What was turned away is told why, even if it could not write any more. */
    if (rc == 0 || rc == -ECONNRESET)
        rc = receive(fd, &frames, &frame);
    if (rc > 0 && frame.type == SQ_FRAME_REFUSED)
        rc = read_refusal(&frame, error);
    else if (rc > 0)
        rc = frame.type == SQ_FRAME_WELCOME && sq_hello_read(frame.payload, frame.bytes, out)
                 ? 0
                 : sq_fail(error, SQ_VERSION_SKEW, "what answers at the socket of the store is no squirrel");
    sq_text_free(&text);
    sq_frames_free(&frames);
    return rc == -ENOMEM ? sq_fail_memory(error) : rc;
}

int sq_client_leave(int fd, const char *program)
{
    static const char agreed[] = "{\"leaving\":true}";
    sq_text text = {0};
    sq_frames frames = {.max = SQ_FRAME_HELLO_MAX};
    sq_frame frame;
    sq_text_string(&text, "{\"version\":");
    sq_text_quote(&text, sq_version, strlen(sq_version));
    if (program) {
        sq_text_string(&text, ",\"program\":");
        sq_text_quote(&text, program, strlen(program));
    }
    sq_text_char(&text, '}');
    int rc = text.failed ? -ENOMEM : send_frame(fd, SQ_FRAME_LEAVE, 0, text.data, text.bytes);
    if (rc == 0)
        rc = receive(fd, &frames, &frame);
    if (rc > 0)
        rc = frame.type == SQ_FRAME_ANSWER && frame.bytes == sizeof agreed - 1 &&
             memcmp(frame.payload, agreed, frame.bytes) == 0;
    sq_text_free(&text);
    sq_frames_free(&frames);
    return rc;
}

int sq_stream_open(sq_stream *stream, sq_connector connector, const char *payload, size_t bytes, sq_error *error)
{
    int fd, rc;
    do {
        rc = connector.connect(connector.arg, &fd, error);
        if (rc < 0)
            return rc;
        rc = send_frame(fd, SQ_FRAME_CALL, 1, payload, bytes);
        if (rc < 0)
            drey_close(fd);
    } while (rc == -ECONNRESET);
    if (rc < 0)
        return rc == -ECANCELED ? rc
               : rc == -ENOMEM  ? sq_fail_memory(error)
                                : sq_fail(error, SQ_STORE_UNREACHABLE, "the request cannot be sent: %s", strerror(-rc));
    *stream = (sq_stream){.fd = fd, .frames = {.max = SQ_FRAME_PAYLOAD_MAX}};
    return 0;
}

int sq_stream_next(sq_stream *stream, sq_frame *out)
{
    int rc = receive(stream->fd, &stream->frames, out);
    if (rc <= 0)
        return rc;
    return out->type == SQ_FRAME_ITEM ? 1 : out->type == SQ_FRAME_ANSWER ? 0 : -EPROTO;
}

void sq_stream_close(sq_stream *stream)
{
    drey_close(stream->fd);
    sq_frames_free(&stream->frames);
}
