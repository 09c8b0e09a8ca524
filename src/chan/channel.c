/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "chan/chan.h"
#include "wait/claimed.h"

int drey_chan_new(drey_chan_options options, drey_chan **out_chan)
{
    size_t first_bytes;
    int rc = drey__ring_shape(options.message_bytes, options.capacity, &first_bytes);
    if (rc < 0)
        return rc;
    drey_chan *c = drey__alloc(sizeof *c + first_bytes);
    if (c == NULL)
        return -ENOMEM;
    *c = (drey_chan){.foreign = options.foreign, .refs = 1, .name = options.name};
    drey__ring_init(&c->ring, options.message_bytes, options.capacity, c->first);
    *out_chan = c;
    return 0;
}

drey_chan *drey_chan_ref(drey_chan *chan)
{
    /* Relaxed: whoever calls this holds a reference, so nothing can end meanwhile. */
    atomic_fetch_add_explicit(&chan->refs, 1, memory_order_relaxed);
    return chan;
}

void drey_chan_unref(drey_chan *chan)
{
    if (atomic_fetch_sub_explicit(&chan->refs, 1, memory_order_acq_rel) != 1)
        return;
    const char *name = chan->name != NULL ? chan->name : "without a name";
    if (unlikely(chan->senders.first != NULL || chan->receivers.first != NULL))
        drey__panic("drey_chan_unref: the last reference to channel %s went while a task waits on it; give each task "
                    "that uses it a reference (R7)",
                    name);
    if (unlikely(chan->ring.count > 0) && drey__strict())
        drey__panic("drey_chan_unref: channel %s holds %u messages; receive them before the last reference goes (R19)",
                    name, (unsigned)chan->ring.count);
    drey__ring_deinit(&chan->ring);
    drey__free(chan);
}

/* Under the lock, which it releases: wait in q until somebody moves the message or closes the channel. */
static int wait_in(struct drey__queue *q, drey_chan *c, struct drey_task *self, void *data, const char *what,
                   const void *place)
{
    struct drey__waiter w;
    drey__waiter_init(&w, self, data, 0);
    drey__arm(self, c->foreign ? DREY__FOREIGN : 0);
    drey__queue_push(q, &w);
    drey__chan_unlock(c);
    if (likely(drey__park_at(self, what, c, place)))
        return w.result;
    drey__chan_lock(c);
    drey__queue_remove(q, &w);
    drey__chan_unlock(c);
    return -ECANCELED;
}

int drey_chan_send(drey_chan *chan, const void *message)
{
    struct drey_task *self, *woken;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    drey__chan_lock(chan);
    rc = drey__chan_put(chan, message, &woken);
    if (rc == -EAGAIN)
        return wait_in(&chan->senders, chan, self, (void *)(uintptr_t)message, "room in a channel", DREY__CALLER);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

int drey_chan_recv(drey_chan *chan, void *out_message)
{
    struct drey_task *self, *woken;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    drey__chan_lock(chan);
    rc = drey__chan_take(chan, out_message, &woken);
    if (rc == -EAGAIN)
        return wait_in(&chan->receivers, chan, self, out_message, "a message", DREY__CALLER);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

static inline bool wrong_thread(const drey_chan *c)
{
    return !c->foreign && drey__current() == NULL;
}

int drey_chan_try_send(drey_chan *chan, const void *message)
{
    if (unlikely(wrong_thread(chan)))
        return -EPERM;
    struct drey_task *woken;
    drey__chan_lock(chan);
    int rc = drey__chan_put(chan, message, &woken);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

int drey_chan_try_recv(drey_chan *chan, void *out_message)
{
    if (unlikely(wrong_thread(chan)))
        return -EPERM;
    struct drey_task *woken;
    drey__chan_lock(chan);
    int rc = drey__chan_take(chan, out_message, &woken);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

void drey_chan_close(drey_chan *chan)
{
    drey__current_or_die("drey_chan_close");
    struct drey__queue crowd = {0};
    drey__chan_lock(chan);
    chan->closed = true;
    drey__claimed_add_all(&crowd, &chan->senders, -EPIPE);
    drey__claimed_add_all(&crowd, &chan->receivers, -EPIPE); /* they wait, so the ring is empty (I1) */
    drey__chan_unlock(chan);
    drey__claimed_wake(&crowd);
}

size_t drey_chan_length(const drey_chan *chan)
{
    drey__current_or_die("drey_chan_length");
    drey_chan *c = (drey_chan *)(uintptr_t)chan;
    drey__chan_lock(c);
    size_t count = c->ring.count;
    drey__chan_unlock(c);
    return count;
}
