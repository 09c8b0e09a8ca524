/* SPDX-License-Identifier: MIT */
/*
 * A readers-writer lock, first come first served: a writer that queues holds back the readers that come after it, and
 * readers next to each other in the queue are let in together.
 *
 *     state = WRITER | QUEUED | readers * READER
 *
 * I1  Without QUEUED a reader comes and goes by one operation on the word, and so does a writer on a free lock.
 * I2  QUEUED is set under the spin lock, before the waiter is queued; while it is set nobody takes the lock but through
 *     the queue. It is cleared with the last waiter's admission.
 * I3  Who leaves as the last holder while QUEUED is set (the last reader, the writer) admits; nobody else can change
 *     the word then, for nobody else holds the lock and newcomers only queue. Its own share of the word has gone first.
 * I4  Admission claims first and changes the word then (deadlock.c, I3).
 * I5  Who holds it stands in the holders' own held lists (stack/stack.h); a holder that finds WRITER is the writer.
 */
#include <drey/sync.h>

#include "wait/claimed.h"
#include "sync/deadlock.h"
#include "sync/word.h"

enum { WRITER = 1, QUEUED = 2, READER = 4 };
enum access { READ, WRITE };

struct rwlock {
    /* Changed by whoever locks or unlocks; acquire at taking and release at letting go order what the lock guards. */
    _Atomic uintptr_t state;
    struct drey__queue waiters; /* under spin; amount: enum access */
    drey__spin spin;
} __attribute__((may_alias));

_Static_assert(sizeof(struct rwlock) <= sizeof(drey_rwlock), "drey_rwlock is too small");

static inline struct rwlock *self_of(drey_rwlock *rwlock)
{
    return (struct rwlock *)rwlock;
}

static inline __attribute__((always_inline)) bool take_now(struct rwlock *l, enum access access)
{
    if (access == WRITE)
        return drey__word_change(&l->state, 0, WRITER, memory_order_acquire);
    for (;;) {
        uintptr_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
        if ((seen & (WRITER | QUEUED)) != 0)
            return false;
        if (drey__word_change(&l->state, seen, seen + READER, memory_order_acquire))
            return true;
    }
}

static bool take(void *lock, struct drey__waiter *w)
{
    return take_now(lock, (enum access)w->amount);
}

/* Take the lock, or mark it as queued for: false. Under the spin lock. */
static bool take_or_mark(struct rwlock *l, enum access access)
{
    while (!take_now(l, access)) {
        uintptr_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
        if ((seen & QUEUED) != 0)
            return false;
        bool blocked = access == WRITE ? seen != 0 : (seen & WRITER) != 0;
        if (blocked && drey__word_change(&l->state, seen, seen | QUEUED, memory_order_relaxed))
            return false;
    }
    return true;
}

static bool take_or_queue(void *lock, struct drey__waiter *w)
{
    struct rwlock *l = lock;
    drey__spin_lock(&l->spin);
    bool taken = take_or_mark(l, (enum access)w->amount);
    if (!taken) {
        drey__arm(w->task, DREY__UNCUT);
        drey__queue_push(&l->waiters, w);
    }
    drey__spin_unlock(&l->spin);
    return taken;
}

static const struct drey__lock_kind kind = {
    .what = "rwlock", .queued = QUEUED, .take = take, .take_or_queue = take_or_queue};

/* Let in one writer, if the caller goes with no reader left, or all readers up to the first writer. The lock is the
 * caller's alone (I3); `readers` stay. */
static __attribute__((noinline)) void admit(struct rwlock *l, uintptr_t readers)
{
    struct drey__queue admitted = {NULL, NULL};
    drey__spin_lock(&l->spin);
    uintptr_t state = readers * READER;
    struct drey__waiter *w;
    while ((w = l->waiters.first) != NULL && (w->amount == READ || state == 0)) {
        w = drey__queue_pop(&l->waiters);
        if (!drey__claim(w))
            continue;
        state += w->amount == READ ? READER : WRITER;
        drey__queue_push(&admitted, w);
        if (w->amount == WRITE)
            break;
    }
    state |= l->waiters.first != NULL ? QUEUED : 0;
    atomic_store_explicit(&l->state, state, memory_order_release);
    drey__spin_unlock(&l->spin);
    drey__claimed_wake(&admitted);
}

static inline __attribute__((always_inline)) int lock_at(struct rwlock *l, enum access access, struct drey_task *self,
                                                         const void *place)
{
    bool mine = unlikely(self->held > 0) && drey__held_find(self, l) != NULL;
    if (unlikely(mine || !take_now(l, access))) {
        int rc = drey__lock_wait(&kind, l, access, self, place);
        if (rc < 0)
            return rc;
    }
    drey__held_push(self, l, place);
    return 0;
}

