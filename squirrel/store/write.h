/* SPDX-License-Identifier: MIT */
/* A request to change one context, as the manager hands it to a store. Texts are borrowed until the call returns. */
#pragma once
#include "context/error.h"
#include "store/limits.h"
#include "store/revision.h"

/*              without the context         live                        deleted, expired, purged
 * create       rev 1                       exists                      the next rev (S14)
 * replace      not_found                   the next rev, needs a rev   gone
 * patch        not_found                   the next rev                gone
 * append       not_found                   the next rev                gone
 * delete       not_found                   a tombstone, needs a rev    gone
 * undo         not_found                   older content, needs a rev  older content, needs a rev; purged: gone
 * purge        not_found                   a stub                      a stub; purged: gone
 * import       as create                   equal: nothing is written; else as replace
 * external     as create                   as a replace by force
 * "Needs a rev": expected_rev, or SQ_REV_FORCE; else precondition_required (S13). Where it is not needed, a given one
 * is checked all the same. */
typedef enum sq_verb {
    SQ_CREATE, SQ_REPLACE, SQ_PATCH, SQ_APPEND, SQ_DELETE, SQ_UNDO, SQ_PURGE, SQ_IMPORT, SQ_EXTERNAL, SQ_VERBS
} sq_verb;

const char *sq_verb_name(sq_verb verb);                      /* "create" */
bool sq_verb_read(const char *name, sq_verb *out);

enum { SQ_REV_NONE = 0, SQ_REV_FORCE = -1 };

/* Which of the optional fields a write sets. A field that is set to NULL (a time to SQ_NEVER) is cleared; one that is
 * not set stays as it is. create, import and external start from nothing. */
enum {
    SQ_SET_DATA = 1, SQ_SET_NAME = 2, SQ_SET_METADATA = 4, SQ_SET_PARENT = 8, SQ_SET_EXPIRY = 16,
    SQ_SET_CREATED = 32,             /* import only */
};

typedef struct sq_write {
    sq_verb verb;
    const char *project;
    const char *id;                  /* NULL with create: the store makes a UUIDv7 */
    unsigned set;                    /* SQ_SET_... */
    const char *data;                /* JSON: an object; for patch any object, where null removes (S15); for append as
                                        patch, but where both sides are arrays the elements are added at the end */
    size_t data_bytes;
    const char *name;
    const char *metadata;            /* JSON: an object of strings */
    const char *parent_id;
    sq_time expires_at;
    sq_time created_at;
    int64_t expected_rev;            /* SQ_REV_NONE, SQ_REV_FORCE or a rev */
    int64_t to_rev;                  /* undo: whose content; 0: the newest before the head that has any */
    bool cascade;                    /* delete, purge: the children first, and theirs */
    /* Who asks. */
    const char *principal;           /* "local:1000"; must be there */
    const char *agent, *tool;        /* NULL: not said */
    const char *trust;               /* NULL: "agent" */
    const char *key;                 /* the operation key (S19), up to SQ_OPERATION_KEY_BYTES; NULL: none */
} sq_write;

/* What became of one write. */
typedef struct sq_written {
    const sq_revision *revision;     /* a reference, to be unref'd: what was made; of a replay whose revision has left
                                        the history: without texts. NULL: failed */
    const sq_revision *current;      /* a reference: with conflict and exists, the head that is in the way; else NULL */
    bool replayed;                   /* the operation key was known: nothing was written now */
    bool failed;                     /* *error is this write's */
} sq_written;

void sq_written_free(sq_written *written);                   /* drops the references */
