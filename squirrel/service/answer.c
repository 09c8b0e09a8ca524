/* SPDX-License-Identifier: MIT */
#include "service/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manager/wire.h"

enum { PRINCIPAL_BYTES = 32 };

typedef struct work {
    sq_answering *answering;
    sq_call *call;
    sq_text *out;
    sq_request request;
    sq_answer answer;
    char principal[PRINCIPAL_BYTES];
} work;

/* Who asks is what the kernel says, whatever the request does (S37). */
static void set_principal(work *w)
{
    const char *principal = w->principal;
    snprintf(w->principal, sizeof w->principal, "local:%u", (unsigned)w->call->uid);
    switch (w->request.ask) {
    case SQ_ASK_WRITE:
        for (size_t i = 0; i < w->request.write.count; i++)
            w->request.write.writes[i].principal = principal;
        break;
    case SQ_ASK_LIST:
        w->request.list.principal = principal;
        break;
    case SQ_ASK_HISTORY:
        w->request.history.principal = principal;
        break;
    default:
        break;
    }
}

/* The three steps that need a deep stack. */
static int read_request(void *arg)
{
    work *w = arg;
    int rc = sq_wire_read_request(w->call->request, w->call->bytes, &w->request, &w->answer.error);
    if (rc == 0)
        set_principal(w);
    return rc;
}

static int write_answer(void *arg)
{
    work *w = arg;
    sq_wire_write_answer(w->out, w->request.ask, &w->answer);
    return 0;
}

static int write_failure(void *arg)
{
    work *w = arg;
    sq_wire_write_answer(w->out, SQ_ASK_STATUS, &w->answer);
    return 0;
}

typedef struct event_job {
    const sq_event *event;
    sq_text text;
} event_job;

static int write_event(void *arg)
{
    event_job *job = arg;
    sq_wire_write_event(&job->text, job->event);
    return job->text.failed ? -ENOMEM : 0;
}

static DREY_ASYNC int send_event(sq_call *call, const sq_event *event)
{
    event_job job = {.event = event};
    int rc = drey_call_deep(write_event, &job);
    if (rc == 0)
        rc = sq_call_item(call, job.text.data, job.text.bytes);
    sq_text_free(&job.text);
    return rc;
}

/* Until the client goes away or the owner drains. */
static DREY_ASYNC int watch(work *w)
{
    sq_manager *manager = w->answering->manager;
    sq_watch *open;
    sq_event event;
    int rc =
        manager->ops->watch_open(manager, w->request.watch.project, w->request.watch.after, &open, &w->answer.error);
    if (rc < 0)
        return rc;
    rc = sq_call_stream(w->call);
    if (rc < 0)
        rc = sq_fail(&w->answer.error, SQ_BUSY, "the owner of the store serves as many watches as it can");
    while (rc == 0 && (rc = manager->ops->watch_next(open, &event, &w->answer.error)) == 0) {
        rc = send_event(w->call, &event);
        sq_revision_unref(event.revision);
        if (rc < 0)
            break;
    }
    manager->ops->watch_close(open);
    return rc == -ENOMEM ? sq_fail_memory(&w->answer.error) : rc;
}

/* A store that has failed once is not trusted again: the next owner opens it anew. */
static DREY_ASYNC void look_after_failure(const work *w)
{
    sq_status status;
    sq_error error;
    if (w->answer.rc == 0 || (w->answer.error.code != SQ_STORE_FAILED && w->answer.error.code != SQ_UNKNOWN_OUTCOME))
        return;
    sq_manager *manager = w->answering->manager;
    if (manager->ops->status(manager, &status, &error) == 0 && strcmp(status.condition, "failed") == 0)
        drey_token_cancel(w->answering->failed, "the store has failed");
}

static DREY_ASYNC int carry_out(work *w)
{
    if (w->request.ask == SQ_ASK_WATCH)
        w->answer.rc = watch(w);
    else if (sq_manager_ask(w->answering->manager, &w->request, &w->answer) == -ECANCELED)
        w->answer.rc = -ECANCELED;
    if (w->answer.rc == -ECANCELED)
        return -ECANCELED;
    look_after_failure(w);
    return drey_call_deep(w->request.ask == SQ_ASK_WATCH ? write_failure : write_answer, w);
}

int sq_answer_call(void *arg, sq_call *call, sq_text *answer)
{
    work w = {.answering = arg, .call = call, .out = answer};
    int rc = drey_call_deep(read_request, &w);
    if (rc < 0) {
        w.answer.rc = rc;
        return drey_call_deep(write_failure, &w);
    }
    rc = carry_out(&w);
    sq_answer_free(w.request.ask, &w.answer);
    sq_request_free(&w.request);
    return rc;
}

void sq_answer_failure(void *arg, int rc, sq_text *answer)
{
    work w = {.out = answer, .answer = {.rc = -EINVAL}};
    (void)arg;
    if (rc == -ECANCELED)
        sq_fail(&w.answer.error, SQ_INTERRUPTED, "the request was cancelled: nothing was changed");
    else if (rc == -EMSGSIZE)
        sq_fail(&w.answer.error, SQ_TOO_LARGE, "the answer has over %d bytes: ask for less at once",
                SQ_FRAME_PAYLOAD_MAX);
    else
        sq_fail_memory(&w.answer.error);
    (void)drey_call_deep(write_failure, &w);
}
