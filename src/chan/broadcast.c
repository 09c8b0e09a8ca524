/* SPDX-License-Identifier: MIT */
/*
 * A broadcast: the newest `capacity` messages, numbered from the first one sent, and a cursor a subscriber.
 *
 *   oldest kept = next - ring.count            cursor < oldest: the difference was missed
 *   | ... dropped | kept ............ | next   cursor == next: wait
 *
 * A send wakes who waits, and each takes its message from the ring itself. Handing it over directly would spare a
 * lock, and need a second place for a message a subscriber.
 */
#include "base/alloc.h"
#include "chan/chan.h"
#include "wait/claimed.h"
#include "wait/case.h"

struct drey_broadcast {
    drey__spin lock;
    bool closed;                /* under lock; set once */
    struct drey__ring ring;     /* under lock */
    uint64_t next;              /* under lock: number of the next message */
    struct drey__queue waiters; /* under lock */
    _Atomic uint32_t refs;      /* as a channel's */
    _Alignas(8) char first[];
};

/* The lock is the broadcast's. */
struct __attribute__((may_alias)) subscription {
    drey_broadcast *broadcast; /* NULL: not open */
    uint64_t cursor;           /* under lock: number of the message to read next */
    struct drey_task *reader;  /* under lock; valid while waiting > 0 */
    uint32_t waiting;          /* under lock: waits that have not come back; more than 1 only in one select */
};

_Static_assert(sizeof(struct subscription) <= sizeof(drey_subscription), "a subscription has room for its fields");

static inline struct subscription *self_of(drey_subscription *s)
{
    return (struct subscription *)(void *)s;
}

int drey_broadcast_new(size_t message_bytes, size_t capacity, drey_broadcast **out_broadcast)
{
    if (drey__current() == NULL)
        return -EPERM;
    size_t first_bytes;
    int rc = capacity == 0 ? -EINVAL : drey__ring_shape(message_bytes, capacity, &first_bytes);
    if (rc < 0)
        return rc;
    drey_broadcast *b = drey__alloc(sizeof *b + first_bytes);
    if (b == NULL)
        return -ENOMEM;
    *b = (drey_broadcast){.refs = 1};
    drey__ring_init(&b->ring, message_bytes, capacity, b->first);
    *out_broadcast = b;
    return 0;
}

drey_broadcast *drey_broadcast_ref(drey_broadcast *broadcast)
{
    atomic_fetch_add_explicit(&broadcast->refs, 1, memory_order_relaxed);
    return broadcast;
}

/* Nobody can wait on it any more: an open subscription holds a reference. */
void drey_broadcast_unref(drey_broadcast *broadcast)
{
    if (atomic_fetch_sub_explicit(&broadcast->refs, 1, memory_order_acq_rel) != 1)
        return;
    drey__ring_deinit(&broadcast->ring);
    drey__free(broadcast);
}

/* A ring that cannot grow drops its oldest message early, and the subscribers are told as ever. */
static void put(drey_broadcast *b, const void *message)
{
    struct drey__ring *r = &b->ring;
    if (drey__ring_count(r) == r->capacity || (drey__ring_count(r) > r->mask && !drey__ring_grow(r)))
        drey__ring_drop(r);
    drey__ring_push(r, message);
    b->next++;
}

int drey_broadcast_send(drey_broadcast *broadcast, const void *message)
{
    if (unlikely(drey__current() == NULL))
        return -EPERM;
    struct drey__queue crowd = {0};
    drey__spin_lock(&broadcast->lock);
    bool closed = broadcast->closed;
    if (!closed) {
        put(broadcast, message);
        drey__claimed_add_all(&crowd, &broadcast->waiters, 0);
    }
    drey__spin_unlock(&broadcast->lock);
    drey__claimed_wake(&crowd);
    return closed ? -EPIPE : 0;
}

void drey_broadcast_close(drey_broadcast *broadcast)
{
    drey__current_or_die("drey_broadcast_close");
    struct drey__queue crowd = {0};
    drey__spin_lock(&broadcast->lock);
    broadcast->closed = true;
    drey__claimed_add_all(&crowd, &broadcast->waiters, 0);
    drey__spin_unlock(&broadcast->lock);
    drey__claimed_wake(&crowd);
}

void drey_subscription_open(drey_subscription *subscription, drey_broadcast *broadcast)
{
    drey__current_or_die("drey_subscription_open");
    struct subscription *s = self_of(subscription);
    *s = (struct subscription){.broadcast = drey_broadcast_ref(broadcast)};
    drey__spin_lock(&broadcast->lock);
    s->cursor = broadcast->next;
    drey__spin_unlock(&broadcast->lock);
}

