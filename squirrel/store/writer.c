/* SPDX-License-Identifier: MIT */
/* The writer's task; what its askers do is in submit.c. */
#include "store/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/group.h"

enum { CLOSE_SECONDS = 3600 };

uint32_t sq_job_places(const sq_job *job)
{
    return job->count ? (uint32_t)job->count : 1;
}

uint32_t sq_job_units(const sq_writer *w, const sq_job *job)
{
    size_t wanted = 1 + job->bytes / SQ_UNIT_BYTES, most = w->store->options.queue_bytes / SQ_UNIT_BYTES;
    return (uint32_t)(wanted < most ? wanted : most);
}

void sq_job_leave_queue(sq_writer *w, sq_job *job)
{
    *(job->previous ? &job->previous->next : &w->first) = job->next;
    *(job->next ? &job->next->previous : &w->last) = job->previous;
    job->next = job->previous = NULL;
    w->queued -= sq_job_places(job);
}

void sq_job_free(sq_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        sq_prepared_free(&job->writes[i]);
        sq_written_free(&job->written[i]);
    }
    free(job->writes);
    free(job->written);
    drey_gate_deinit(&job->done);
    free(job);
}

void sq_job_unref(sq_writer *w, sq_job *job)
{
    unsigned refs;
    {
        DREY_LOCKED(&w->lock);
        refs = --job->refs;
    }
    if (refs == 0)
        sq_job_free(job);
}

/* Takes jobs from the queue; false: there are none. */
static DREY_ASYNC bool take(sq_writer *w, sq_group *group, bool *out_closing)
{
    const sq_store_options *options = &w->store->options;
    sq_job **end = &group->first;
    DREY_LOCKED(&w->lock);
    *out_closing = w->closing;
    while (w->first) {
        sq_job *job = w->first;
        bool full = group->count + sq_job_places(job) > options->group_writes ||
                    group->bytes + job->bytes > options->group_bytes;
        if (group->first && (full || job->alone || group->first->alone))
            break;
        sq_job_leave_queue(w, job);
        job->state = SQ_JOB_TAKEN;
        group->count += sq_job_places(job);
        group->bytes += job->bytes;
        *end = job;
        end = &job->next;
    }
    return group->first != NULL;
}

/* W3 */
static DREY_ASYNC bool poisoned(sq_writer *w, sq_error *error)
{
    DREY_LOCKED(&w->lock);
    if (w->poisoned)
        *error = w->poison;
    return w->poisoned;
}

static DREY_ASYNC void set_poison(sq_writer *w, const sq_error *why)
{
    DREY_LOCKED(&w->lock);
    if (!w->poisoned)
        sq_fail(&w->poison, SQ_STORE_FAILED, "the store takes no more writes, since: %.200s", why->message);
    w->poisoned = true;
}

/* W4, and the count. */
static DREY_ASYNC void publish(sq_writer *w, sq_group *group)
{
    if (group->poisons)
        set_poison(w, &group->error);
    sq_committed *committed = __atomic_load_n(&w->store->options.committed, __ATOMIC_ACQUIRE);   /* arg is set before */
    if (group->made_count > 0 && committed)
        committed(w->store->options.arg, group->made, group->made_count);
    for (size_t i = 0; i < group->made_count; i++)
        sq_revision_unref(group->made[i]);
    free(group->made);
    DREY_LOCKED(&w->lock);
    for (sq_job *job = group->first; job && !group->failed; job = job->next)
        w->writes += job->rc == 0 ? (int64_t)job->count : 0;
    w->groups += !group->failed;
}

static DREY_ASYNC void answer(sq_writer *w, sq_group *group)
{
    for (sq_job *job = group->first, *next; job; job = next) {
        next = job->next;
        drey_sem_release(&w->room, sq_job_places(job));
        drey_sem_release(&w->room_bytes, sq_job_units(w, job));
        drey_gate_open(&job->done, 0);
        sq_job_unref(w, job);
    }
}

static DREY_ASYNC int run_group(sq_writer *w, sq_group *group)
{
    sq_error error;
    int rc = 0;
    if (poisoned(w, &error)) {
        sq_group_fail(group, -EINVAL, &error);
    } else if ((rc = w->run(w->store, group)) < 0) {
        sq_fail(&error, SQ_STORE_UNREACHABLE, "the store is being closed: nothing was written");
        sq_group_fail(group, -EINVAL, &error);
    }
    publish(w, group);
    answer(w, group);
    return rc;
}

/* Once cancelled it refuses what is queued, and ends. */
static DREY_ASYNC int writer_main(void *arg)
{
    sq_writer *w = arg;
    bool closing = false;
    for (int rc = 0;;) {
        sq_group group = {0};
        if (take(w, &group, &closing)) {
            int ran = run_group(w, &group);
            rc = rc < 0 ? rc : ran;
        } else if (closing || rc < 0) {
            break;
        } else {
            rc = drey_notify_wait(&w->wake);
        }
        if (rc < 0) {
            DREY_LOCKED(&w->lock);
            w->closing = true;
        }
    }
    drey_gate_open(&w->ended, 0);
    return 0;
}

int sq_writer_open(drey_scope *scope, sq_store *store, sq_run_group *run, sq_writer **out, sq_error *error)
{
    const sq_store_options *options = &store->options;
    sq_writer *w = calloc(1, sizeof *w);
    if (!w)
        return sq_fail_memory(error);
    w->store = store;
    w->run = run;
    uint32_t units = (uint32_t)(options->queue_bytes / SQ_UNIT_BYTES);
    drey_sem_init(&w->room, options->queue_writes, options->queue_writes);
    drey_sem_init(&w->room_bytes, units, units);
    int rc = drey_go_daemon(scope, writer_main, w);
    if (rc < 0) {
        free(w);
        return rc == -ENOMEM ? sq_fail_memory(error) : rc;
    }
    *out = w;
    return 0;
}

void sq_writer_poison(sq_writer *writer, const sq_error *why)
{
    set_poison(writer, why);
}

void sq_writer_status(sq_writer *w, sq_status *out)
{
    DREY_LOCKED(&w->lock);
    out->writes = w->writes;
    out->groups = w->groups;
    out->queued = (int64_t)w->queued;
    snprintf(out->condition, sizeof out->condition, "%s", w->poisoned ? "failed" : "ok");
    snprintf(out->last_error, sizeof out->last_error, "%s", w->poisoned ? w->poison.message : "");
}

static DREY_ASYNC int wait_ended(sq_writer *w)
{
    int opened;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(CLOSE_SECONDS), .name = "waiting for the writer");
    int rc = drey_gate_wait(&w->ended, &opened);
    return drey_scope_close(&scope, rc);
}

void sq_writer_close(sq_writer *w)
{
    {
        DREY_LOCKED(&w->lock);
        w->closing = true;
    }
    drey_notify_one(&w->wake);
    if (wait_ended(w) < 0)
        return;   /* the runtime's grace is over: the task may still use it, and the process is about to exit */
    drey_gate_deinit(&w->ended);
    drey_notify_deinit(&w->wake);
    drey_sem_deinit(&w->room);
    drey_sem_deinit(&w->room_bytes);
    drey_mutex_deinit(&w->lock);
    free(w);
}
