/* SPDX-License-Identifier: MIT */
/* A revision: what a context was from one write to the next. It never changes after it was made, so stores, caches,
 * watchers and replies share it by counting references; any thread may. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context/time.h"
#include "json/text.h"

#define SQ_NEVER INT64_MAX           /* an sq_time: does not expire */

enum { SQ_DIGEST_BYTES = 32 };

typedef enum sq_state { SQ_LIVE, SQ_DELETED, SQ_PURGED } sq_state;   /* on disk: 0, 1, 2 */

/* What made a revision; the names are on disk. */
typedef enum sq_op {
    SQ_OP_CREATE, SQ_OP_REPLACE, SQ_OP_PATCH, SQ_OP_APPEND, SQ_OP_DELETE, SQ_OP_UNDO, SQ_OP_PURGE, SQ_OP_IMPORT,
    SQ_OP_EXPIRE,                    /* the reaper's delete of what had expired */
    SQ_OP_EXTERNAL,                  /* an editor changed the file (dir:) */
    SQ_OPS
} sq_op;

const char *sq_op_name(sq_op op);                            /* "create" */
bool sq_op_read(const char *name, sq_op *out);
sq_state sq_op_state(sq_op op);                              /* of a context whose newest revision the op made */

typedef struct sq_revision {
    /* Who it is of. */
    const char *project, *id;
    int64_t rev;                     /* from 1, without gaps, never reused (S14) */
    int64_t seq;                     /* from 1, without gaps in a project (S9) */
    sq_op op;
    sq_time created_at;              /* when the id was first used since its last purge, if ever */
    sq_time at;                      /* when this revision was made */
    /* What it says. A revision that ends a context (delete, expire, purge) has none of it. */
    sq_time expires_at;              /* SQ_NEVER: does not */
    const char *name;                /* NULL: none */
    const char *parent_id;           /* NULL: a root */
    const char *metadata;            /* a JSON object of strings; NULL: {} */
    const char *source;              /* a JSON object: principal, agent, tool, trust; always there */
    const char *data;                /* a JSON object, compact; NULL: none, or not loaded */
    size_t data_bytes;               /* right even if data was not loaded; 0: none */
    uint8_t fingerprint[SQ_DIGEST_BYTES];   /* of data's canonical form; zeros: none */
    /* Private. */
    uint32_t refs;
} sq_revision;

/* Copies the fields and all texts into one block. `from->data` may be NULL with data_bytes set: not loaded. The result
 * has one reference. NULL: no memory. */
sq_revision *sq_revision_new(const sq_revision *from);

/* The fields alone, for a variant of what others may hold: the texts stay the revision's. */
sq_revision sq_revision_fields(const sq_revision *revision);

sq_revision *sq_revision_ref(const sq_revision *revision);   /* shared ones are const; the count is not */
void sq_revision_unref(const sq_revision *revision);         /* NULL is fine */

sq_state sq_revision_state(const sq_revision *revision);

/* What it counts for in a quota. */
int64_t sq_revision_charge(size_t data_bytes, size_t metadata_bytes);

/* Visible at `now`: live and not expired (S32). */
bool sq_revision_there(const sq_revision *revision, sq_time now);
