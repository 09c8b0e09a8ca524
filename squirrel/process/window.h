/* SPDX-License-Identifier: MIT */
/* Results in input order, in bounded memory. Inputs take numbered slots from a ring; results fill them in any order;
 * the writer takes them from the head. A full ring makes the next input wait, so a slow head of the line holds at most
 * `size` finished results behind it, however many inputs there are. */
#pragma once
#include <drey.h>

#include "json/text.h"

typedef struct sq_result {
    sq_text json;      /* a line, "\n" included */
    sq_text human;     /* the same for people; empty if nobody looks */
} sq_result;

typedef struct sq_window {
    struct sq_slot { sq_result result; bool filled; } *slots;
    size_t size;
    uint64_t head, tail;   /* slots taken out, slots given out */
    bool closed;
    drey_mutex lock;       /* guards all of the above */
    drey_sem room;         /* free slots */
    drey_notify ready;     /* the head was filled, or the window closed */
} sq_window;

DREY_MUST_USE int sq_window_open(sq_window *window, size_t size);   /* 0 or -ENOMEM */
void sq_window_deinit(sq_window *window);

/* Gives out the next slot. `until` firing ends the wait too. 0, or -ECANCELED.
 * Suspends: while the ring is full. Cancel: no slot is taken. */
DREY_ASYNC DREY_MUST_USE int sq_window_reserve(sq_window *window, drey_token *until, uint64_t *out_slot);

/* Fills a slot; consumes the result. Suspends: for the lock only. Cancel: uncut. */
DREY_ASYNC void sq_window_fill(sq_window *window, uint64_t slot, sq_result *result);

/* No slot will be given out or filled any more; those not filled are skipped. Suspends, Cancel: as above. */
DREY_ASYNC void sq_window_close(sq_window *window);

/* Takes the next result, in order, to be freed with sq_result_free. 0; -EAGAIN: not ready, and `wait` is false;
 * -EPIPE: closed and all taken; -ECANCELED. Suspends: until it is filled. Cancel: nothing is taken. */
DREY_ASYNC DREY_MUST_USE int sq_window_take(sq_window *window, bool wait, sq_result *out);

void sq_result_free(sq_result *result);
