/* SPDX-License-Identifier: MIT */
#include "transport/pending.h"

#include <errno.h>

void sq_pending_add(sq_client *client, sq_pending *pending)
{
    pending->id = ++client->ids;
    pending->previous = client->last;
    pending->after = NULL;
    if (client->last)
        client->last->after = pending;
    else
        client->first = pending;
    client->last = pending;
    if (!client->next)
        client->next = pending;
}

void sq_pending_remove(sq_client *client, sq_pending *pending)
{
    if (client->next == pending)
        client->next = pending->after;
    if (pending->previous)
        pending->previous->after = pending->after;
    else
        client->first = pending->after;
    if (pending->after)
        pending->after->previous = pending->previous;
    else
        client->last = pending->previous;
}

sq_pending *sq_pending_find(sq_client *client, uint64_t id)
{
    /* Answers come in about the order of the calls. */
    for (sq_pending *p = client->first; p; p = p->after) {
        if (p->id == id)
            return p;
    }
    return NULL;
}

void sq_pending_finish(sq_pending *pending, int rc)
{
    if (pending->done)
        return;
    pending->rc = rc;
    pending->done = true;
    drey_gate_open(&pending->gate, 0);
}

void sq_pending_fail(sq_pending *pending, const sq_error *why)
{
    const char *key = pending->message->key;
    if (pending->done)
        return;
    if (key && pending->sends > 0)
        sq_fail(pending->error, SQ_UNKNOWN_OUTCOME,
                "whether it was written is not known: ask again with --key %.60s (%.120s)", key, why->message);
    else
        *pending->error = *why;
    sq_pending_finish(pending, -EINVAL);
}

void sq_pending_collect(sq_client *client, sq_text *out, size_t bytes)
{
    sq_text_add(out, client->control.data, client->control.bytes);
    sq_text_clear(&client->control);
    for (; client->next && out->bytes < bytes; client->next = client->next->after) {
        sq_pending *p = client->next;
        if (p->done || p->withdrawn) /* of a caller who was told that it was not sent, or has been sent before */
            continue;
        sq_frame_add(out, SQ_FRAME_CALL, p->id, p->message->payload, p->message->bytes);
        p->sends++;
    }
}

void sq_pending_lost(sq_client *client)
{
    sq_error error;
    sq_fail(&error, SQ_STORE_UNREACHABLE, "the owner of the store went away before it answered");
    client->next = client->first;
    sq_text_clear(&client->control);
    for (sq_pending *p = client->first; p; p = p->after) {
        if (p->sends >= SQ_PENDING_SENDS || (p->withdrawn && p->sends > 0))
            sq_pending_fail(p, &error);
    }
}
