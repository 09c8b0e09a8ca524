/* SPDX-License-Identifier: MIT */
/*
 * A worker with nothing to do.
 *
 * Sleep and wake. The sleeper sets asleep = 1 (seq_cst), then looks at its mail once more; a sender pushes its mail
 * (seq_cst), then looks at asleep. One of the two sees the other: no wake is lost. Whoever changes asleep from 1 to 0
 * owns the wake: a sender then interrupts the sleeper's wait; a sleeper that wakes by itself takes it back.
 *
 * Waking a sleeping thread costs 25 to 40 us, so with more than one processor a worker looks around for a while first.
 *
 * Virtual clock (R17): the worker that goes to sleep last moves the clock to the earliest timer, if no work is in
 * flight outside and a look at the kernel found nothing. `clock_lock` makes "last" well defined.
 */
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "sched/hooks.h"
#include "sched/share.h"
#include "sched/watchdog.h"
#include "sched/worker.h"

enum {
    SPIN_NS = 30000,
    SPIN_LOOKS = 64,                       /* looks around between two readings of the clock */
    TRIM_KEEP = 32,                        /* stacks kept hot by an idle worker */
    TRIM_AFTER_NS = 50 * 1000 * 1000,
    RETRY_STACK_NS = 10 * 1000 * 1000,
    STARVED_NAP_US = 1000,
};

static drey__spin clock_lock;

void drey__wake_worker(struct drey__worker *w)
{
    if (atomic_load_explicit(&w->asleep, memory_order_seq_cst) != 0 &&
        atomic_exchange_explicit(&w->asleep, 0, memory_order_acq_rel) != 0) {
        atomic_fetch_sub_explicit(&drey__rt.sleepers, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&drey__rt.wakes, 1, memory_order_relaxed);
        drey__io_wake(w);
    }
}

void drey__wake_another(struct drey__worker *w)
{
    if (atomic_load_explicit(&drey__rt.sleepers, memory_order_relaxed) == 0 ||
        atomic_load_explicit(&drey__rt.searching, memory_order_relaxed) != 0)
        return;
    for (unsigned i = 1; i < drey__rt.count; i++) {
        struct drey__worker *other = drey__rt.workers[(w->index + i) % drey__rt.count];
        if (atomic_load_explicit(&other->asleep, memory_order_relaxed) != 0) {
            drey__wake_worker(other);
            return;
        }
    }
}

_Atomic(struct drey__worker *) drey__signal_worker;

void drey__wake_for_signal(void)
{
    struct drey__worker *w = atomic_load_explicit(&drey__signal_worker, memory_order_acquire);
    if (w != NULL)
        drey__wake_worker(w);
}

static bool work_elsewhere(struct drey__worker *w)
{
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *other = drey__rt.workers[i];
        if (other != w && drey__fresh_count(&other->fresh) > 0)
            return true;
    }
    return false;
}

static bool work_here(struct drey__worker *w)
{
    return drey__mail_waiting(&w->mail) || drey__ready_count(&w->ready) > 0 ||
           (drey__fresh_count(&w->fresh) > 0 && !w->starved) ||
           atomic_load_explicit(&drey__rt.stop, memory_order_relaxed);
}

/* Look around for SPIN_NS, longer while an answer is due; true if there is something to do. */
static bool spin(struct drey__worker *w)
{
    bool found = false;
    struct drey__search search = {0};
    int64_t end = drey__clock_now() + SPIN_NS;
    atomic_fetch_add_explicit(&drey__rt.searching, 1, memory_order_relaxed);
    do {
        drey__io_wait(w, 0);
        for (unsigned i = 0; i < SPIN_LOOKS && !found; i++) {
            found = work_here(w) || drey__share_search(w, &search);
            drey__relax();
        }
    } while (!found && (search.victim != NULL || drey__clock_now() < end));
    drey__share_give_up(w, &search);
    atomic_fetch_sub_explicit(&drey__rt.searching, 1, memory_order_relaxed);
    return found;
}

