/* SPDX-License-Identifier: MIT */
/* Who is told of changes. Each watcher has a queue that the store's listener fills. If it is full, the watcher is
 * behind: nothing is queued until it has read the rest from the store's log.
 *
 * H1  A watcher has seen everything up to `last`, and nothing above it.
 * H2  Unless it is behind, every change above `last` is in its queue, will be put there by a listener call that is to
 *     come, or was committed before it ceased to be behind, and then is in the log.
 * H3  So it takes from the queue what continues `last`, drops what is not above it, and reads the log where there is a
 *     gap. Where the log has one too, it says `lagged`. */
#pragma once
#include "manager/manager.h"

typedef struct sq_watchers {
    drey_mutex lock;                 /* all below, and the queues */
    struct sq_watcher *first;
    uint32_t max_events;
    sq_store *store;
    sq_manager *manager;
} sq_watchers;

DREY_ASYNC int sq_watchers_open(sq_watchers *watchers, const char *project, int64_t after, sq_watch **out,
                                sq_error *error);
DREY_ASYNC int sq_watchers_next(sq_watch *watch, sq_event *out, sq_error *error);
DREY_ASYNC void sq_watchers_close(sq_watch *watch);

/* What was committed just now, in order. */
DREY_ASYNC void sq_watchers_publish(sq_watchers *watchers, const sq_revision *const *revisions, size_t count);
