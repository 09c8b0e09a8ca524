/* SPDX-License-Identifier: MIT */
/* One write from its project to its operation key; what the verbs do is in verbs.c. */
#include "store/decide.h"

#include <errno.h>
#include <string.h>

#include "store/decision.h"
#include "store/wall.h"

/* The result of the first time (S19): its revision, or what is known of it where the history has forgotten it. */
static int replay(sq_decision *d, const sq_operation *operation, sq_written *out)
{
    d->id = operation->id;
    int rc = d->txn->ops->head(d->txn, &d->project, d->id, &d->head, d->error);
    if (rc == 0)
        rc = sq_decision_load(d, operation->rev, &out->revision);
    if (rc == -ENOENT) {
        static const sq_op ops[SQ_VERBS] = {
            [SQ_CREATE] = SQ_OP_CREATE, [SQ_REPLACE] = SQ_OP_REPLACE, [SQ_PATCH] = SQ_OP_PATCH,
            [SQ_APPEND] = SQ_OP_APPEND, [SQ_DELETE] = SQ_OP_DELETE,   [SQ_UNDO] = SQ_OP_UNDO,
            [SQ_PURGE] = SQ_OP_PURGE,   [SQ_IMPORT] = SQ_OP_IMPORT,   [SQ_EXTERNAL] = SQ_OP_EXTERNAL,
        };
        out->revision = sq_revision_new(&(sq_revision){
            .project = d->project.name, .id = operation->id, .rev = operation->rev, .seq = operation->seq,
            .op = ops[d->write->verb], .created_at = d->head.created_at, .at = d->head.updated_at,
            .expires_at = SQ_NEVER, .source = "{}"});
        rc = out->revision ? 0 : sq_fail_memory(d->error);
    }
    out->replayed = rc == 0;
    return rc;
}

/* 1: the key is known, and *out is the answer. */
static int look_up_key(sq_decision *d, sq_written *out)
{
    sq_operation operation;
    const sq_write *w = d->write;
    if (!w->key)
        return 0;
    int rc = d->txn->ops->operation_get(d->txn, &d->project, w->principal, w->key, &operation, d->error);
    if (rc == -ENOENT || (rc == 0 && operation.expires_at <= d->txn->now))
        return 0;
    if (rc < 0)
        return rc;
    if (memcmp(operation.request, d->prepared->request, SQ_REQUEST_BYTES) != 0)
        return sq_fail(d->error, SQ_KEY_REUSED, "the operation key \"%.60s\" was used for another request: make a new "
                       "one for each", w->key);
    rc = replay(d, &operation, out);
    return rc < 0 ? rc : 1;
}

static int keep_key(sq_decision *d, const sq_revision *revision)
{
    const sq_write *w = d->write;
    if (!w->key)
        return 0;
    sq_operation operation = {
        .rev = revision->rev, .seq = revision->seq, .expires_at = d->txn->now + d->txn->limits->operation_ms};
    memcpy(operation.request, d->prepared->request, SQ_REQUEST_BYTES);
    memcpy(operation.id, revision->id, strlen(revision->id) + 1);
    return d->txn->ops->operation_put(d->txn, &d->project, w->principal, w->key, &operation, d->error);
}

/* A project begins with its first context. */
static int find_project(sq_decision *d)
{
    const sq_write *w = d->write;
    int rc = d->txn->ops->project_get(d->txn, w->project, &d->project, d->error);
    if (rc != -ENOENT)
        return rc;
    if (w->verb != SQ_CREATE && w->verb != SQ_IMPORT && w->verb != SQ_EXTERNAL)
        return sq_refuse_absent(d);
    d->project = (sq_project){.created_at = d->txn->now};
    memcpy(d->project.name, w->project, strlen(w->project) + 1);
    return d->txn->ops->project_put(d->txn, &d->project, d->error);
}

static int find_context(sq_decision *d)
{
    if (!d->id) {
        sq_uuid7(d->txn->now, d->made_id);
        d->id = d->made_id;
    }
    int rc = d->txn->ops->head(d->txn, &d->project, d->id, &d->head, d->error);
    d->known = rc == 0;
    return rc == -ENOENT ? 0 : rc;
}

int sq_decide(sq_txn *txn, sq_prepared *write, sq_written *out, sq_error *error)
{
    sq_decision d = {.txn = txn, .prepared = write, .write = &write->write, .id = write->write.id, .error = error};
    *out = (sq_written){0};
    int rc = find_project(&d);
    if (rc == 0 && (rc = look_up_key(&d, out)) == 1)
        return 0;
    if (rc == 0)
        rc = find_context(&d);
    int64_t seq = d.project.seq;
    if (rc == 0)
        rc = sq_verb_carry_out(&d, out);
    if (rc == 0)
        rc = keep_key(&d, out->revision);
    if (rc == 0 && d.project.seq != seq)
        rc = txn->ops->project_put(txn, &d.project, error);
    if (rc < 0) {
        sq_revision_unref(out->revision);
        out->revision = NULL;
    }
    return rc;
}

static int reap_one(sq_txn *txn, sq_error *error)
{
    char id[SQ_ID_BYTES + 1];
    sq_decision d = {.txn = txn, .id = id, .known = true, .error = error};
    int rc = txn->ops->expired(txn, &d.project, id, error);
    if (rc == 0)
        rc = txn->ops->head(txn, &d.project, id, &d.head, error);
    if (rc == 0)
        rc = sq_record_end(&d, id, &d.head, SQ_OP_EXPIRE, NULL);
    return rc < 0 ? rc : txn->ops->project_put(txn, &d.project, error);
}

int sq_decide_reap(sq_txn *txn, size_t limit, size_t *out_count, sq_error *error)
{
    size_t count = 0;
    int rc = 0;
    while (count < limit && (rc = reap_one(txn, error)) == 0)
        count++;
    if (rc == 0 || rc == -ENOENT)
        rc = txn->ops->operations_expire(txn, limit, error);
    *out_count = count + (rc > 0 ? (size_t)rc : 0);
    return rc < 0 ? rc : 0;
}
