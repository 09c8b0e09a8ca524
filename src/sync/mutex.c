/* SPDX-License-Identifier: MIT */
/*
 * A mutex is a word that names its owner, and a queue. Uncontended, lock and unlock are one operation on the word each.
 *
 *     0  --lock-->  owner  --another locks-->  owner|QUEUED  --unlock-->  first waiter, |QUEUED if more queue
 *     ^---unlock----'                               '---unlock, nobody queues---> 0
 *
 * I1  QUEUED is set under the spin lock, before the waiter is queued, and from then on only the spin lock's holder
 *     changes the word. So an owner that finds QUEUED and takes the spin lock finds the waiter.
 * I2  With waiters the word never goes through 0: the mutex is handed to the first one, and nobody overtakes.
 *
 * Rejected: waking the first waiter to try again (unfair, and it may be overtaken for ever).
 */
#include "sync/mutex.h"

#include "sync/deadlock.h"
#include "sync/word.h"

#define QUEUED ((uintptr_t)1)

struct mutex {
    /* Changed by whoever locks or unlocks. Acquire at taking and release at letting go order what the mutex guards; a
     * waiter that it is handed to is ordered by its claim instead. */
    _Atomic uintptr_t owner;
    struct drey__queue waiters; /* under spin */
    drey__spin spin;
} __attribute__((may_alias));

_Static_assert(sizeof(struct mutex) <= sizeof(drey_mutex), "drey_mutex is too small");

static inline struct mutex *self_of(drey_mutex *mutex)
{
    return (struct mutex *)mutex;
}

static inline bool take_free(struct mutex *m, const struct drey_task *self)
{
    return drey__word_change(&m->owner, 0, (uintptr_t)self, memory_order_acquire);
}

static bool take(void *lock, struct drey__waiter *w)
{
    return take_free(lock, w->task);
}

/* Take the mutex, or mark it as queued for: false. Under the spin lock. */
static bool take_or_mark(struct mutex *m, const struct drey_task *self)
{
    for (;;) {
        uintptr_t seen = atomic_load_explicit(&m->owner, memory_order_relaxed);
        if (seen == 0) {
            if (take_free(m, self))
                return true;
        } else if ((seen & QUEUED) != 0 || drey__word_change(&m->owner, seen, seen | QUEUED, memory_order_relaxed)) {
            return false;
        }
    }
}

static bool take_or_queue(void *lock, struct drey__waiter *w)
{
    struct mutex *m = lock;
    drey__spin_lock(&m->spin);
    bool taken = take_or_mark(m, w->task);
    if (!taken) {
        drey__arm(w->task, DREY__UNCUT);
        drey__queue_push(&m->waiters, w);
    }
    drey__spin_unlock(&m->spin);
    return taken;
}

static const struct drey__lock_kind kind = {
    .what = "mutex", .queued = QUEUED, .take = take, .take_or_queue = take_or_queue};

static inline __attribute__((always_inline)) int lock_at(struct mutex *m, struct drey_task *self, const void *place)
{
    if (unlikely(!take_free(m, self))) {
        int rc = drey__lock_wait(&kind, m, 0, self, place);
        if (rc < 0)
            return rc;
    }
    drey__held_push(self, m, place);
    return 0;
}

/* Somebody queues, or the caller does not own it. */
static __attribute__((noinline)) void unlock_slow(struct mutex *m, struct drey_task *self)
{
    uintptr_t owner = atomic_load_explicit(&m->owner, memory_order_relaxed) & ~QUEUED;
    if (self == NULL || owner != (uintptr_t)self)
        drey__panic("drey_mutex_unlock: mutex %p is %s, and only its owner may unlock it (R10)", (void *)m,
                    owner == 0 ? "not locked" : "held by another task");
    drey__spin_lock(&m->spin);
    struct drey__waiter *next = drey__queue_claim(&m->waiters);
    uintptr_t word = next == NULL ? 0 : (uintptr_t)next->task | (m->waiters.first != NULL ? QUEUED : 0);
    atomic_store_explicit(&m->owner, word, memory_order_release);
    drey__spin_unlock(&m->spin);
    if (next != NULL)
        drey__wake(next->task);
}

static inline __attribute__((always_inline)) void unlock(struct mutex *m, struct drey_task *self)
{
    if (unlikely(self == NULL || !drey__word_change(&m->owner, (uintptr_t)self, 0, memory_order_release)))
        unlock_slow(m, self);
    drey__held_drop_owned(self, m);
}

int drey_mutex_lock(drey_mutex *mutex)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__LOCK_POINT);
    return unlikely(rc < 0) ? rc : lock_at(self_of(mutex), self, DREY__CALLER);
}

int drey_mutex_try_lock(drey_mutex *mutex)
{
    struct mutex *m = self_of(mutex);
    struct drey_task *self = drey__current();
    if (unlikely(self == NULL))
        return -EPERM;
    if (unlikely(!take_free(m, self)))
        return drey__mutex_owned(mutex, self) ? -EDEADLK : -EAGAIN;
    drey__held_push(self, m, DREY__CALLER);
    return 0;
}

void drey_mutex_unlock(drey_mutex *mutex)
{
    unlock(self_of(mutex), drey__current());
}

void drey_mutex_deinit(drey_mutex *mutex)
{
    struct mutex *m = self_of(mutex);
    drey__spin_lock(&m->spin); /* the last unlock may be on its way out */
    if (atomic_load_explicit(&m->owner, memory_order_acquire) != 0)
        drey__panic("drey_mutex_deinit: mutex %p is %s (R10)", (void *)m,
                    m->waiters.first != NULL ? "being waited for" : "locked");
    drey__spin_unlock(&m->spin);
}

drey_mutex *drey__guard_lock(drey_mutex *mutex)
{
    struct drey_task *self;
    if (unlikely(drey__enter(&self, DREY__LOCK_POINT) < 0))
        drey__panic("DREY_LOCKED is for tasks only, and was used outside one (R12)");
    if (unlikely(lock_at(self_of(mutex), self, DREY__CALLER) < 0))
        drey__panic("DREY_LOCKED: waiting for mutex %p is a deadlock (R10)", (void *)mutex);
    return mutex;
}

void drey__guard_unlock(drey_mutex **held)
{
    unlock(self_of(*held), drey__current());
}

bool drey__mutex_owned(const drey_mutex *mutex, const struct drey_task *self)
{
    const struct mutex *m = (const struct mutex *)mutex;
    return (atomic_load_explicit(&m->owner, memory_order_relaxed) & ~QUEUED) == (uintptr_t)self;
}

int drey__mutex_acquire(drey_mutex *mutex, struct drey_task *self, const void *place)
{
    return lock_at(self_of(mutex), self, place);
}

void drey__mutex_release(drey_mutex *mutex, struct drey_task *self)
{
    unlock(self_of(mutex), self);
}
