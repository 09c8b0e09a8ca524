/* SPDX-License-Identifier: MIT */
/* A command's way to a store: through its owner, or, with --no-daemon and for memory:, in this very process (S2). */
#pragma once
#include "manager/manager.h"
#include "service/discover.h"

typedef struct sq_session {
    sq_site site;
    sq_discovery discovery;
    sq_manager *manager;    /* while open */
    int lock;               /* held in-process; -1: not */
} sq_session;

typedef struct sq_session_options {
    const char *url;        /* as sq_site_find takes it */
    bool no_daemon;         /* take the lock ourselves */
    bool no_start;          /* use the owner that is there */
    int64_t idle_ms;        /* of an owner that is started; 0: its default */
} sq_session_options;

/* Finds the place, and takes the lock if it is to be ours. Before the runtime. 0, or -EINVAL or -ENOMEM with *error
 * set: then nothing has to be ended. The session must stay where it is. */
int sq_session_find(sq_session *session, const sq_session_options *options, sq_error *error);
void sq_session_end(sq_session *session);   /* after the runtime */

/* Opens session->manager, with daemons in `scope`; close it before that. 0, or as the manager's functions. */
DREY_ASYNC DREY_MUST_USE int sq_session_open(sq_session *session, drey_scope *scope, sq_error *error);
DREY_ASYNC void sq_session_close(sq_session *session);
