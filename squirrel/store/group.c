/* SPDX-License-Identifier: MIT */
#include "store/group.h"

#include <errno.h>
#include <stdlib.h>

static void drop_written(sq_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        sq_written_free(&job->written[i]);
}

void sq_group_fail(sq_group *group, int rc, const sq_error *error)
{
    group->failed = true;
    group->error = *error;
    for (sq_job *job = group->first; job; job = job->next) {
        drop_written(job);
        job->rc = rc;
        job->error = *error;
    }
}

static void forget_made(sq_txn *txn, size_t from)
{
    while (txn->made_count > from)
        sq_revision_unref(txn->made[--txn->made_count]);
}

static int decide_all(sq_txn *txn, sq_job *job)
{
    if (job->fn)
        return job->fn(txn, job->arg, &job->error);
    for (size_t i = 0; i < job->count; i++) {
        int rc = sq_decide(txn, &job->writes[i], &job->written[i], &job->error);
        if (rc < 0) {
            const sq_revision *current = job->written[i].current;
            job->written[i].current = NULL;
            drop_written(job);
            job->written[i] = (sq_written){.failed = true, .current = current};
            return rc;
        }
    }
    return 0;
}

/* W2: -EIO ends the group, everything else only the job. */
static int run_job(sq_txn *txn, sq_job *job)
{
    size_t made = txn->made_count;
    int rc = txn->ops->save(txn, &job->error);
    if (rc < 0)
        return -EIO;
    job->rc = decide_all(txn, job);
    if (job->rc == -EIO)
        return -EIO;
    if (job->rc >= 0)
        return txn->ops->keep(txn, &job->error) < 0 ? -EIO : 0;
    forget_made(txn, made);
    sq_error ignored;
    return txn->ops->revert(txn, &ignored) < 0 ? -EIO : 0;
}

static bool run_jobs(sq_group *group, sq_txn *txn)
{
    for (sq_job *job = group->first; job; job = job->next) {
        if (run_job(txn, job) < 0) {
            sq_error error = job->error;
            txn->ops->rollback(txn);
            sq_group_fail(group, -EINVAL, &error);
            return false;
        }
    }
    return true;
}

void sq_group_run(sq_group *group, sq_txn *txn)
{
    sq_job *first = group->first;
    sq_error error = {0};
    txn->made_count = 0;
    if (first->alone) {
        first->rc = first->fn(NULL, first->arg, &first->error);
        return;
    }
    if (txn->ops->begin(txn, &error) < 0) {
        sq_group_fail(group, -EINVAL, &error);
    } else if (run_jobs(group, txn)) {
        int rc = txn->ops->commit(txn, &error);
        if (rc < 0) {
            txn->ops->rollback(txn);
            sq_group_fail(group, -EINVAL, &error);
            group->poisons = rc != -EAGAIN;
        } else {
            group->made = txn->made;
            group->made_count = txn->made_count;
            txn->made = NULL;
            txn->made_count = txn->made_room = 0;
        }
    }
    forget_made(txn, 0);
    free(txn->made);
    txn->made = NULL;
    txn->made_room = 0;
}
