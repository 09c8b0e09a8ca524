/* SPDX-License-Identifier: MIT */
/*
 * c-ares on drey's waits: one question, asked of one name server at a time.
 *
 * A channel belongs to one question, and lives in the frame of the task that asks it. So nothing is shared between
 * threads, and a cancelled task leaves nothing behind: ending the channel forgets the query and closes its sockets.
 * c-ares makes messages, checks answers, goes over to TCP for truncated ones, and searches domains. What it would do by
 * its own clock is not left to it: how long a server has, and who is asked next, is for lookup.c to say, by a scope's
 * timeout, so that it follows drey's clock and deadlines.
 *
 * Rejected: a channel a worker (it cannot cancel one query among others, and the task that drives it would belong to no
 * scope); c-ares' own timeouts (they run by the system's clock, and a server that fails is told from a silent one no
 * longer than until the next is asked); getaddrinfo on the blocking pool (as many names as it has threads, whose
 * servers are silent, and all else waits).
 */
#pragma once

#include <ares.h>
#include <stdbool.h>

#include <drey/resolve.h>

struct drey__query {
    ares_channel channel;
    struct ares_addrinfo *found; /* owned, once done; NULL: nothing was found */
    int status;                  /* ARES_..., once done */
    bool done;
    int lack;        /* why a socket or a file could not be opened, if that is a limit of the system's; else 0 */
    unsigned sorted; /* sockets made for sorting */
};

/* `lookups` as in ares_init_options: "f" for files, "b" for name servers. Those are .servers of the options, or
 * resolv.conf's. 0, or a negative errno and nothing has to be closed. The query stays where it is until closed. */
int drey__query_open(struct drey__query *q, const char *lookups, const drey_resolve_options *options);
void drey__query_close(struct drey__query *q);

/* Begin. Files are read at once; else wait. port: decimal, or NULL. */
void drey__query_start(struct drey__query *q, const char *host, const char *port, int family);
/* Wait until it is done: 0, or -ECANCELED; it is then still under way. */
DREY_ASYNC int drey__query_wait(struct drey__query *q);
/* End it, if it is under way. */
void drey__query_stop(struct drey__query *q);

/* What a question that is done came to: 0, or a negative errno of drey/resolve.h. */
int drey__query_result(const struct drey__query *q);
