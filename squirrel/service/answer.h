/* SPDX-License-Identifier: MIT */
/* What an owner does with the calls of its clients: it reads the request, asks the manager, writes the answer. */
#pragma once
#include "manager/manager.h"
#include "transport/server.h"

typedef struct sq_answering {
    sq_manager *manager;
    drey_token *failed;     /* fired when the store can no longer be trusted (S4) */
} sq_answering;

/* An sq_handle, and its `fail`; arg is an sq_answering. */
DREY_ASYNC int sq_answer_call(void *arg, sq_call *call, sq_text *answer);
void sq_answer_failure(void *arg, int rc, sq_text *answer);