/* True once this worker need not sleep: it took its announcement back. */
static bool sleep_announce(struct drey__worker *w, int64_t next_timer)
{
    atomic_store_explicit(&w->next_timer, next_timer, memory_order_relaxed);
    atomic_fetch_add_explicit(&drey__rt.sleepers, 1, memory_order_acq_rel);
    atomic_store_explicit(&w->asleep, 1, memory_order_seq_cst);
    return atomic_load_explicit(&w->mail.head, memory_order_seq_cst) != 0 || drey__token_signals_waiting() ||
           (drey__multi && work_elsewhere(w)) ||
           atomic_load_explicit(&drey__rt.stop, memory_order_seq_cst);
}

static void sleep_withdraw(struct drey__worker *w)
{
    if (atomic_exchange_explicit(&w->asleep, 0, memory_order_acq_rel) != 0)
        atomic_fetch_sub_explicit(&drey__rt.sleepers, 1, memory_order_relaxed);
    drey__watchdog_wake();
}

/* Under clock_lock. True if no worker can do anything at the present virtual time. */
static bool everything_waits(void)
{
    if (atomic_load_explicit(&drey__rt.outside, memory_order_acquire) != 0)
        return false;
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *w = drey__rt.workers[i];
        if (atomic_load_explicit(&w->asleep, memory_order_seq_cst) == 0 || drey__mail_waiting(&w->mail))
            return false;
    }
    return true;
}

/* With this worker announced as asleep: move the clock if it was the last one awake. */
static void move_clock(void)
{
    drey__spin_lock_always(&clock_lock);
    int64_t earliest = INT64_MAX;
    if (everything_waits())
        for (unsigned i = 0; i < drey__rt.count; i++) {
            int64_t t = atomic_load_explicit(&drey__rt.workers[i]->next_timer, memory_order_relaxed);
            earliest = t < earliest ? t : earliest;
        }
    if (earliest != INT64_MAX) {
        drey__clock_virtual_move(earliest);
        for (unsigned i = 0; i < drey__rt.count; i++)
            if (atomic_load_explicit(&drey__rt.workers[i]->next_timer, memory_order_relaxed) <= earliest)
                drey__wake_worker(drey__rt.workers[i]);
    }
    drey__spin_unlock_always(&clock_lock);
}

static int64_t sleep_until(struct drey__worker *w, int64_t next_timer)
{
    int64_t until = drey__clock_virtual ? INT64_MAX : next_timer;
    int64_t soon = INT64_MAX;
    if (w->starved)
        soon = RETRY_STACK_NS;
    else if (w->stacks.count[drey__rt.stack_class] > TRIM_KEEP)
        soon = TRIM_AFTER_NS;
    if (soon != INT64_MAX && !drey__clock_virtual && drey__clock_now() + soon < until)
        until = drey__clock_now() + soon;
    return until;
}

static void go_to_sleep(struct drey__worker *w)
{
    int64_t next_timer = drey__wheel_next(&w->timers);
    int64_t until = sleep_until(w, next_timer);
    if (!sleep_announce(w, next_timer)) {
        if (drey__clock_virtual) {
            drey__io_wait(w, 0);
            if (drey__ready_count(&w->ready) == 0)
                move_clock();
        }
        if (drey__ready_count(&w->ready) == 0 && atomic_load_explicit(&w->asleep, memory_order_acquire) != 0) {
            if (w->starved && drey__clock_virtual)
                usleep(STARVED_NAP_US); /* no time that stands still brings a stack back: look again */
            else
                drey__io_wait(w, until);
        }
    }
    sleep_withdraw(w);
    if (drey__clock_virtual)
        w->starved = false;
    if (until != next_timer && until != INT64_MAX && drey__clock_now() >= until) {
        w->starved = false;
        drey__stack_pool_trim(&w->stacks, TRIM_KEEP);
    }
}

void drey__idle(struct drey__worker *w)
{
    drey__housekeeping(w);
    if (work_here(w))
        return;
    if (drey__multi && !drey__clock_virtual && spin(w))
        return;
    go_to_sleep(w);
    drey__housekeeping(w);
}
