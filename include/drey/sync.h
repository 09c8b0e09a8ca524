/* SPDX-License-Identifier: MIT */
/**
 * Locks, semaphores and signals between tasks.
 *
 * When to use: a mutex or rwlock guards data for a short section and is never held across a suspension point. What must
 * be held across one is a semaphore of one permit. A condition waits for data to change; a notify is a wake without
 * data, from any thread; a gate opens once and gives everyone one result; a once runs an initialiser once.
 * Order: waiters of locks and semaphores are served first come first served; a cancelled waiter passes its wake on.
 * Memory: embedded, never allocated, static initialiser {0} (a semaphore needs drey_sem_init).
 * Threads: task only, except drey_notify_one and drey_notify_all. Calls without a result abort outside a task.
 *
 *     {
 *         DREY_LOCKED(&cache->lock);           // held to the end of this block
 *         table_set(&cache->table, key, value);
 *     }
 *     return persist(cache, key);              // suspends: no lock is held here
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drey_mutex {
    DREY_INTERNAL(4);
} drey_mutex;

typedef struct drey_rwlock {
    DREY_INTERNAL(6);
} drey_rwlock;

typedef struct drey_cond {
    DREY_INTERNAL(3);
} drey_cond;

struct drey_sem {
    DREY_INTERNAL(4);
};

struct drey_notify {
    DREY_INTERNAL(4);
};

struct drey_gate {
    DREY_INTERNAL(4);
};

typedef struct drey_once {
    DREY_INTERNAL(4);
} drey_once;

/** Permits that a semaphore can hold at most. */
enum { DREY_SEM_MAX = UINT32_MAX / 2 };

/**
 * Declarations that hold a lock to the end of their block. -EDEADLK aborts with the cycle of waiting tasks.
 */
#define DREY_LOCKED(mutex)                                                                              \
    drey_mutex *DREY__UNIQUE(drey__held) __attribute__((cleanup(drey__guard_unlock), unused)) =         \
        drey__guard_lock(mutex)
#define DREY_READING(rwlock)                                                                            \
    drey_rwlock *DREY__UNIQUE(drey__held) __attribute__((cleanup(drey__guard_rwlock_unlock), unused)) = \
        drey__guard_lock_read(rwlock)
#define DREY_WRITING(rwlock)                                                                            \
    drey_rwlock *DREY__UNIQUE(drey__held) __attribute__((cleanup(drey__guard_rwlock_unlock), unused)) = \
        drey__guard_lock_write(rwlock)

/**
 * Lock a mutex. Waiting for a lock while holding another is legal, and checked for deadlock.
 *
 * @return 0: held.
 *         -EDEADLK  the caller holds it already, or waiting would close a cycle (reported on stderr); not taken
 *
 * Suspends: while another task holds it.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_mutex_lock(drey_mutex *mutex);

/** Lock a mutex if it is free. @return 0: held. -EAGAIN: held by another. -EDEADLK: held by the caller. */
DREY_API DREY_MUST_USE
int drey_mutex_try_lock(drey_mutex *mutex);

/** Unlock; by the owner, else aborts. */
DREY_API
void drey_mutex_unlock(drey_mutex *mutex);

/** End of life: aborts with waiters or an owner. */
DREY_API
void drey_mutex_deinit(drey_mutex *mutex);

/**
 * Lock for reading, together with other readers; queues behind a writer that waits.
 *
 * @return 0: held.
 *         -EDEADLK  the caller holds it already, or waiting would close a cycle; not taken
 *
 * Suspends: while a writer holds it or waits before the caller.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_rwlock_lock_read(drey_rwlock *rwlock);

/**
 * Lock for writing, alone.
 *
 * @return 0: held.
 *         -EDEADLK  the caller holds it already, for reading too, or waiting would close a cycle; not taken
 *
 * Suspends: while another task holds it.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_rwlock_lock_write(drey_rwlock *rwlock);

/** Lock for reading if nobody must be waited for. @return 0, -EAGAIN, or -EDEADLK: held by the caller. */
DREY_API DREY_MUST_USE
int drey_rwlock_try_lock_read(drey_rwlock *rwlock);

/** Lock for writing if it is free. @return 0, -EAGAIN, or -EDEADLK: held by the caller. */
DREY_API DREY_MUST_USE
int drey_rwlock_try_lock_write(drey_rwlock *rwlock);

/** From writing to reading without letting a writer in between; lets in queued readers up to the first writer. */
DREY_API
void drey_rwlock_downgrade(drey_rwlock *rwlock);

/** Unlock, whichever way it is held; by a holder, else aborts. */
DREY_API
void drey_rwlock_unlock(drey_rwlock *rwlock);

/** End of life: aborts with waiters or holders. */
DREY_API
void drey_rwlock_deinit(drey_rwlock *rwlock);

