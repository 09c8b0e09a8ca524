/* SPDX-License-Identifier: MIT */
/* The store: an interface with several implementations behind it, chosen by the scheme of a URL. It keeps revisions and
 * answers questions about them; caches, watchers and protocols are the manager's.
 *
 * Results: 0, or -EINVAL with *error set (its code says which), -ENOMEM with *error set, -ECANCELED: the scope was
 * cancelled and nothing has happened. On failure outputs are untouched unless said otherwise. Revisions that are handed
 * out are references of the caller's. Every function marked DREY_ASYNC may suspend and is for tasks, of any worker.
 *
 * Durability: a write that returned 0 is on disk. Reads see every write that has returned, and nothing that could still
 * be lost (S1). docs/design/store.md says who decides what. */
#pragma once
#include <drey.h>

#include "store/pins.h"
#include "store/write.h"

typedef struct sq_store sq_store;

/* Called by the task that commits, after each commit and before its writers are answered: what was written, in the
 * order of seq within a project. It must not wait for anything but a lock's short section. */
typedef DREY_ASYNC void sq_committed(void *arg, const sq_revision *const *revisions, size_t count);

typedef struct sq_store_options {
    sq_limits limits;
    sq_committed *committed;         /* NULL: nobody listens */
    void *arg;
    uint32_t queue_writes;           /* that wait for the writer: 4,096 */
    size_t queue_bytes;              /* and their bytes: 64 MiB */
    uint32_t group_writes;           /* committed together: 256 */
    size_t group_bytes;              /* 4 MiB */
    bool refuse_when_full;           /* `busy` instead of waiting for room in the queue */
    bool must_exist;                 /* do not create it */
} sq_store_options;

typedef struct sq_project {
    char name[SQ_ID_BYTES + 1];
    int64_t num;                     /* the store's own handle; 0: not stored yet */
    int64_t seq;                     /* of the newest revision */
    int64_t pruned_seq;              /* the log has no holes above */
    int64_t live;                    /* contexts, expired ones that were not reaped included */
    int64_t bytes;                   /* of all revisions, as sq_revision_charge counts */
    int64_t max_live, max_bytes;     /* 0: the limits' */
    sq_time created_at;
} sq_project;

typedef enum sq_order {
    SQ_NEWEST,                       /* by seq, downwards */
    SQ_RELEVANCE,                    /* with a query: the newest 1,000 matches, best first (S8) */
    SQ_BY_ID,                        /* by id as bytes, upwards: for export */
} sq_order;

/* A list without, a search with a query. */
typedef struct sq_list {
    const char *project;
    const char *query;               /* of tokens.h; NULL or empty: everything */
    const char *parent_id;           /* NULL: any */
    const char *name_prefix;         /* NULL: any */
    sq_time updated_since;           /* 0: any; else at >= it */
    sq_order order;
    uint32_t limit;                  /* items of a page, at most SQ_PAGE_MAX; 0: 20 */
    size_t max_bytes;                /* of data in a page, but one item there always is; 0: 1 MiB. No page has over
                                        SQ_PAGE_BYTES of all texts together */
    bool without_data;               /* data may be left out */
    const char *cursor;              /* of the page before; NULL or empty: the first page */
    const char *principal;           /* whom cursors are bound to */
} sq_list;

enum { SQ_PAGE_MAX = 1000, SQ_PAGE_BYTES = 4 << 20, SQ_CURSOR_BYTES = 256 };

/* Items are as of `upper`, the project's seq when the first page was made (S18). Each context that is there throughout
 * appears exactly once, by its newest revision with a seq of at most `upper` (pins.h keeps those in the history); one
 * that is gone now does not appear. */
typedef struct sq_page {
    const sq_revision **items;       /* free with sq_page_free */
    size_t count;
    int64_t upper;
    bool partial;                    /* relevance: there were more matches than are ranked */
    char cursor[SQ_CURSOR_BYTES];    /* for the next page; empty: this is the last one */
} sq_page;

void sq_page_free(sq_page *page);

typedef struct sq_history {
    const char *project, *id;
    uint32_t limit;                  /* as in sq_list */
    size_t max_bytes;
    const char *cursor, *principal;
} sq_history;

/* The log after a seq, in its order. */
typedef struct sq_changes {
    const sq_revision **items;       /* seq after+1, after+2, ... */
    size_t count;
    int64_t seq;                     /* the project's newest */
    bool lagged;                     /* after+1 is no longer there: items is empty, read anew and go on at `seq` */
} sq_changes;

void sq_changes_free(sq_changes *changes);

