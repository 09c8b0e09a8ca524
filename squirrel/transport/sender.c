/* SPDX-License-Identifier: MIT */
#include "transport/sender.h"

#include <errno.h>

enum { KIB = 1024, KEPT_BYTES = 4096 };

static DREY_ASYNC int take_budget(sq_budget *budget, uint32_t permits)
{
    if (!budget || drey_sem_try_acquire(&budget->memory, permits) == 0)
        return 0;
    atomic_fetch_add(&budget->waiting, 1);
    int rc = drey_sem_acquire(&budget->memory, permits);
    atomic_fetch_sub(&budget->waiting, 1);
    return rc;
}

static DREY_ASYNC void give_budget(sq_budget *budget, uint32_t permits)
{
    if (budget && permits > 0)
        drey_sem_release(&budget->memory, permits);
}

/* Under the lock, and leaves it held. */
static DREY_ASYNC int add_locked(sq_sender *sender, const sq_frame *frame, uint32_t permits)
{
    int rc = 0;
    while (rc == 0 && !sender->ended && sender->waiting.bytes >= SQ_SENDER_BYTES)
        rc = drey_cond_wait(&sender->room, &sender->lock);
    if (rc == 0 && sender->ended)
        rc = -EPIPE;
    if (rc < 0)
        return rc;
    size_t before = sender->waiting.bytes;
    sq_frame_add(&sender->waiting, frame->type, frame->id, frame->payload, frame->bytes);
    if (sender->waiting.failed) {
        sender->waiting.bytes = before;
        sender->waiting.failed = false;
        return -ENOMEM;
    }
    sender->permits += permits;
    return 0;
}

int sq_sender_add(sq_sender *sender, sq_frame_type type, uint64_t id, const char *payload, size_t bytes)
{
    sq_frame frame = {type, id, payload, bytes};
    uint32_t permits = (uint32_t)(bytes / KIB + 1);
    int rc = take_budget(sender->budget, permits);
    if (rc < 0)
        return rc;
    rc = drey_mutex_lock(&sender->lock);
    if (rc == 0) {
        rc = add_locked(sender, &frame, permits);
        drey_mutex_unlock(&sender->lock);
    }
    if (rc == 0)
        drey_notify_one(&sender->wake);
    else
        give_budget(sender->budget, permits);
    return rc;
}

void sq_sender_end(sq_sender *sender, bool failed)
{
    {
        DREY_LOCKED(&sender->lock);
        sender->ended = true;
        sender->failed |= failed;
        drey_cond_all(&sender->room);
    }
    drey_notify_one(&sender->wake);
}

/* Takes what waits, and leaves the memory of *out in its place. 1: something was taken. 0: nothing waits.
 * -ESHUTDOWN: nothing, and nothing will. */
static DREY_ASYNC int take(sq_sender *sender, sq_text *out, uint32_t *out_permits)
{
    DREY_LOCKED(&sender->lock);
    if (sender->failed)
        return -ESHUTDOWN;
    if (sender->waiting.bytes == 0) {
        if (sender->waiting.room > KEPT_BYTES)
            sq_text_free(&sender->waiting);
        return sender->ended ? -ESHUTDOWN : 0;
    }
    sq_text empty = *out;
    *out = sender->waiting;
    *out_permits = sender->permits;
    sender->waiting = empty;
    sender->permits = 0;
    drey_cond_all(&sender->room);
    return 1;
}

/* All of it within `patience`. A second in which nothing is taken ends it, too, if others wait for the memory. */
static DREY_ASYNC int write_patiently(const sq_budget *budget, int fd, const sq_text *text, drey_duration patience)
{
    drey_time end = drey_now() + patience, now;
    for (size_t done = 0; done < text->bytes;) {
        if ((now = drey_now()) >= end)
            return -ETIMEDOUT;
        DREY_SCOPE(scope, .timeout = end - now < DREY_SEC(1) ? end - now : DREY_SEC(1), .name = "sending");
        ssize_t wrote = drey_write(fd, text->data + done, text->bytes - done);
        int rc = drey_scope_close(&scope, wrote < 0 ? (int)wrote : 0);
        bool wanted = budget && atomic_load(&budget->waiting) > 0;
        if (wrote > 0) /* even if the second was over by then */
            done += (size_t)wrote;
        else if (rc != -ETIMEDOUT || wanted)
            return rc;
    }
    return 0;
}

int sq_sender_write(sq_sender *sender, int fd, drey_duration patience)
{
    sq_text batch = {0};
    uint32_t permits = 0;
    int rc;
    while ((rc = take(sender, &batch, &permits)) > 0) {
        rc = write_patiently(sender->budget, fd, &batch, patience);
        sq_text_clear(&batch);
        give_budget(sender->budget, permits);
        permits = 0;
        if (rc < 0) {
            sq_sender_end(sender, true);
            break;
        }
    }
    sq_text_free(&batch);
    return rc == -ESHUTDOWN ? 1 : rc;
}

void sq_sender_deinit(sq_sender *sender)
{
    give_budget(sender->budget, sender->permits);
    sq_text_free(&sender->waiting);
    drey_cond_deinit(&sender->room);
    drey_notify_deinit(&sender->wake);
    drey_mutex_deinit(&sender->lock);
}
