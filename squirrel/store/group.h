/* SPDX-License-Identifier: MIT */
/* Jobs and groups: between the writer's task and the store's transaction. */
#pragma once
#include "store/writer.h"

enum { SQ_UNIT_BYTES = 1024 };

typedef enum sq_job_state { SQ_JOB_QUEUED, SQ_JOB_TAKEN } sq_job_state;

/* What one asker wants: writes that succeed or fail together, or a piece of the store's work. */
typedef struct sq_job {
    struct sq_job *next, *previous;  /* in the queue; in the group: next alone */
    sq_job_state state;              /* under the writer's lock */
    unsigned refs;                   /* the asker's and the writer's; under the writer's lock */
    sq_prepared *writes;
    size_t count, bytes;
    sq_work *fn;                     /* instead of writes */
    void *arg;
    bool alone;
    /* The answer: written by whoever runs the group, read by the asker once `done` is open. */
    int rc;
    sq_written *written;             /* `count` of them */
    sq_error error;
    drey_gate done;
} sq_job;

struct sq_group {
    sq_job *first;
    size_t count, bytes;
    bool failed;                     /* nothing was committed; `error` says why */
    bool poisons;                    /* by a commit that failed: nobody knows what is on disk (W3) */
    sq_error error;
    const sq_revision **made;        /* what was committed, for the listener */
    size_t made_count;
};

/* Who writes what: the queue and all below `lock` under the lock; the rest is set before the task starts. */
struct sq_writer {
    sq_store *store;
    sq_run_group *run;
    drey_sem room, room_bytes;       /* of the queue: jobs' writes, and units of their bytes */
    drey_notify wake;                /* there is work, or closing was asked for */
    drey_gate ended;                 /* the task has ended */
    drey_mutex lock;                 /* all below, and jobs' state and refs */
    sq_job *first, *last;
    size_t queued;                   /* writes */
    bool closing, poisoned;
    sq_error poison;
    int64_t writes, groups;          /* committed */
};

uint32_t sq_job_places(const sq_job *job);                   /* what it takes of `room` */
uint32_t sq_job_units(const sq_writer *writer, const sq_job *job);   /* and of `room_bytes` */
void sq_job_leave_queue(sq_writer *writer, sq_job *job);     /* with the lock held */
DREY_ASYNC void sq_job_unref(sq_writer *writer, sq_job *job);
void sq_job_free(sq_job *job);

void sq_group_fail(sq_group *group, int rc, const sq_error *error);   /* every job of it */
