/* SPDX-License-Identifier: MIT */
/* A watch over a connection of its own. What was seen last is known here, so when the connection is lost the next one
 * goes on behind it: the first event after n is n + 1, or says that it lagged. */
#include <errno.h>
#include <stdlib.h>

#include "transport/remote_inside.h"

enum { PAUSE_MS = 10 };

typedef struct remote_watch {
    sq_watch watch;
    char project[SQ_ID_BYTES + 1];
    int64_t after;
    sq_stream stream;
    bool open;
} remote_watch;

/* "From now on" is a place in the log, before the first connection can be lost. */
static DREY_ASYNC int find_now(sq_manager *manager, const char *project, int64_t *out, sq_error *error)
{
    sq_page page;
    sq_list list = {.project = project, .limit = 1, .without_data = true, .principal = ""};
    int rc = manager->ops->list(manager, &list, &page, error);
    if (rc < 0)
        return rc;
    *out = page.upper;
    sq_page_free(&page);
    return 0;
}

int sq_remote_watch_open(sq_manager *manager, const char *project, int64_t after, sq_watch **out, sq_error *error)
{
    int rc = after == SQ_WATCH_NOW ? find_now(manager, project, &after, error) : 0;
    if (rc < 0)
        return rc;
    remote_watch *w = calloc(1, sizeof *w);
    if (!w)
        return sq_fail_memory(error);
    w->watch.manager = manager;
    w->after = after;
    for (size_t i = 0; i < SQ_ID_BYTES && project[i]; i++)
        w->project[i] = project[i];
    *out = &w->watch;
    return 0;
}

static DREY_ASYNC int connect_stream(remote_watch *w, sq_error *error)
{
    const sq_remote *remote = (const sq_remote *)w->watch.manager;
    sq_request request = {.ask = SQ_ASK_WATCH, .watch = {w->project, w->after}};
    sq_text payload = {0};
    int rc = sq_remote_encode(&request, &payload, error);
    if (rc == 0)
        rc = sq_stream_open(&w->stream, remote->client.connector, payload.data, payload.bytes, error);
    sq_text_free(&payload);
    w->open = rc == 0;
    return rc;
}

typedef struct reading {
    const sq_frame *frame;
    sq_event *event;
    sq_error *error;
} reading;

static int read_event(void *arg)
{
    const reading *r = arg;
    return sq_wire_read_event(r->frame->payload, r->frame->bytes, r->event, r->error);
}

/* The answer ends a stream: -ECONNRESET if only because its owner went away. */
static int read_end(const sq_frame *frame, sq_error *error)
{
    sq_answer answer;
    int rc = sq_remote_decode(SQ_ASK_WATCH, frame->payload, frame->bytes, &answer, error);
    if (rc < 0)
        return rc;
    *error = answer.error;
    return answer.rc == 0 || answer.error.code == SQ_INTERRUPTED ? -ECONNRESET : answer.rc;
}

static DREY_ASYNC int next_of_stream(remote_watch *w, sq_event *out, sq_error *error)
{
    sq_frame frame;
    int rc = sq_stream_next(&w->stream, &frame);
    if (rc == 0)
        return read_end(&frame, error);
    if (rc < 0)
        return rc == -ECANCELED || rc == -ENOMEM ? rc : -ECONNRESET;
    reading r = {&frame, out, error};
    rc = drey_call_deep(read_event, &r);
    if (rc == 0 && out->revision && w->after >= 0 && out->seq != w->after + 1) {
        sq_revision_unref(out->revision);
        return sq_fail(error, SQ_INTERNAL, "the owner of the store left out changes: after %lld came %lld",
                       (long long)w->after, (long long)out->seq);
    }
    return rc;
}

int sq_remote_watch_next(sq_watch *watch, sq_event *out, sq_error *error)
{
    remote_watch *w = (remote_watch *)watch;
    int rc;
    do {
        rc = w->open ? 0 : connect_stream(w, error);
        if (rc < 0)
            return rc;
        rc = next_of_stream(w, out, error);
        if (rc == -ECONNRESET) {
            sq_stream_close(&w->stream);
            w->open = false;
            if (drey_sleep(DREY_MS(PAUSE_MS)) < 0)
                return -ECANCELED;
        }
    } while (rc == -ECONNRESET);
    if (rc == 0)
        w->after = out->seq;
    return rc == -ENOMEM ? sq_fail_memory(error) : rc;
}

void sq_remote_watch_close(sq_watch *watch)
{
    remote_watch *w = (remote_watch *)watch;
    if (w->open)
        sq_stream_close(&w->stream);
    free(w);
}
