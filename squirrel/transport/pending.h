/* SPDX-License-Identifier: MIT */
/* The calls of a client that wait for their answers; all but init under the client's lock. */
#pragma once
#include "transport/client.h"

/* In the frame of the caller, who takes it out of the list before that ends. */
struct sq_pending {
    const sq_message *message;
    sq_text *answer;
    sq_error *error;
    uint64_t id;
    unsigned sends;         /* how often it was sent */
    bool done;              /* rc holds, and the answer or the error is there */
    bool withdrawn;         /* its caller was cancelled */
    int rc;
    drey_gate gate;         /* opened when done */
    sq_pending *previous, *after;
};

enum { SQ_PENDING_SENDS = 30 };   /* then what it does to owners is taken for its own fault */

void sq_pending_add(sq_client *client, sq_pending *pending);
void sq_pending_remove(sq_client *client, sq_pending *pending);
sq_pending *sq_pending_find(sq_client *client, uint64_t id);
void sq_pending_finish(sq_pending *pending, int rc);

/* Ends it for a reason, or as unknown_outcome if it is a change that was sent. */
void sq_pending_fail(sq_pending *pending, const sq_error *why);

/* Adds frames of what was not sent, about `bytes` of them at most. */
void sq_pending_collect(sq_client *client, sq_text *out, size_t bytes);

/* Nothing counts as sent any more; what was sent too often fails, and what was withdrawn is not sent again. */
void sq_pending_lost(sq_client *client);
