/* SPDX-License-Identifier: MIT */
#include "process/window.h"

#include <errno.h>
#include <stdlib.h>

void sq_result_free(sq_result *result)
{
    sq_text_free(&result->json);
    sq_text_free(&result->human);
}

int sq_window_open(sq_window *window, size_t size)
{
    *window = (sq_window){.slots = calloc(size, sizeof *window->slots)};
    if (!window->slots)
        return -ENOMEM;
    window->size = size;
    drey_sem_init(&window->room, (uint32_t)size, (uint32_t)size);
    return 0;
}

void sq_window_deinit(sq_window *window)
{
    for (size_t i = 0; i < window->size; i++)
        sq_result_free(&window->slots[i].result);
    free(window->slots);
    drey_mutex_deinit(&window->lock);
    drey_sem_deinit(&window->room);
    drey_notify_deinit(&window->ready);
}

int sq_window_reserve(sq_window *window, drey_token *until, uint64_t *out_slot)
{
    drey_case cases[] = {drey_on_token(until), drey_on_acquire(&window->room, 1)};
    if (drey_token_cancelled(until))
        return -ECANCELED;
    int chosen = drey_select(cases, 2);
    if (chosen != 1)
        return -ECANCELED;
    DREY_LOCKED(&window->lock);
    *out_slot = window->tail++;
    return 0;
}

void sq_window_fill(sq_window *window, uint64_t slot, sq_result *result)
{
    bool head;
    {
        DREY_LOCKED(&window->lock);
        struct sq_slot *here = &window->slots[slot % window->size];
        here->result = *result;
        here->filled = true;
        head = slot == window->head;
    }
    *result = (sq_result){0};
    if (head)
        drey_notify_one(&window->ready);
}

void sq_window_close(sq_window *window)
{
    {
        DREY_LOCKED(&window->lock);
        window->closed = true;
    }
    drey_notify_one(&window->ready);
}

/* 0: taken. -EAGAIN: the head is not filled yet. -EPIPE: nothing more will come. */
static DREY_ASYNC int take_head(sq_window *window, sq_result *out)
{
    DREY_LOCKED(&window->lock);
    while (window->head < window->tail) {
        struct sq_slot *slot = &window->slots[window->head % window->size];
        bool filled = slot->filled;
        if (!filled && !window->closed)
            return -EAGAIN;
        window->head++;
        if (!filled)
            continue;
        *out = slot->result;
        *slot = (struct sq_slot){0};
        return 0;
    }
    return window->closed ? -EPIPE : -EAGAIN;
}

int sq_window_take(sq_window *window, bool wait, sq_result *out)
{
    int rc;
    while ((rc = take_head(window, out)) == -EAGAIN && wait) {
        rc = drey_notify_wait(&window->ready);
        if (rc < 0)
            return rc;
    }
    if (rc == 0)
        drey_sem_release(&window->room, 1);
    return rc;
}