typedef struct sq_status {
    char store[32];                  /* "sqlite" */
    char path[256];                  /* empty: memory */
    char condition[16];              /* "ok", "degraded" or "failed" */
    char last_error[SQ_JSON_MESSAGE_BYTES];   /* empty: none */
    int64_t projects, live, bytes;
    int64_t writes, groups;          /* committed since it was opened */
    int64_t queued;                  /* writes that wait */
    int64_t index_lag;               /* revisions that search still scans; 0: no index */
    int64_t scrubs;                  /* purges whose bytes are not yet gone from the files (S31) */
    int64_t conflicts;               /* files kept as .conflict (dir:) */
} sq_status;

typedef struct sq_verified {
    int64_t projects, contexts, revisions;   /* looked at */
    int64_t problems;
    sq_text report;                  /* a line of text a problem; free with sq_text_free */
} sq_verified;

/* The interface. A function that a store has no use for is NULL only where that is said. */
typedef struct sq_store_ops {
    const char *scheme;

    /* 1..SQ_BATCH_MAX writes, all or none, of one project or several; the later see the earlier. On 0 each of `out` has
     * a revision. On failure one of them has .failed and perhaps .current, which the caller drops. With -ECANCELED
     * nothing was and nothing will be written: writes that a group already holds are waited for (S20). */
    DREY_ASYNC int (*write)(sq_store *store, const sq_write *writes, size_t count, sq_written *out, sq_error *error);

    /* rev 0: the head, which fails as not_found, or as gone if it is deleted, purged or expired. Another: that
     * revision, whatever it is; not_found if the history does not have it. */
    DREY_ASYNC int (*get)(sq_store *store, const char *project, const char *id, int64_t rev, const sq_revision **out,
                          sq_error *error);

    /* The head and its ancestors, nearest first, in one consistent view: at most SQ_ANCESTORS_MAX + 1 into `out`.
     * broken_parent if one is gone, with the count untouched. */
    DREY_ASYNC int (*lineage)(sq_store *store, const char *project, const char *id, const sq_revision **out,
                              size_t *out_count, sq_error *error);

    /* A project that does not exist has no contexts: an empty page. */
    DREY_ASYNC int (*list)(sq_store *store, const sq_list *list, sq_page *out, sq_error *error);

    /* Newest first; the cursor is bound to the context, not to an upper seq. not_found for an id that never was. */
    DREY_ASYNC int (*history)(sq_store *store, const sq_history *history, sq_page *out, sq_error *error);

    DREY_ASYNC int (*changes)(sq_store *store, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                              sq_changes *out, sq_error *error);

    /* Those whose name is greater than `after` ("": from the start), by name: at most *count, which becomes how
     * many. */
    DREY_ASYNC int (*projects)(sq_store *store, const char *after, sq_project *out, size_t *count, sq_error *error);

    DREY_ASYNC int (*status)(sq_store *store, sq_status *out, sq_error *error);

    /* Turns contexts that have expired into tombstones and forgets old operation keys; a few at a time. */
    DREY_ASYNC int (*reap)(sq_store *store, size_t *out_count, sq_error *error);

    /* A consistent copy that can be opened or restored; `path` must not exist. */
    DREY_ASYNC int (*backup)(sq_store *store, const char *path, sq_error *error);

    /* Everything that can be checked without changing anything. 0 also with problems found. */
    DREY_ASYNC int (*verify)(sq_store *store, sq_verified *out, sq_error *error);

    /* Makes purges physical now (S31); returns when status.scrubs was 0. */
    DREY_ASYNC int (*scrub)(sq_store *store, sq_error *error);

    /* Ends the writer after what is queued, closes files, frees. Uncut. No other call may be running. */
    DREY_ASYNC void (*close)(sq_store *store);
} sq_store_ops;

/* What every store starts with. */
struct sq_store {
    const sq_store_ops *ops;
    sq_pins pins;
    sq_store_options options;        /* with defaults filled in */
    uint8_t secret[SQ_DIGEST_BYTES]; /* of the store, kept by it for life: keys are derived from it (S18, S35) */
};

/* Opens a store, creating it if need be. Its tasks (the writer, an indexer) are daemons of `scope`, which the caller
 * has opened, and which must outlive it; close the store before the scope. */
DREY_ASYNC int sq_store_open(drey_scope *scope, const char *url, const sq_store_options *options, sq_store **out,
                             sq_error *error);

/* Puts a backup in the place of a store that nobody has open; what was there is kept beside it. */
DREY_ASYNC int sq_store_restore(const char *url, const char *backup, sq_error *error);

/* A scheme: one row of the table in store.c. `path` is what follows the colon. */
typedef struct sq_scheme {
    const char *name;                /* "memory" */
    DREY_ASYNC int (*open)(drey_scope *scope, const char *path, const sq_store_options *options, sq_store **out,
                           sq_error *error);
    DREY_ASYNC int (*restore)(const char *path, const char *backup, sq_error *error);   /* NULL: cannot */
} sq_scheme;
