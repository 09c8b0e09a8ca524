/* SPDX-License-Identifier: MIT */
/*
 * A watch: one value and its version. A change wakes who waits, and each copies the newest value itself when it runs,
 * so a value that changes often costs slow readers nothing.
 */
#include "base/alloc.h"
#include "chan/chan.h"
#include "wait/claimed.h"
#include "wait/case.h"

struct drey_watch {
    drey__spin lock;
    bool closed; /* under lock; set once */
    uint32_t bytes;
    uint64_t version;           /* under lock: 1 for the initial value, one more each change */
    struct drey__queue waiters; /* under lock */
    _Atomic uint32_t refs;      /* as a channel's */
    _Alignas(8) char value[];   /* under lock */
};

int drey_watch_new(size_t value_bytes, const void *initial, drey_watch **out_watch)
{
    if (drey__current() == NULL)
        return -EPERM;
    if (value_bytes > DREY__MESSAGE_MAX)
        return -EINVAL;
    drey_watch *w = drey__alloc(sizeof *w + value_bytes);
    if (w == NULL)
        return -ENOMEM;
    *w = (drey_watch){.bytes = (uint32_t)value_bytes, .version = 1, .refs = 1};
    drey__message_copy(w->value, initial, value_bytes);
    *out_watch = w;
    return 0;
}

drey_watch *drey_watch_ref(drey_watch *watch)
{
    atomic_fetch_add_explicit(&watch->refs, 1, memory_order_relaxed);
    return watch;
}

void drey_watch_unref(drey_watch *watch)
{
    if (atomic_fetch_sub_explicit(&watch->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (unlikely(watch->waiters.first != NULL))
        drey__panic("drey_watch_unref: the last reference went while a task waits on the watch; give each task that "
                    "uses it a reference (R7)");
    drey__free(watch);
}

void drey_watch_set(drey_watch *watch, const void *value)
{
    drey__current_or_die("drey_watch_set");
    struct drey__queue crowd = {0};
    drey__spin_lock(&watch->lock);
    drey__message_copy(watch->value, value, watch->bytes);
    watch->version++;
    drey__claimed_add_all(&crowd, &watch->waiters, 0);
    drey__spin_unlock(&watch->lock);
    drey__claimed_wake(&crowd);
}

void drey_watch_close(drey_watch *watch)
{
    drey__current_or_die("drey_watch_close");
    struct drey__queue crowd = {0};
    drey__spin_lock(&watch->lock);
    watch->closed = true;
    drey__claimed_add_all(&crowd, &watch->waiters, 0);
    drey__spin_unlock(&watch->lock);
    drey__claimed_wake(&crowd);
}

uint64_t drey_watch_get(drey_watch *watch, void *out_value)
{
    drey__current_or_die("drey_watch_get");
    drey__spin_lock(&watch->lock);
    drey__message_copy(out_value, watch->value, watch->bytes);
    uint64_t version = watch->version;
    drey__spin_unlock(&watch->lock);
    return version;
}

/* Under the lock: what drey_watch_wait returns, or -EAGAIN if there is nothing newer yet. */
static int take(const drey_watch *watch, uint64_t *version, void *out_value)
{
    if (*version >= watch->version)
        return watch->closed ? -EPIPE : -EAGAIN;
    drey__message_copy(out_value, watch->value, watch->bytes);
    *version = watch->version;
    return 0;
}

int drey_watch_wait(drey_watch *watch, uint64_t *version, void *out_value)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    drey__spin_lock(&watch->lock);
    rc = take(watch, version, out_value);
    if (rc == -EAGAIN) {
        struct drey__waiter w;
        drey__waiter_init(&w, self, NULL, 0);
        drey__arm(self, 0);
        drey__queue_push(&watch->waiters, &w);
        drey__spin_unlock(&watch->lock);
        bool woken = drey__park(self, "a newer value", watch);
        drey__spin_lock(&watch->lock);
        drey__queue_remove(&watch->waiters, &w);
        rc = woken ? take(watch, version, out_value) : -ECANCELED;
    }
    drey__spin_unlock(&watch->lock);
    return rc;
}

static uint64_t *version_of(const drey_case *c)
{
    return (uint64_t *)(intptr_t)c->b;
}

static bool attempt(drey_case *c)
{
    drey_watch *watch = c->object;
    drey__spin_lock(&watch->lock);
    int rc = take(watch, version_of(c), c->out);
    drey__spin_unlock(&watch->lock);
    if (rc == -EAGAIN)
        return false;
    c->result = rc;
    return true;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    drey_watch *watch = c->object;
    drey__spin_lock(&watch->lock);
    bool ready = watch->closed || *version_of(c) < watch->version;
    if (!ready)
        drey__queue_push(&watch->waiters, w);
    drey__spin_unlock(&watch->lock);
    return ready;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    drey_watch *watch = c->object;
    drey__spin_lock(&watch->lock);
    drey__queue_remove(&watch->waiters, w);
    drey__spin_unlock(&watch->lock);
}

static void finish(drey_case *c, struct drey__waiter *w)
{
    (void)w;
    drey_watch *watch = c->object;
    drey__spin_lock(&watch->lock);
    c->result = take(watch, version_of(c), c->out);
    drey__spin_unlock(&watch->lock);
}

const struct drey__case_ops drey__case_watch = {
    .what = "a newer value",
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
    .finish = finish,
};