static inline __attribute__((always_inline)) int try_lock_at(struct rwlock *l, enum access access, const void *place)
{
    struct drey_task *self = drey__current();
    if (unlikely(self == NULL))
        return -EPERM;
    if (unlikely(self->held > 0) && drey__held_find(self, l) != NULL)
        return -EDEADLK;
    if (!take_now(l, access))
        return -EAGAIN;
    drey__held_push(self, l, place);
    return 0;
}

/* By who holds it and has struck it off his list: the last one admits (I3). */
static inline __attribute__((always_inline)) void let_go(struct rwlock *l)
{
    bool writer = (atomic_load_explicit(&l->state, memory_order_relaxed) & WRITER) != 0;
    if (unlikely(drey__word_subtract(&l->state, writer ? WRITER : READER) == QUEUED))
        admit(l, 0);
}

static __attribute__((noinline)) void unlock_any(struct rwlock *l)
{
    struct drey_task *self = drey__current();
    if (unlikely(self == NULL || !drey__held_drop(self, l)))
        drey__panic("drey_rwlock_unlock: the caller does not hold rwlock %p, and only a holder may unlock it (R10)",
                    (void *)l);
    let_go(l);
}

/* The short ways of locking and unlocking decide before they change anything, and need no frame. */
static inline __attribute__((always_inline)) void unlock(struct rwlock *l)
{
    struct drey__worker *w = drey__self;
    struct drey_task *self = likely(w != NULL) ? w->current : NULL; /* not a leaf: that holds nothing */
    if (unlikely(self == NULL || !drey__held_only(self, l))) {
        unlock_any(l);
        return;
    }
    self->held = 0;
    let_go(l);
}

static __attribute__((noinline)) int lock_any(struct rwlock *l, enum access access, const void *place)
{
    struct drey_task *self;
    int rc = drey__enter_at(&self, DREY__LOCK_POINT, place);
    return unlikely(rc < 0) ? rc : lock_at(l, access, self, place);
}

static inline __attribute__((always_inline)) int lock(struct rwlock *l, enum access access, const void *place)
{
    struct drey_task *self = drey__enter_plainly();
    if (unlikely(self == NULL || !take_now(l, access)))
        return lock_any(l, access, place);
    drey__held_push_first(self, l, place);
    return 0;
}

int drey_rwlock_lock_read(drey_rwlock *rwlock)
{
    return lock(self_of(rwlock), READ, DREY__CALLER);
}

int drey_rwlock_lock_write(drey_rwlock *rwlock)
{
    return lock(self_of(rwlock), WRITE, DREY__CALLER);
}

int drey_rwlock_try_lock_read(drey_rwlock *rwlock)
{
    return try_lock_at(self_of(rwlock), READ, DREY__CALLER);
}

int drey_rwlock_try_lock_write(drey_rwlock *rwlock)
{
    return try_lock_at(self_of(rwlock), WRITE, DREY__CALLER);
}

void drey_rwlock_downgrade(drey_rwlock *rwlock)
{
    struct rwlock *l = self_of(rwlock);
    struct drey_task *self = drey__current_or_die("drey_rwlock_downgrade");
    if (drey__held_find(self, l) == NULL || (atomic_load_explicit(&l->state, memory_order_relaxed) & WRITER) == 0)
        drey__panic("drey_rwlock_downgrade: the caller does not hold rwlock %p for writing (R10)", (void *)l);
    if (!drey__word_change(&l->state, WRITER, READER, memory_order_release))
        admit(l, 1);
}

void drey_rwlock_unlock(drey_rwlock *rwlock)
{
    unlock(self_of(rwlock));
}

void drey_rwlock_deinit(drey_rwlock *rwlock)
{
    struct rwlock *l = self_of(rwlock);
    drey__spin_lock(&l->spin); /* the last unlock may be on its way out */
    if (atomic_load_explicit(&l->state, memory_order_acquire) != 0)
        drey__panic("drey_rwlock_deinit: rwlock %p is %s (R10)", (void *)l,
                    l->waiters.first != NULL ? "being waited for" : "locked");
    drey__spin_unlock(&l->spin);
}

static inline __attribute__((always_inline)) drey_rwlock *guard(drey_rwlock *rwlock, enum access access,
                                                                const void *place)
{
    struct drey_task *self;
    const char *name = access == READ ? "DREY_READING" : "DREY_WRITING";
    if (unlikely(drey__enter_at(&self, DREY__LOCK_POINT, place) < 0))
        drey__panic("%s is for tasks only, and was used outside one (R12)", name);
    if (unlikely(lock_at(self_of(rwlock), access, self, place) < 0))
        drey__panic("%s: waiting for rwlock %p is a deadlock (R10)", name, (void *)rwlock);
    return rwlock;
}

drey_rwlock *drey__guard_lock_read(drey_rwlock *rwlock)
{
    return guard(rwlock, READ, DREY__CALLER);
}

drey_rwlock *drey__guard_lock_write(drey_rwlock *rwlock)
{
    return guard(rwlock, WRITE, DREY__CALLER);
}

void drey__guard_rwlock_unlock(drey_rwlock **held)
{
    unlock(self_of(*held));
}
