/* SPDX-License-Identifier: MIT */
/* One call on a channel, by a child. */
#pragma once
#include <drey.h>

typedef struct {
    drey_chan *chan;
    uint64_t value;
    int rc;
} transfer;

static DREY_ASYNC inline int send_one(void *arg)
{
    transfer *t = arg;
    t->rc = drey_chan_send(t->chan, &t->value);
    return 0;
}

static DREY_ASYNC inline int recv_one(void *arg)
{
    transfer *t = arg;
    t->rc = drey_chan_recv(t->chan, &t->value);
    return 0;
}
