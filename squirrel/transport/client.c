/* SPDX-License-Identifier: MIT */
#include "transport/client.h"

#include <errno.h>
#include <stdatomic.h>

#include "transport/pending.h"

enum { BATCH_BYTES = 256 << 10, REGRET_SECONDS = 10, PAUSE_MS = 5, PAUSES_MAX = 40, CLOSE_SECONDS = 3600 };

typedef struct line {
    sq_client *client;
    int fd;
} line;

static DREY_ASYNC int send_calls(void *arg)
{
    const line *l = arg;
    sq_client *client = l->client;
    sq_text batch = {0};
    int rc = 0;
    while (rc == 0) {
        {
            DREY_LOCKED(&client->lock);
            sq_pending_collect(client, &batch, BATCH_BYTES);
        }
        if (batch.failed)
            rc = -ENOMEM;
        else if (batch.bytes > 0)
            rc = drey_write_all(l->fd, batch.data, batch.bytes, NULL);
        else
            rc = drey_notify_wait(&client->unsent);
        sq_text_clear(&batch);
    }
    sq_text_free(&batch);
    return rc;
}

static DREY_ASYNC int take_answer(sq_client *client, const sq_frame *frame)
{
    if (frame->type != SQ_FRAME_ANSWER)
        return -EPROTO;
    DREY_LOCKED(&client->lock);
    sq_pending *pending = sq_pending_find(client, frame->id);
    if (!pending || pending->done)
        return 0; /* its caller does not want it any more */
    sq_text_add(pending->answer, frame->payload, frame->bytes);
    sq_pending_finish(pending, pending->answer->failed ? sq_fail_memory(pending->error) : 0);
    return 0;
}

static DREY_ASYNC int read_some(int fd, sq_frames *frames)
{
    char *at;
    size_t room;
    int rc = sq_frames_room(frames, &at, &room);
    if (rc < 0)
        return rc;
    ssize_t got = drey_read(fd, at, room);
    if (got <= 0)
        return got == 0 ? -ECONNRESET : (int)got;
    sq_frames_came(frames, (size_t)got);
    return 0;
}

static DREY_ASYNC int read_answers(const line *l)
{
    sq_frames frames = {.max = SQ_FRAME_PAYLOAD_MAX};
    sq_frame frame;
    int rc = 0;
    while (rc == 0) {
        rc = read_some(l->fd, &frames);
        while (rc == 0 && (rc = sq_frames_next(&frames, &frame)) > 0)
            rc = take_answer(l->client, &frame);
        sq_frames_rest(&frames);
    }
    sq_frames_free(&frames);
    return rc;
}

