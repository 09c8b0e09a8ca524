/* SPDX-License-Identifier: MIT */
/* A channel as a case of a select. */
#include "chan/chan.h"
#include "wait/case.h"

/* Whether somebody waits in q who is not the selecting task itself: two of its cases cannot serve each other. */
static bool other_waits(const struct drey__queue *q, const struct drey_task *self)
{
    const struct drey__waiter *w = q->first;
    while (w != NULL && w->task == self)
        w = w->next;
    return w != NULL;
}

static bool attempt_send(drey_case *c)
{
    drey_chan *chan = c->object;
    struct drey_task *woken;
    drey__chan_lock(chan);
    int rc = drey__chan_put(chan, c->out, &woken);
    drey__chan_unlock_and_wake(chan, woken);
    if (rc == -EAGAIN)
        return false;
    c->result = rc;
    return true;
}

static bool attempt_recv(drey_case *c)
{
    drey_chan *chan = c->object;
    struct drey_task *woken;
    drey__chan_lock(chan);
    int rc = drey__chan_take(chan, c->out, &woken);
    drey__chan_unlock_and_wake(chan, woken);
    if (rc == -EAGAIN)
        return false;
    c->result = rc;
    return true;
}

static bool enlist_send(drey_case *c, struct drey__waiter *w)
{
    drey_chan *chan = c->object;
    drey__chan_lock(chan);
    bool ready = chan->closed || other_waits(&chan->receivers, w->task) || drey__chan_has_room(chan);
    if (!ready) {
        w->data = c->out;
        drey__queue_push(&chan->senders, w);
    }
    drey__chan_unlock(chan);
    return ready;
}

static bool enlist_recv(drey_case *c, struct drey__waiter *w)
{
    drey_chan *chan = c->object;
    drey__chan_lock(chan);
    bool ready = chan->closed || drey__ring_count(&chan->ring) > 0 || other_waits(&chan->senders, w->task);
    if (!ready) {
        w->data = c->out;
        drey__queue_push(&chan->receivers, w);
    }
    drey__chan_unlock(chan);
    return ready;
}

static void withdraw_send(drey_case *c, struct drey__waiter *w)
{
    drey_chan *chan = c->object;
    drey__chan_lock(chan);
    drey__queue_remove(&chan->senders, w);
    drey__chan_unlock(chan);
}

static void withdraw_recv(drey_case *c, struct drey__waiter *w)
{
    drey_chan *chan = c->object;
    drey__chan_lock(chan);
    drey__queue_remove(&chan->receivers, w);
    drey__chan_unlock(chan);
}

/* Any channel may be a foreign one, and the flag belongs to the kind. */
const struct drey__case_ops drey__case_send = {
    .what = "room in a channel",
    .arm_flags = DREY__FOREIGN,
    .attempt = attempt_send,
    .enlist = enlist_send,
    .withdraw = withdraw_send,
};

const struct drey__case_ops drey__case_recv = {
    .what = "a message",
    .arm_flags = DREY__FOREIGN,
    .attempt = attempt_recv,
    .enlist = enlist_recv,
    .withdraw = withdraw_recv,
};
