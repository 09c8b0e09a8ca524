/* SPDX-License-Identifier: MIT */
/* Parents (S16): the line upwards is checked when a parent is set, the tree below when a context ends. */
#include <errno.h>
#include <string.h>

#include "store/decision.h"

/* How many levels are below a context: 0 without children. */
static int measure_below(sq_decision *d, const char *id, const sq_head *head, unsigned level, unsigned *seen,
                         unsigned *out)
{
    char child[SQ_ID_BYTES + 1];
    int64_t position = 0;
    int rc;
    while ((rc = d->txn->ops->child(d->txn, &d->project, id, head, &position, child, d->error)) == 0) {
        sq_head below;
        if (++*seen > SQ_CASCADE_MAX || level == SQ_ANCESTORS_MAX)
            return sq_fail(d->error, SQ_TOO_LARGE, "too many contexts hang on \"%.60s\" to give it another parent: at "
                           "most %d, on %d levels", d->id, SQ_CASCADE_MAX, SQ_ANCESTORS_MAX);
        rc = d->txn->ops->head(d->txn, &d->project, child, &below, d->error);
        if (rc == 0)
            rc = measure_below(d, child, &below, level + 1, seen, out);
        if (rc < 0)
            return rc;
        *out = level + 1 > *out ? level + 1 : *out;
    }
    return rc == -ENOENT ? 0 : rc;
}

int sq_parents_check(sq_decision *d, const char *parent_id)
{
    char id[SQ_ID_BYTES + 1];
    unsigned below = 0, seen = 0;
    int rc = d->known ? measure_below(d, d->id, &d->head, 0, &seen, &below) : 0;
    memcpy(id, parent_id, strlen(parent_id) + 1);
    for (unsigned above = 1; rc == 0 && id[0]; above++) {
        sq_head head;
        if (strcmp(id, d->id) == 0)
            return sq_fail(d->error, SQ_CYCLE, "its parents would form a cycle: \"%.60s\" is itself below \"%.60s\"",
                           parent_id, d->id);
        if (above + below > SQ_ANCESTORS_MAX)
            return sq_fail(d->error, SQ_TOO_DEEP, "it would have over %d ancestors: shorten the line of parents",
                           SQ_ANCESTORS_MAX);
        rc = d->txn->ops->head(d->txn, &d->project, id, &head, d->error);
        if (rc == -ENOENT || (rc == 0 && !sq_head_there(&head, d->txn->now)))
            return sq_fail(d->error, SQ_BROKEN_PARENT, "its parent \"%.128s\" does not exist in this project, or has "
                           "expired: create it first, or take another one", id);
        memcpy(id, head.parent_id, sizeof id);
    }
    return rc;
}

int sq_parents_release(sq_decision *d, const char *id, const sq_head *head, sq_op op)
{
    char child[SQ_ID_BYTES + 1];
    int64_t position = 0;
    int rc;
    while ((rc = d->txn->ops->child(d->txn, &d->project, id, head, &position, child, d->error)) == 0) {
        sq_head below;
        if (!d->write->cascade)
            return sq_fail(d->error, SQ_HAS_CHILDREN, "\"%.60s\" is the parent of \"%.60s\": end that first, or "
                           "cascade", id, child);
        if (++d->taken_along > SQ_CASCADE_MAX)
            return sq_fail(d->error, SQ_TOO_LARGE, "over %d contexts hang on \"%.60s\": end some of them first",
                           SQ_CASCADE_MAX, d->id);
        rc = d->txn->ops->head(d->txn, &d->project, child, &below, d->error);
        if (rc == 0)
            rc = sq_parents_release(d, child, &below, op);
        if (rc == 0)
            rc = sq_record_end(d, child, &below, op, NULL);
        if (rc < 0)
            return rc;
        position = 0;   /* the child has left the list */
    }
    return rc == -ENOENT ? 0 : rc;
}