/**
 * Let the mutex go, wait for a wake, and take the mutex again. No spurious wakes, but test the condition in a loop:
 * another task may have come first. The mutex must be held by the caller, else aborts; a further lock held meanwhile
 * breaks the lock rule and is reported.
 *
 * @return 0: woken; the mutex is held.
 *         -ECANCELED  the scope was cancelled; the mutex is held
 *
 * Suspends: always, unless refused.
 * Cancel:   ends the wait and passes a wake on; taking the mutex again is uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_cond_wait(drey_cond *cond, drey_mutex *mutex);

/** Wake the longest waiting task, if any. */
DREY_API
void drey_cond_one(drey_cond *cond);

/** Wake all that wait now. */
DREY_API
void drey_cond_all(drey_cond *cond);

/** End of life: aborts with waiters. */
DREY_API
void drey_cond_deinit(drey_cond *cond);

/** Set a semaphore up. permits: to begin with, 0 to max. max: at most, 1 to DREY_SEM_MAX. Aborts outside that. */
DREY_API
void drey_sem_init(drey_sem *sem, uint32_t permits, uint32_t max);

/**
 * Take permits, waiting until the semaphore holds enough of them. First come first served, all or nothing.
 *
 * @param count  permits wanted, 1 to the semaphore's max
 * @return 0: the caller holds `count` permits.
 *         -ECANCELED  the scope was cancelled; the caller holds none
 *         -EPIPE      the semaphore was closed; the caller holds none
 *         -EINVAL     count is out of range
 *
 * Suspends: when permits are short or others queue.
 * Cancel:   all or nothing; permits granted before the cancellation are kept and 0 is returned.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_sem_acquire(drey_sem *sem, uint32_t count);

/** Take permits if there are enough. @return 0; -EAGAIN: too few, or others queue; -EPIPE; -EINVAL. */
DREY_API DREY_MUST_USE
int drey_sem_try_acquire(drey_sem *sem, uint32_t count);

/** Give permits back, or add new ones; aborts above the semaphore's max. Legal after the close. */
DREY_API
void drey_sem_release(drey_sem *sem, uint32_t count);

/** Fail waiters and later calls with -EPIPE. */
DREY_API
void drey_sem_close(drey_sem *sem);

/** End of life: aborts with waiters. */
DREY_API
void drey_sem_deinit(drey_sem *sem);

/** Wake one waiter, or let the next one through; stores one wake at most. Threads: any. */
DREY_API
void drey_notify_one(drey_notify *notify);

/** Wake all that wait now; stores nothing. Threads: any. */
DREY_API
void drey_notify_all(drey_notify *notify);

/**
 * Wait for a wake.
 *
 * @return 0: one wake was taken.
 *         -ECANCELED  the scope was cancelled; no wake was taken
 *
 * Suspends: unless a wake is stored.
 * Cancel:   a wake is never lost to a cancelled waiter, it goes to the next.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_notify_wait(drey_notify *notify);

/** End of life: aborts with waiters. */
DREY_API
void drey_notify_deinit(drey_notify *notify);

/** Open the gate for good, with a result for all who wait now or later; a second call aborts. */
DREY_API
void drey_gate_open(drey_gate *gate, int result);

/**
 * Wait until the gate is open.
 *
 * @param out_result  what drey_gate_open was given
 * @return 0: it is open.
 *         -ECANCELED  the scope was cancelled
 *
 * Suspends: unless it is open.
 * Cancel:   no effect.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_gate_wait(drey_gate *gate, int *out_result);

/** End of life: aborts with waiters. */
DREY_API
void drey_gate_deinit(drey_gate *gate);

/**
 * Run fn unless it has succeeded before; who comes meanwhile waits. If the runner fails or is cancelled, its caller
 * gets the failure and the next one who waits runs fn itself. Called by its own fn it aborts.
 *
 * @return fn's result if it ran here, 0 if it has succeeded before.
 *         -ECANCELED  the scope was cancelled while waiting
 *
 * Suspends: while another task runs fn, and as fn does.
 * Cancel:   as fn does; success is kept.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_once_do(drey_once *once, drey_fn *fn, void *arg);

/** End of life: aborts with waiters or while fn runs. */
DREY_API
void drey_once_deinit(drey_once *once);

/**
 * What the guards run. They return their argument, held, or abort on -EDEADLK.
 *
 * Suspends: as drey_mutex_lock, drey_rwlock_lock_read and drey_rwlock_lock_write.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
drey_mutex *drey__guard_lock(drey_mutex *mutex);
/** Suspends and Cancel: as drey__guard_lock. */
DREY_API DREY_ASYNC DREY_MUST_USE
drey_rwlock *drey__guard_lock_read(drey_rwlock *rwlock);
/** Suspends and Cancel: as drey__guard_lock. */
DREY_API DREY_ASYNC DREY_MUST_USE
drey_rwlock *drey__guard_lock_write(drey_rwlock *rwlock);
/** Unlock what drey__guard_lock returned. */
DREY_API
void drey__guard_unlock(drey_mutex **held);
/** Unlock what drey__guard_lock_read or drey__guard_lock_write returned. */
DREY_API
void drey__guard_rwlock_unlock(drey_rwlock **held);

#ifdef __cplusplus
}
#endif
