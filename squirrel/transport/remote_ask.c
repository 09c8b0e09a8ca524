/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "transport/remote_inside.h"

/* Reading and writing of requests recurse: they run on the deep stack. */
typedef struct coding {
    const sq_request *request;
    sq_text *text;
    sq_ask ask;
    const char *payload;
    size_t bytes;
    sq_answer *answer;
    sq_error *error;
} coding;

static int encode(void *arg)
{
    const coding *c = arg;
    sq_wire_write_request(c->text, c->request);
    return c->text->failed ? sq_fail_memory(c->error) : 0;
}

static int decode(void *arg)
{
    const coding *c = arg;
    return sq_wire_read_answer(c->payload, c->bytes, c->ask, c->answer, c->error);
}

int sq_remote_encode(const sq_request *request, sq_text *out, sq_error *error)
{
    coding c = {.request = request, .text = out, .error = error};
    return drey_call_deep(encode, &c);
}

int sq_remote_decode(sq_ask ask, const char *payload, size_t bytes, sq_answer *out, sq_error *error)
{
    coding c = {.ask = ask, .payload = payload, .bytes = bytes, .answer = out, .error = error};
    *out = (sq_answer){0};
    return drey_call_deep(decode, &c);
}

int sq_remote_ask(sq_remote *remote, const sq_request *request, const char *key, sq_answer *out, sq_error *error)
{
    sq_text sent = {0}, received = {0};
    *out = (sq_answer){0};
    int rc = sq_remote_encode(request, &sent, error);
    if (rc == 0)
        rc = sq_client_call(&remote->client, &(sq_message){sent.data, sent.bytes, key}, &received, error);
    sq_text_free(&sent);
    if (rc == 0)
        rc = sq_remote_decode(request->ask, received.data ? received.data : "", received.bytes, out, error);
    sq_text_free(&received);
    if (rc == 0 && out->rc < 0) {
        rc = out->rc;
        *error = out->error;
        if (error->code == SQ_INTERRUPTED) /* the owner's word for it */
            rc = -ECANCELED;
    }
    return rc;
}
