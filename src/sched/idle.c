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
#include "sched/watchdog.h"
#include "sched/worker.h"

enum {
    SPIN_NS = 30000,
    SPIN_LOOKS = 64, /* looks around between two readings of the clock */
    TRIM_KEEP = 32,  /* stacks kept hot by an idle worker */
    TRIM_AFTER_NS = 250 * 1000 * 1000,
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

_Atomic bool drey__signals_heard;

void drey__wake_for_signal(void)
{
    atomic_fetch_add_explicit(&drey__rt.visitors, 1, memory_order_seq_cst); /* the workers stay until it goes down */
    bool running = atomic_load_explicit(&drey__signals_heard, memory_order_seq_cst);
    for (unsigned i = 0; running && i < drey__rt.count; i++)
        if (atomic_load_explicit(&drey__rt.workers[i]->asleep, memory_order_seq_cst) != 0) {
            drey__wake_worker(drey__rt.workers[i]);
            break;
        }
    atomic_fetch_sub_explicit(&drey__rt.visitors, 1, memory_order_release);
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
    int64_t end = drey__clock_real() + SPIN_NS;
    atomic_fetch_add_explicit(&drey__rt.searching, 1, memory_order_relaxed);
    do {
        drey__io_wait(w, 0);
        for (unsigned i = 0; i < SPIN_LOOKS && !found; i++) {
            found = work_here(w) || drey__share_search(w, &search);
            drey__relax();
        }
    } while (!found && (search.victim != NULL || drey__clock_real() < end));
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
           drey__signals_arrived() || (drey__multi && work_elsewhere(w)) ||
           atomic_load_explicit(&drey__rt.stop, memory_order_seq_cst);
}

static void sleep_withdraw(struct drey__worker *w)
{
    atomic_fetch_add_explicit(&drey__rt.stirs, 1, memory_order_seq_cst);
    if (atomic_exchange_explicit(&w->asleep, 0, memory_order_acq_rel) != 0)
        atomic_fetch_sub_explicit(&drey__rt.sleepers, 1, memory_order_relaxed);
    drey__watchdog_wake();
}

/* Rises whenever a task of any worker is started, resumed or leaves. */
static uint64_t activity(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < drey__rt.count; i++)
        sum += atomic_load_explicit(&drey__rt.workers[i]->switches, memory_order_relaxed);
    return sum;
}

/* Under clock_lock. True if no worker can do anything at the present virtual time: all sleep, nobody woke up while we
 * looked, and each has looked at the kernel since a task last ran anywhere; who has not is woken to do so. */
static bool everything_waits(void)
{
    uint64_t stirs = atomic_load_explicit(&drey__rt.stirs, memory_order_seq_cst);
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *w = drey__rt.workers[i];
        if (atomic_load_explicit(&w->asleep, memory_order_seq_cst) == 0 || drey__mail_waiting(&w->mail))
            return false;
    }
    uint64_t now = activity();
    for (unsigned i = 0; i < drey__rt.count; i++)
        if (atomic_load_explicit(&drey__rt.workers[i]->looked, memory_order_relaxed) != now) {
            drey__wake_worker(drey__rt.workers[i]);
            return false;
        }
    /* last: work outside is begun by a task that is awake, and ended by it */
    return atomic_load_explicit(&drey__rt.outside, memory_order_acquire) == 0 &&
           atomic_load_explicit(&drey__rt.stirs, memory_order_seq_cst) == stirs;
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

static void begin_trim(struct drey__worker *w)
{
    uint32_t half = drey__stack_pool_most(&w->stacks) / 2;
    w->excess_since = w->kept_house;
    w->trim_to = half > TRIM_KEEP ? half : TRIM_KEEP;
}

/* Half of the stacks that were not needed for a while give their memory back, then half of the rest, and so on: who
 * needs them again soon does not pay for all. A few at a time: true if there may be more. The real clock's only: no
 * time passes in tests. */
static bool trim_stacks(struct drey__worker *w)
{
    bool excess = !drey__clock_virtual && drey__stack_pool_most(&w->stacks) > TRIM_KEEP;
    if (excess && w->excess_since != 0 && w->kept_house - w->excess_since >= TRIM_AFTER_NS) {
        if (drey__stack_pool_trim(&w->stacks, w->trim_to))
            return true;
        w->excess_since = 0;
    }
    if (!excess)
        w->excess_since = 0;
    else if (w->excess_since == 0)
        begin_trim(w);
    return false;
}

static int64_t sleep_until(struct drey__worker *w, int64_t next_timer)
{
    if (drey__clock_virtual)
        return INT64_MAX;
    int64_t until = next_timer;
    if (w->excess_since != 0 && w->excess_since + TRIM_AFTER_NS < until)
        until = w->excess_since + TRIM_AFTER_NS;
    if (w->starved && w->kept_house + RETRY_STACK_NS < until)
        until = w->kept_house + RETRY_STACK_NS;
    return until;
}

/* From its own look at the kernel: tasks that wake there do not interrupt the sleep that comes next. */
static bool nothing_came(struct drey__worker *w)
{
    return drey__ready_count(&w->ready) == 0 && !drey__mail_waiting(&w->mail);
}

static void go_to_sleep(struct drey__worker *w)
{
    int64_t next_timer = drey__wheel_next(&w->timers);
    int64_t until = sleep_until(w, next_timer);
    if (!sleep_announce(w, next_timer)) {
        if (drey__clock_virtual) {
            uint64_t before = activity();
            drey__io_wait(w, 0);
            atomic_store_explicit(&w->looked, before, memory_order_relaxed);
            if (nothing_came(w))
                move_clock();
        }
        if (nothing_came(w) && atomic_load_explicit(&w->asleep, memory_order_acquire) != 0) {
            if (w->starved && drey__clock_virtual)
                usleep(STARVED_NAP_US); /* no time that stands still brings a stack back: look again */
            else
                drey__io_wait(w, until);
        }
    }
    sleep_withdraw(w);
    w->starved = false;
}

void drey__idle(struct drey__worker *w)
{
    if (drey__io_hurry(w))
        return;
    drey__look_at_time(w); /* not at the kernel: spinning and sleeping begin and end with that */
    if (work_here(w) || (drey__multi && spin(w)) || trim_stacks(w))
        return;
    go_to_sleep(w);
    drey__look_at_time(w);
}
