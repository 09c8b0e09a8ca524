/* SPDX-License-Identifier: MIT */
/* Internal to decide.c, verbs.c, parents.c and record.c: one write on its way through a transaction. */
#pragma once
#include "store/decide.h"

typedef struct sq_decision {
    sq_txn *txn;
    sq_prepared *prepared;
    const sq_write *write;
    const char *id;                  /* the write's, or one that was made */
    char made_id[SQ_ID_BYTES + 1];
    sq_project project;              /* as it is in the transaction; put by record.c and at the end */
    sq_head head;                    /* of the context, if `known` */
    bool known;                      /* there is or was such a context */
    unsigned taken_along;            /* by the cascade so far */
    sq_error *error;
} sq_decision;

/* Carries out the verb; `project`, `head` and `known` are filled. */
int sq_verb_carry_out(sq_decision *d, sq_written *out);
int sq_refuse_absent(const sq_decision *d);                  /* not_found or gone */
int sq_decision_load(sq_decision *d, int64_t rev, const sq_revision **out);   /* -ENOENT: not in the history */

/* What a revision is to say; texts are borrowed. All NULL: it ends the context. */
typedef struct sq_content {
    const char *name, *parent_id, *metadata;
    sq_time expires_at, created_at;  /* created_at: 0, or what an import brings */
    const char *data;
    size_t data_bytes;
    uint8_t fingerprint[SQ_DIGEST_BYTES];
} sq_content;

/* Makes the next revision of the context `id` with `head` (num 0: a new one), puts it, counts it, and prunes. `head`
 * becomes what it is afterwards. *out is a reference; NULL: not wanted. */
int sq_record(sq_decision *d, const char *id, sq_head *head, sq_op op, const sq_content *content,
              const sq_revision **out);

/* S16: is `parent_id` live, not below the context, and near enough to a root? */
int sq_parents_check(sq_decision *d, const char *parent_id);

/* S16: has_children if any are live, or with `cascade` they and theirs are ended first, by `op`. */
int sq_parents_release(sq_decision *d, const char *id, const sq_head *head, sq_op op);

/* Ends one context by delete, expire or purge; what it had goes with purge. */
int sq_record_end(sq_decision *d, const char *id, sq_head *head, sq_op op, const sq_revision **out);
