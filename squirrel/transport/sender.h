/* SPDX-License-Identifier: MIT */
/* What is on its way to a peer: tasks add frames, one writer sends them, as many at a time as have gathered. Bounded:
 * who adds to what is full waits. For tasks. {.budget = shared}, or {0}. */
#pragma once
#include <drey.h>
#include <stdatomic.h>

#include "transport/frame.h"

/* Memory that several senders share. */
typedef struct sq_budget {
    drey_sem memory;        /* a permit a KiB that has begun */
    _Atomic unsigned waiting;   /* how many wait for it: then nobody who takes nothing may hold it for long */
} sq_budget;

typedef struct sq_sender {
    sq_budget *budget;      /* NULL: none */
    drey_mutex lock;
    drey_cond room;
    drey_notify wake;       /* the writer's: there is something, or the end */
    sq_text waiting;        /* under lock */
    uint32_t permits;       /* under lock: of budget, for what waits */
    bool ended;             /* under lock: nothing more is added */
    bool failed;            /* under lock: nothing more is sent */
} sq_sender;

enum { SQ_SENDER_BYTES = 256 << 10 };   /* that wait before adding does, too: then one frame more is taken */

/* 0: it will be sent if the peer takes it. -EPIPE: the sender has ended. -ENOMEM.
 * Suspends: while too much waits. Cancel: nothing was added. */
DREY_ASYNC DREY_MUST_USE
int sq_sender_add(sq_sender *sender, sq_frame_type type, uint64_t id, const char *payload, size_t bytes);

/* No more is added; what waits is still sent, unless it `failed`. */
DREY_ASYNC void sq_sender_end(sq_sender *sender, bool failed);

/* Sends what waits, until there is nothing. 0: all was sent, wait for `wake`. 1: the sender has ended, and this was the
 * last. -ETIMEDOUT: the peer did not take what waited within `patience`, or took nothing for a second while others
 * waited for the budget. Or another negative errno. After a failure nothing more is sent.
 * Suspends: while the peer takes nothing. Cancel: the frame under way is cut off: close the connection. */
DREY_ASYNC DREY_MUST_USE
int sq_sender_write(sq_sender *sender, int fd, drey_duration patience);

void sq_sender_deinit(sq_sender *sender);
