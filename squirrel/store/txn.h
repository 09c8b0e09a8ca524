/* SPDX-License-Identifier: MIT */
/* What a store brings so that decide.c can carry out writes in it: a transaction and a few primitives. decide.c holds
 * all rules, so a primitive decides nothing.
 *
 * A primitive returns 0, -ENOENT where that is said, -ENOMEM with *error set, or -EIO with *error set: the store
 * failed, the whole transaction is rolled back and *error becomes the answer of every write in it. Who runs a
 * transaction chooses the thread; decide.c never suspends by itself, but primitives may if they run in a task.
 *
 * Reads inside a transaction see what was put before in it. */
#pragma once
#include "store/pins.h"
#include "store/store.h"

typedef struct sq_txn sq_txn;

/* Where a context stands: a row of the table `contexts`. */
typedef struct sq_head {
    int64_t num;                     /* the store's own handle */
    sq_state state;
    int64_t rev, seq;
    int64_t bytes;                   /* the charge of its newest revision */
    sq_time created_at, updated_at, expires_at;   /* expires_at: SQ_NEVER if it does not */
    char parent_id[SQ_ID_BYTES + 1]; /* empty: a root */
} sq_head;

/* not_found, or gone for a context that was there: as the head says. Returns -EINVAL. For reads, too. */
int sq_fail_absent(sq_error *error, const char *project, const char *id, const sq_head *head);   /* head: or NULL */

/* As others see it: live, and not expired. */
bool sq_head_there(const sq_head *head, sq_time now);

/* The oldest revision that the history of a context still has. */
typedef struct sq_oldest {
    int64_t rev, seq, charge;
    sq_time at;
} sq_oldest;

/* What an operation key stands for (S19). */
typedef struct sq_operation {
    uint8_t request[SQ_REQUEST_BYTES];
    char id[SQ_ID_BYTES + 1];
    int64_t rev, seq;                /* what it made */
    sq_time expires_at;
} sq_operation;

typedef struct sq_txn_ops {
    /* The transaction. After a commit that failed, or another -EIO, only `rollback` is called. A commit that returns 0
     * has made everything durable, and visible to readers; -EAGAIN: it is certain that nothing was committed. */
    int (*begin)(sq_txn *txn, sq_error *error);
    int (*commit)(sq_txn *txn, sq_error *error);
    void (*rollback)(sq_txn *txn);
    int (*save)(sq_txn *txn, sq_error *error);               /* a savepoint; one at a time */
    int (*keep)(sq_txn *txn, sq_error *error);               /* ends it, its changes stay */
    int (*revert)(sq_txn *txn, sq_error *error);             /* ends it, its changes are undone */

    int (*project_get)(sq_txn *txn, const char *name, sq_project *out, sq_error *error);          /* -ENOENT */
    int (*project_put)(sq_txn *txn, sq_project *project, sq_error *error);   /* inserts if num is 0, and sets it */

    int (*head)(sq_txn *txn, const sq_project *project, const char *id, sq_head *out, sq_error *error);   /* -ENOENT */

    /* With data; -ENOENT: the history does not have it. *out is a reference. */
    int (*revision)(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                    const sq_revision **out, sq_error *error);

    /* The next child of a context (by `head`) whose state is SQ_LIVE and that has not expired at txn->now. *position is
     * 0 at first and the store's own. -ENOENT: no more. */
    int (*child)(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t *position,
                 char out_id[SQ_ID_BYTES + 1], sq_error *error);

    /* Adds a revision, which becomes the head of its context: `head` has the values after it (num 0: a new context, and
     * the primitive sets it). The parent, if any, exists. The revision's reference stays the caller's. */
    int (*put)(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *revision, sq_error *error);

    /* The oldest revision with a rev above `after`; there is one, if only the head's. */
    int (*oldest)(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t after,
                  sq_oldest *out, sq_error *error);

    /* Removes one revision, never the head's. -EAGAIN: the store still needs it; it is offered again later. With
     * `purge` that is no answer, and its bytes must be gone from the files after the next scrub (S31). */
    int (*drop)(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev, bool purge,
                sq_error *error);

    int (*operation_get)(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                         sq_operation *out, sq_error *error);                                      /* -ENOENT */
    int (*operation_put)(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                         const sq_operation *operation, sq_error *error);          /* replaces one that has expired */

    /* For the reaper: a context that is live and has expired at txn->now (-ENOENT: none), and the removal of operations
     * that have expired, at most `limit`, which returns how many those were. */
    int (*expired)(sq_txn *txn, sq_project *out_project, char out_id[SQ_ID_BYTES + 1], sq_error *error);
    int (*operations_expire)(sq_txn *txn, size_t limit, sq_error *error);
} sq_txn_ops;

/* A store embeds it at the start of its own. */
struct sq_txn {
    const sq_txn_ops *ops;
    const sq_limits *limits;
    sq_pins *pins;
    bool disk_low;                   /* set by its begin: only what frees room is written, now or at the next scrub */
    sq_time now;                     /* of the whole transaction; set by its begin, at PostgreSQL the database's */
    /* What was put, in order; kept by group.c, in step with the savepoints. */
    const sq_revision **made;
    size_t made_count, made_room, made_saved;
};

/* An operation as SQL stores keep it in the column `request`: the hash, the rev and the id; `seq` has its own. */
enum { SQ_OPERATION_BYTES = SQ_REQUEST_BYTES + 8 + SQ_ID_BYTES };
size_t sq_operation_pack(const sq_operation *operation, uint8_t out[SQ_OPERATION_BYTES]);
bool sq_operation_unpack(const uint8_t *blob, size_t bytes, sq_operation *out);   /* false: damaged */