/* Until the connection is lost. */
static DREY_ASYNC int carry(sq_client *client, int fd)
{
    line l = {client, fd};
    DREY_SCOPE(scope, .name = "link");
    int rc = drey_go(&scope, send_calls, &l);
    if (rc == 0)
        rc = read_answers(&l);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC void note_loss(sq_client *client)
{
    DREY_LOCKED(&client->lock);
    sq_pending_lost(client);
}

static DREY_ASYNC void fail_all(sq_client *client, const sq_error *error, bool closed)
{
    DREY_LOCKED(&client->lock);
    client->closed |= closed;
    for (sq_pending *p = client->first; p; p = p->after)
        sq_pending_fail(p, error);
}

static DREY_ASYNC bool is_wanted(sq_client *client)
{
    DREY_LOCKED(&client->lock);
    for (const sq_pending *p = client->first; p; p = p->after) {
        if (!p->done)
            return true;
    }
    return false;
}

static DREY_ASYNC int connect_and_carry(sq_client *client, unsigned *losses)
{
    sq_error error;
    int fd, rc = client->connector.connect(client->connector.arg, &fd, &error);
    if (rc < 0) {
        if (rc != -ECANCELED)
            fail_all(client, &error, false);
        return rc == -ECANCELED ? rc : 0;
    }
    drey_time from = drey_now();
    rc = carry(client, fd);
    drey_close(fd);
    note_loss(client);
    atomic_fetch_add(&client->reconnects, 1);
    if (rc == -ECANCELED && drey_cancelled())
        return rc;
    /* An owner that ends again and again is given a little more time each time. */
    *losses = drey_now() - from > DREY_SEC(1) ? 0 : *losses < PAUSES_MAX ? *losses + 1 : *losses;
    return drey_sleep(*losses > 1 ? DREY_MS(PAUSE_MS) * *losses : 0);
}

static DREY_ASYNC int run_link(void *arg)
{
    sq_client *client = arg;
    sq_error error;
    unsigned losses = 0;
    DREY_SCOPE(scope, .token = client->stop, .name = "client");
    int rc = 0;
    while (rc == 0)
        rc = is_wanted(client) ? connect_and_carry(client, &losses) : drey_notify_wait(&client->wanted);
    sq_fail(&error, SQ_STORE_UNREACHABLE, "this client of the store is being closed");
    fail_all(client, &error, true);
    rc = drey_scope_close(&scope, rc);
    drey_gate_open(&client->ended, 0);
    return rc == -ECANCELED ? 0 : rc; /* it was told to */
}

static void deinit(sq_client *client)
{
    sq_text_free(&client->control);
    drey_notify_deinit(&client->wanted);
    drey_notify_deinit(&client->unsent);
    drey_mutex_deinit(&client->lock);
    drey_gate_deinit(&client->ended);
    drey_token_unref(client->stop);
}

int sq_client_open(sq_client *client, drey_scope *scope, sq_connector connector)
{
    *client = (sq_client){.connector = connector};
    int rc = drey_token_new(NULL, &client->stop);
    if (rc < 0)
        return rc;
    rc = drey_go_daemon(scope, run_link, client);
    if (rc < 0)
        deinit(client);
    return rc;
}

void sq_client_close(sq_client *client)
{
    int ignored;
    drey_token_cancel(client->stop, "the client is being closed");
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(CLOSE_SECONDS), .name = "closing the client");
    int rc = drey_gate_wait(&client->ended, &ignored);
    rc = drey_scope_close(&scope, rc);
    (void)rc; /* the link ends at its next suspension point */
    deinit(client);
}

static DREY_ASYNC int queue(sq_client *client, sq_pending *pending, sq_error *error)
{
    if (pending->message->bytes > SQ_FRAME_PAYLOAD_MAX)
        return sq_fail(error, SQ_TOO_LARGE, "the request has %zu bytes: at most %d are accepted",
                       pending->message->bytes, SQ_FRAME_PAYLOAD_MAX);
    if (drey_cancelled())
        return -ECANCELED;
    {
        DREY_LOCKED(&client->lock);
        if (client->closed)
            return sq_fail(error, SQ_STORE_UNREACHABLE, "this client of the store is closed");
        sq_pending_add(client, pending);
    }
    drey_notify_one(&client->wanted);
    drey_notify_one(&client->unsent);
    return 0;
}

/* The caller was cancelled. A change that was sent may be written by now: the owner is asked to drop it, and says what
 * became of it. */
static DREY_ASYNC int withdraw(sq_client *client, sq_pending *pending)
{
    bool ask;
    {
        DREY_LOCKED(&client->lock);
        pending->withdrawn = true;
        ask = !pending->done && pending->sends > 0;
        if (ask)
            sq_frame_add(&client->control, SQ_FRAME_CANCEL, pending->id, NULL, 0);
        client->control.failed = false;
    }
    if (!ask || !pending->message->key) {
        if (ask)
            drey_notify_one(&client->unsent);
        return -ECANCELED;
    }
    drey_notify_one(&client->unsent);
    int opened = 0;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(REGRET_SECONDS), .name = "withdrawing");
    int rc = drey_gate_wait(&pending->gate, &opened);
    return drey_scope_close(&scope, rc);
}

int sq_client_call(sq_client *client, const sq_message *message, sq_text *answer, sq_error *error)
{
    sq_error unreachable;
    sq_pending pending = {.message = message, .answer = answer, .error = error};
    int opened, rc = queue(client, &pending, error);
    if (rc < 0)
        return rc;
    rc = drey_gate_wait(&pending.gate, &opened);
    if (rc < 0)
        rc = withdraw(client, &pending);
    {
        DREY_LOCKED(&client->lock);
        sq_pending_remove(client, &pending);
        if (!pending.done && rc != -ECANCELED) {
            sq_fail(&unreachable, SQ_STORE_UNREACHABLE, "the owner of the store does not answer");
            sq_pending_fail(&pending, &unreachable);
        }
    }
    drey_gate_deinit(&pending.gate);
    return pending.done ? pending.rc : -ECANCELED;
}
