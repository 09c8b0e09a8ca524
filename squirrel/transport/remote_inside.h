/* SPDX-License-Identifier: MIT */
/* What the files of the remote manager share. */
#pragma once
#include "manager/wire.h"
#include "transport/remote.h"

typedef struct sq_remote {
    sq_manager manager;
    sq_client client;
} sq_remote;

/* Asks, and takes the answer apart. out->rc, with *error set if it is negative; -ECANCELED; else as sq_client_call.
 * Free *out if the result is 0, or if it is -EINVAL and out->rc is negative: then it may hold more. `key` as in
 * sq_message. */
DREY_ASYNC DREY_MUST_USE
int sq_remote_ask(sq_remote *remote, const sq_request *request, const char *key, sq_answer *out, sq_error *error);

/* The payload of a request; `out` is added to. Needs a task. 0 or -ENOMEM with *error set. */
DREY_MUST_USE int sq_remote_encode(const sq_request *request, sq_text *out, sq_error *error);
int sq_remote_decode(sq_ask ask, const char *payload, size_t bytes, sq_answer *out, sq_error *error);

DREY_ASYNC int sq_remote_watch_open(sq_manager *manager, const char *project, int64_t after, sq_watch **out,
                                    sq_error *error);
DREY_ASYNC int sq_remote_watch_next(sq_watch *watch, sq_event *out, sq_error *error);
DREY_ASYNC void sq_remote_watch_close(sq_watch *watch);