static struct subscription *opened(drey_subscription *subscription, const char *function)
{
    struct subscription *s = self_of(subscription);
    if (unlikely(s->broadcast == NULL))
        drey__panic("%s: the subscription is not open (R7)", function);
    return s;
}

void drey_subscription_close(drey_subscription *subscription)
{
    drey__current_or_die("drey_subscription_close");
    struct subscription *s = opened(subscription, "drey_subscription_close");
    drey__spin_lock(&s->broadcast->lock);
    bool waiting = s->waiting > 0;
    drey__spin_unlock(&s->broadcast->lock);
    if (unlikely(waiting))
        drey__panic("drey_subscription_close: a task waits on this subscription; let it return first (R7)");
    drey_broadcast_unref(s->broadcast);
    s->broadcast = NULL;
}

/* Under the lock: what drey_broadcast_recv returns, or -EAGAIN if there is nothing yet. */
static int take(struct subscription *s, void *out_message, uint64_t *out_missed)
{
    const drey_broadcast *b = s->broadcast;
    uint64_t oldest = b->next - drey__ring_count(&b->ring);
    if (unlikely(s->cursor < oldest)) {
        if (out_missed != NULL)
            *out_missed = oldest - s->cursor;
        s->cursor = oldest;
        return -EOVERFLOW;
    }
    if (s->cursor == b->next)
        return b->closed ? -EPIPE : -EAGAIN;
    drey__message_copy(out_message, drey__ring_at(&b->ring, (uint32_t)(s->cursor - oldest)), b->ring.bytes);
    s->cursor++;
    return 0;
}

/* Under the lock. From now until wait_ended nobody else may read, so the reader finds what it was woken for. A select
 * may also end waits that it never began: w->data tells. */
static void wait_begins(struct subscription *s, struct drey__waiter *w)
{
    w->data = s;
    s->reader = w->task;
    s->waiting++;
    drey__queue_push(&s->broadcast->waiters, w);
}

static void wait_ended(struct subscription *s, struct drey__waiter *w)
{
    if (w->data == NULL)
        return;
    drey__queue_remove(&s->broadcast->waiters, w);
    w->data = NULL;
    s->waiting--;
}

/* Under the lock. */
static void check_reader(const struct subscription *s, const struct drey_task *self)
{
    if (unlikely(s->waiting > 0 && s->reader != self))
        drey__panic("drey_broadcast_recv: another task waits on this subscription; open one for each (R7)");
}

int drey_broadcast_recv(drey_subscription *subscription, void *out_message, uint64_t *out_missed)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    struct subscription *s = opened(subscription, "drey_broadcast_recv");
    drey_broadcast *b = s->broadcast;
    drey__spin_lock(&b->lock);
    check_reader(s, self);
    rc = take(s, out_message, out_missed);
    if (rc == -EAGAIN) {
        struct drey__waiter w;
        drey__waiter_init(&w, self, NULL, 0);
        drey__arm(self, 0);
        wait_begins(s, &w);
        drey__spin_unlock(&b->lock);
        bool woken = drey__park(self, "a broadcast", b);
        drey__spin_lock(&b->lock);
        wait_ended(s, &w);
        rc = woken ? take(s, out_message, out_missed) : -ECANCELED;
    }
    drey__spin_unlock(&b->lock);
    return rc;
}

static bool attempt(drey_case *c)
{
    struct subscription *s = opened(c->object, "drey_on_broadcast");
    drey__spin_lock(&s->broadcast->lock);
    check_reader(s, drey__current());
    int rc = take(s, c->out, NULL);
    drey__spin_unlock(&s->broadcast->lock);
    if (rc == -EAGAIN)
        return false;
    c->result = rc;
    return true;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct subscription *s = self_of(c->object);
    drey_broadcast *b = s->broadcast;
    drey__spin_lock(&b->lock);
    check_reader(s, w->task);
    bool ready = b->closed || s->cursor < b->next;
    if (!ready)
        wait_begins(s, w);
    drey__spin_unlock(&b->lock);
    return ready;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    struct subscription *s = self_of(c->object);
    drey__spin_lock(&s->broadcast->lock);
    wait_ended(s, w);
    drey__spin_unlock(&s->broadcast->lock);
}

static void finish(drey_case *c, struct drey__waiter *w)
{
    struct subscription *s = self_of(c->object);
    drey__spin_lock(&s->broadcast->lock);
    wait_ended(s, w);
    c->result = take(s, c->out, NULL);
    drey__spin_unlock(&s->broadcast->lock);
}

const struct drey__case_ops drey__case_broadcast = {
    .what = "a broadcast",
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
    .finish = finish,
};
