/* SPDX-License-Identifier: MIT */
#include "arch/arch.h"
#include "base/alloc.h"
#include "chan/chan.h"
#include "chan/linger.h"
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
    *c = (drey_chan){
        .foreign = options.foreign,
        .plain = !options.foreign && options.message_bytes == sizeof(uint64_t),
        .pauses = drey__linger_pauses(options.capacity),
        .refs = 1,
        .name = options.name,
    };
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
    if (unlikely(drey__ring_count(&chan->ring) > 0) && drey__strict())
        drey__panic("drey_chan_unref: channel %s holds %u messages; receive them before the last reference goes (R19)",
                    name, (unsigned)drey__ring_count(&chan->ring));
    drey__ring_deinit(&chan->ring);
    drey__free(chan);
}

/* Under the lock, which it releases: wait in q until somebody moves the message or closes the channel. */
static DREY__RETURN_BY_JUMP int wait_in(struct drey__queue *q, drey_chan *c, struct drey_task *self, void *data,
                                        const char *what, const void *place)
{
    struct drey__waiter w;
    drey__waiter_init(&w, self, data, 0);
    drey__arm(self, c->foreign ? DREY__FOREIGN : 0);
    drey__queue_push(q, &w);
    drey__chan_unlock(c);
    if (likely(drey__park_here(self, what, c, place)))
        return w.result;
    drey__chan_lock(c);
    drey__queue_remove(q, &w);
    drey__chan_unlock(c);
    return -ECANCELED;
}

static __attribute__((noinline)) int send_any(drey_chan *chan, const void *message, const void *place)
{
    struct drey_task *self, *woken;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (unlikely(rc < 0))
        return rc;
    drey__chan_lock(chan);
    rc = drey__chan_put(chan, message, &woken);
    if (rc == -EAGAIN && drey__multi)
        rc = drey__linger_to_put(chan, message, &woken);
    if (rc == -EAGAIN)
        return wait_in(&chan->senders, chan, self, (void *)(uintptr_t)message, "room in a channel", place);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

static __attribute__((noinline)) int recv_any(drey_chan *chan, void *out_message, const void *place)
{
    struct drey_task *self, *woken;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (unlikely(rc < 0))
        return rc;
    drey__chan_lock(chan);
    rc = drey__chan_take(chan, out_message, &woken);
    if (rc == -EAGAIN && drey__multi)
        rc = drey__linger_to_take(chan, out_message, &woken);
    if (rc == -EAGAIN)
        return wait_in(&chan->receivers, chan, self, out_message, "a message", place);
    drey__chan_unlock_and_wake(chan, woken);
    return rc;
}

static __attribute__((noinline)) int wake_any(struct drey_task *t)
{
    drey__wake(t);
    return 0;
}

static __attribute__((noinline)) int leave_receivers(drey_chan *c, struct drey__waiter *w)
{
    drey__queue_remove(&c->receivers, w);
    return -ECANCELED;
}

/* wait_in for the short way. What it needs after the wait it finds again, so it keeps one register for itself. */
static DREY__RETURN_BY_JUMP __attribute__((noinline)) int wait_short(drey_chan *c, void *out_message,
                                                                     struct drey_task *self, const void *place)
{
    struct drey__waiter w;
    drey__waiter_init(&w, self, out_message, 0);
    drey__arm(self, 0);
    drey__queue_push(&c->receivers, &w);
    drey__park_leave(drey__self, self, "a message", c, place);
    c = (drey_chan *)(uintptr_t)self->stack->wait_object;
    return likely(drey__park_return(self)) ? w.result : leave_receivers(c, &w);
}

/*
 * The short way, for the channels that most are: messages of 8 bytes, one worker, open, nothing in the way. It decides
 * before it changes anything, and calls nothing but as its last step, so it needs no frame: a round trip of two tasks
 * takes 440 instructions instead of 620. All else, and the rare, is left to send_any and recv_any.
 */
int drey_chan_send(drey_chan *chan, const void *message)
{
    struct drey_task *self = drey__enter_plainly();
    if (unlikely(self == NULL || drey__multi || !chan->plain))
        return send_any(chan, message, DREY__CALLER);
    struct drey__ring *r = &chan->ring;
    struct drey__waiter *receiver = chan->receivers.first;
    if (receiver != NULL) {
        struct drey_task *t = receiver->task;
        if (unlikely(!drey__claim_plainly(t, receiver->index)))
            return send_any(chan, message, DREY__CALLER);
        drey__queue_shift(&chan->receivers, receiver);
        memcpy(receiver->data, message, sizeof(uint64_t));
        receiver->result = 0;
        return likely(drey__wake_plainly(t)) ? 0 : wake_any(t);
    }
    uint32_t count = drey__ring_count(r);
    if (unlikely(count >= r->capacity || count > r->mask))
        return send_any(chan, message, DREY__CALLER);
    memcpy(r->slots + (size_t)((r->head + count) & r->mask) * sizeof(uint64_t), message, sizeof(uint64_t));
    drey__ring_count_set(r, count + 1);
    return 0;
}

int drey_chan_recv(drey_chan *chan, void *out_message)
{
    struct drey_task *self = drey__enter_plainly();
    if (unlikely(self == NULL || drey__multi || !chan->plain || chan->senders.first != NULL))
        return recv_any(chan, out_message, DREY__CALLER);
    struct drey__ring *r = &chan->ring;
    uint32_t count = drey__ring_count(r);
    if (count == 0)
        return wait_short(chan, out_message, self, DREY__CALLER);
    if (unlikely(count == 1 && r->mask >= DREY__RING_IDLE_BYTES / sizeof(uint64_t)))
        return recv_any(chan, out_message, DREY__CALLER);
    memcpy(out_message, r->slots + (size_t)(r->head & r->mask) * sizeof(uint64_t), sizeof(uint64_t));
    drey__ring_drop(r);
    return 0;
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
    chan->plain = false;
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
    size_t count = drey__ring_count(&c->ring);
    drey__chan_unlock(c);
    return count;
}
