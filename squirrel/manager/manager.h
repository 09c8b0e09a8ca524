/* SPDX-License-Identifier: MIT */
/* The ContextManager of the pattern: what clients, protocols and the command line see. Two implementations: `local`,
 * over a store in this process, with a cache and watchers; `remote` (transport/), over the socket of the store's owner.
 *
 * Results as in store/store.h: 0; -EINVAL or -ENOMEM with *error set; -ECANCELED: nothing has happened. Over a remote
 * manager a write may also end as unknown_outcome (S4). Revisions handed out are references of the caller's. All
 * functions are for tasks, and any number of tasks at once. */
#pragma once
#include "context/measure.h"
#include "store/store.h"

typedef struct sq_manager sq_manager;
typedef struct sq_watch sq_watch;

/* A context with all that it inherits (S15), and what it measures. */
typedef struct sq_resolved {
    const sq_revision *revision;     /* a reference: the head */
    sq_text data;                    /* compact */
    sq_measure measure;              /* of data */
} sq_resolved;

void sq_resolved_free(sq_resolved *resolved);

/* One of many: its result or its error. */
typedef struct sq_processed {
    int rc;                          /* 0, -EINVAL or -ENOMEM, or -ECANCELED: not looked at */
    sq_resolved resolved;            /* with rc 0 */
    sq_error error;                  /* else */
} sq_processed;

typedef struct sq_event {
    const sq_revision *revision;     /* a reference; NULL: lagged */
    int64_t seq;                     /* the revision's; lagged: read anew, the watch goes on after this one */
} sq_event;

typedef struct sq_manager_ops {
    /* One write each, with the verbs that the name says: create; replace, patch, append; delete; undo; purge. Outputs
     * as sq_store_ops.write. */
    DREY_ASYNC int (*create)(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);
    DREY_ASYNC int (*update)(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);
    DREY_ASYNC int (*remove)(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);
    DREY_ASYNC int (*undo)(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);
    DREY_ASYNC int (*purge)(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);

    /* Up to SQ_BATCH_MAX writes of any verbs, all or none. Over the socket the revisions come without data if all of it
     * would have over SQ_PROCESS_BYTES. */
    DREY_ASYNC int (*batch)(sq_manager *manager, const sq_write *writes, size_t count, sq_written *out,
                            sq_error *error);

    /* As in sq_store_ops; get of a head is answered from the cache if that has it. */
    DREY_ASYNC int (*get)(sq_manager *manager, const char *project, const char *id, int64_t rev,
                          const sq_revision **out, sq_error *error);
    DREY_ASYNC int (*list)(sq_manager *manager, const sq_list *list, sq_page *out, sq_error *error);
    DREY_ASYNC int (*history)(sq_manager *manager, const sq_history *history, sq_page *out, sq_error *error);
    DREY_ASYNC int (*projects)(sq_manager *manager, const char *after, sq_project *out, size_t *count,
                               sq_error *error);

    DREY_ASYNC int (*resolve)(sq_manager *manager, const char *project, const char *id, sq_resolved *out,
                              sq_error *error);

    /* Resolves, validates (`schema`: JSON text of context/schema.h's subset, or NULL) and measures up to SQ_PAGE_MAX
     * contexts, in their order; each has its own result, too_large for what goes beyond SQ_PROCESS_BYTES of data in all
     * of them. -EINVAL only for the request itself, such as its schema. */
    DREY_ASYNC int (*process)(sq_manager *manager, const char *project, const char *const *ids, size_t count,
                              const char *schema, sq_processed *out, sq_error *error);

    /* What is written to a project from now on (after SQ_WATCH_NOW) or after a seq. Events come with seq strictly
     * increasing and without gaps; a watcher that is too slow, or asks for what the log no longer has, gets one event
     * `lagged`. Close it in the end, from the same task. */
    DREY_ASYNC int (*watch_open)(sq_manager *manager, const char *project, int64_t after, sq_watch **out,
                                 sq_error *error);
    DREY_ASYNC int (*watch_next)(sq_watch *watch, sq_event *out, sq_error *error);
    DREY_ASYNC void (*watch_close)(sq_watch *watch);

    DREY_ASYNC int (*backup)(sq_manager *manager, const char *path, sq_error *error);
    DREY_ASYNC int (*verify)(sq_manager *manager, sq_verified *out, sq_error *error);
    DREY_ASYNC int (*scrub)(sq_manager *manager, sq_error *error);
    DREY_ASYNC int (*status)(sq_manager *manager, sq_status *out, sq_error *error);

    /* Uncut. No other call may be running, no watch open. */
    DREY_ASYNC void (*close)(sq_manager *manager);
} sq_manager_ops;

enum { SQ_WATCH_NOW = -1, SQ_PROCESS_BYTES = 8 << 20 };

struct sq_manager {
    const sq_manager_ops *ops;
};

/* A watch of any implementation starts with this. */
struct sq_watch {
    sq_manager *manager;
};

typedef struct sq_local_options {
    sq_store_options store;          /* `committed` and `arg` are the manager's */
    size_t cache_bytes;              /* 32 MiB */
    uint32_t watch_events;           /* that a watcher may be behind before it is sent to the log: 1,024 */
    drey_duration reap_every;        /* one minute */
} sq_local_options;

/* A manager over a store that is open already and that it owns from now on, even if it fails: it becomes the store's
 * listener and closes it in the end. `options->store` says nothing here. */
DREY_ASYNC int sq_local_over(drey_scope *scope, sq_store *store, const sq_local_options *options, sq_manager **out,
                             sq_error *error);

/* A manager over a store that this process opens and owns; its tasks are daemons of `scope`, as the store's are. */
DREY_ASYNC int sq_local_open(drey_scope *scope, const char *url, const sq_local_options *options, sq_manager **out,
                             sq_error *error);
