/* SPDX-License-Identifier: MIT */
/* The owner of a store: the one process that opens it, serving clients over a Unix socket.
 *
 *     lock, detach, open the store, bind, tell where, serve
 *     idle long enough:   unlink the socket; take who is waiting; if anyone came, bind again and stay (S24)
 *     told to stop:       take no new calls; answer what is at work, for 10 s at most; cancel the rest
 *     then:               close the store; release the lock last, or hand it to a newer program (S25) */
#pragma once
#include "manager/manager.h"
#include "service/site.h"

typedef struct sq_owner_options {
    const sq_site *site;    /* not memory: */
    bool launched;          /* by a client: the lock and the ready pipe are at their numbers, if they are (owned.h) */
    int64_t idle_ms;        /* 0: stay until told to stop */
    sq_local_options local; /* of the store and the manager over it; {0}: as it is */
} sq_owner_options;

enum { SQ_OWNER_IDLE_MS = 60000 };   /* of an owner that was launched */

/* Runs it to its end; starts a runtime. The exit status. */
int sq_owner_run(const sq_owner_options *options);
