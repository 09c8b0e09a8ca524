/* SPDX-License-Identifier: MIT */
/* The askers' side of the writer: prepare, enqueue, wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/group.h"
#include "store/heavy.h"

enum { ANSWER_SECONDS = 3600 };

static DREY_ASYNC int acquire(sq_writer *w, drey_sem *room, uint32_t count)
{
    return w->store->options.refuse_when_full ? drey_sem_try_acquire(room, count) : drey_sem_acquire(room, count);
}

static DREY_ASYNC int wait_for_room(sq_writer *w, const sq_job *job, sq_error *error)
{
    int rc = acquire(w, &w->room, sq_job_places(job));
    if (rc == 0) {
        rc = acquire(w, &w->room_bytes, sq_job_units(w, job));
        if (rc < 0)
            drey_sem_release(&w->room, sq_job_places(job));
    }
    if (rc == -EAGAIN)
        return sq_fail(error, SQ_BUSY, "too many writes are waiting for the store: try again in a moment");
    return rc;
}

static DREY_ASYNC int enqueue(sq_writer *w, sq_job *job, sq_error *error)
{
    DREY_LOCKED(&w->lock);
    if (w->poisoned) {
        *error = w->poison;
        return -EINVAL;
    }
    if (w->closing)
        return sq_fail(error, SQ_STORE_UNREACHABLE, "the store is being closed: nothing was written");
    job->previous = w->last;
    *(w->last ? &w->last->next : &w->first) = job;
    w->last = job;
    w->queued += sq_job_places(job);
    job->refs++;
    return 0;
}

/* W1; true: nobody has taken it, and nobody will. */
static DREY_ASYNC bool withdraw(sq_writer *w, sq_job *job)
{
    DREY_LOCKED(&w->lock);
    if (job->state != SQ_JOB_QUEUED)
        return false;
    sq_job_leave_queue(w, job);
    job->refs--;
    return true;
}

/* Uncut: the group that has the job is committing. */
static DREY_ASYNC int wait_taken(sq_job *job)
{
    int opened;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(ANSWER_SECONDS), .name = "waiting for a commit");
    int rc = drey_gate_wait(&job->done, &opened);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int wait_for_answer(sq_writer *w, sq_job *job, sq_error *error)
{
    int opened;
    if (drey_gate_wait(&job->done, &opened) == 0)
        return 0;
    if (withdraw(w, job)) {
        drey_sem_release(&w->room, sq_job_places(job));
        drey_sem_release(&w->room_bytes, sq_job_units(w, job));
        return -ECANCELED;
    }
    if (wait_taken(job) == 0)
        return 0;
    /* Only the end of the runtime's grace leads here: the process is about to exit. */
    return sq_fail(error, SQ_UNKNOWN_OUTCOME, "the program ended while this was written");
}

/* Hands a job in and waits. 0: job->rc and the rest is the answer. Else it was not run, or its answer is lost. */
static DREY_ASYNC int submit(sq_writer *w, sq_job *job, sq_error *error)
{
    int rc = wait_for_room(w, job, error);
    if (rc < 0)
        return rc;
    rc = enqueue(w, job, error);
    if (rc < 0) {
        drey_sem_release(&w->room, sq_job_places(job));
        drey_sem_release(&w->room_bytes, sq_job_units(w, job));
        return rc;
    }
    drey_notify_one(&w->wake);
    return wait_for_answer(w, job, error);
}

typedef struct preparation {
    const sq_writer *writer;
    const sq_write *writes;
    size_t count, failed;
    sq_job *job;
    sq_error *error;
} preparation;

static int prepare_all(void *arg)
{
    preparation *p = arg;
    for (size_t i = 0; i < p->count; i++) {
        int rc = sq_prepare(&p->writes[i], &p->writer->store->options.limits, &p->job->writes[i], p->error);
        if (rc < 0) {
            p->failed = i;
            return rc;
        }
        p->job->count++;
        p->job->bytes += p->job->writes[i].bytes;
    }
    return 0;
}

static size_t data_bytes(const sq_write *writes, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += writes[i].set & SQ_SET_DATA ? writes[i].data_bytes : 0;
    return bytes;
}

static sq_job *job_new(size_t writes)
{
    sq_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->refs = 1;
    job->writes = writes ? calloc(writes, sizeof *job->writes) : NULL;
    job->written = writes ? calloc(writes, sizeof *job->written) : NULL;
    if (writes && (!job->writes || !job->written)) {
        sq_job_free(job);
        return NULL;
    }
    return job;
}

/* Moves the answer to the asker. */
static int take_answer(sq_job *job, sq_written *out, sq_error *error)
{
    for (size_t i = 0; i < job->count; i++) {
        out[i] = job->written[i];
        job->written[i] = (sq_written){0};
    }
    if (job->rc < 0)
        *error = job->error;
    return job->rc;
}

int sq_writer_write(sq_writer *w, const sq_write *writes, size_t count, sq_written *out, sq_error *error)
{
    if (count < 1 || count > SQ_BATCH_MAX)
        return sq_fail(error, SQ_INVALID, "a batch has 1 to %d writes, not %zu", SQ_BATCH_MAX, count);
    memset(out, 0, count * sizeof *out);
    sq_job *job = job_new(count);
    if (!job)
        return sq_fail_memory(error);
    preparation p = {.writer = w, .writes = writes, .count = count, .job = job, .error = error};
    int rc = sq_heavy(data_bytes(writes, count), prepare_all, &p);
    if (rc < 0) {
        out[p.failed].failed = rc != -ECANCELED;
        sq_job_free(job);
        return rc;
    }
    rc = submit(w, job, error);
    if (rc == 0)
        rc = take_answer(job, out, error);
    sq_job_unref(w, job);
    return rc;
}

int sq_writer_call(sq_writer *w, sq_work *fn, void *arg, bool alone, sq_error *error)
{
    sq_job *job = job_new(0);
    if (!job)
        return sq_fail_memory(error);
    job->fn = fn;
    job->arg = arg;
    job->alone = alone;
    int rc = submit(w, job, error);
    if (rc == 0 && (rc = job->rc) < 0)
        *error = job->error;
    sq_job_unref(w, job);
    return rc == -EIO ? -EINVAL : rc;
}
