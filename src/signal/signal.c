/* SPDX-License-Identifier: MIT */
/*
 * Signals as something to wait for.
 *
 *   handler    sets the signal's bit in `arrived` and wakes a worker, by the way that tokens use: lock-free, one write.
 *   a worker   takes the bits at its next look around (or before it sleeps) and gives each open object its copy.
 *   an object  holds bits that nobody took; only while no task queues that could be claimed.
 *
 * Both the bit and the look at it before sleeping are seq_cst, as for tokens: no signal is slept over.
 *
 * Rejected: signalfd. It works only if every thread blocks the signal, those that the program and its libraries made
 * too; programs that these start would inherit the mask; and worker 0 keeps its mask (R12). A pipe that the handler
 * writes to: a descriptor and a registration an object, and a select could be chosen for a byte that another has read.
 */
#include "signal/signal.h"

#include <errno.h>
#include <string.h>

#include <drey/signal.h>

#include "base/failing.h"
#include "base/list.h"
#include "sched/hooks.h"
#include "wait/case.h"
#include "wait/claimed.h"

enum { SIGNAL_MAX = 64 };

struct signals {
    struct drey__queue waiters; /* under lock */
    struct drey__link link;     /* under lock; in no list: not open */
    uint64_t mask;              /* which signals; bit number - 1 */
    uint64_t pending;           /* under lock: arrived and not taken */
    int error;                  /* why it is not open, for DREY_SIGNALS */
} __attribute__((may_alias));

_Static_assert(sizeof(struct signals) <= sizeof(drey_signals), "drey_signals is too small");

static _Atomic uint64_t arrived; /* set by handlers on any thread, taken by workers */

/* Under the lock, which no handler takes. */
static drey__spin lock;
static struct drey__link open_list = {&open_list, &open_list};
static struct {
    struct sigaction former;
    unsigned users;
} table[SIGNAL_MAX + 1];

static inline struct signals *self_of(drey_signals *signals)
{
    return (struct signals *)signals;
}

static inline uint64_t bit_of(int number)
{
    return UINT64_C(1) << (number - 1);
}

static void on_signal(int number)
{
    int saved_errno = errno;
    atomic_fetch_or_explicit(&arrived, bit_of(number), memory_order_seq_cst);
    drey__wake_for_signal();
    errno = saved_errno;
}

bool drey__signals_arrived(void)
{
    return atomic_load_explicit(&arrived, memory_order_seq_cst) != 0;
}

static int take(struct signals *s)
{
    int number = __builtin_ctzll(s->pending) + 1;
    s->pending &= s->pending - 1;
    return number;
}

void drey__signals_deliver(void)
{
    if (likely(atomic_load_explicit(&arrived, memory_order_relaxed) == 0))
        return;
    struct drey__queue claimed = {NULL, NULL};
    drey__spin_lock(&lock);
    uint64_t bits = atomic_exchange_explicit(&arrived, 0, memory_order_acquire);
    for (struct drey__link *l = open_list.next; l != &open_list; l = l->next) {
        struct signals *s = drey__container(l, struct signals, link);
        struct drey__waiter *w;
        s->pending |= bits & s->mask;
        while (s->pending != 0 && (w = drey__queue_claim(&s->waiters)) != NULL) {
            w->result = take(s);
            drey__queue_push(&claimed, w);
        }
    }
    drey__spin_unlock(&lock);
    drey__claimed_wake(&claimed);
}

static bool can_be_caught(int number)
{
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPIPE};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (number == never[i])
            return false;
    return number >= 1 && number <= SIGNAL_MAX && (number < 32 || number >= SIGRTMIN); /* the rest is libc's */
}

/* Its bits on or off, under the lock. */
static void catch_all(uint64_t mask)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&ours.sa_mask);
    for (int n = 1; n <= SIGNAL_MAX; n++)
        if ((mask & bit_of(n)) != 0 && table[n].users++ == 0)
            sigaction(n, &ours, &table[n].former);
}

static void let_go(uint64_t mask)
{
    struct sigaction now;
    for (int n = 1; n <= SIGNAL_MAX; n++)
        if ((mask & bit_of(n)) != 0 && --table[n].users == 0 && sigaction(n, NULL, &now) == 0 &&
            now.sa_handler == on_signal)
            sigaction(n, &table[n].former, NULL);
}

static int open_all(struct signals *s, const int *numbers, size_t count)
{
    *s = (struct signals){.error = -EPERM};
    if (drey__current() == NULL)
        return -EPERM;
    s->error = -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (!can_be_caught(numbers[i]))
            return -EINVAL;
        s->mask |= bit_of(numbers[i]);
    }
    if (s->mask == 0)
        return -EINVAL;
    drey__signals_deliver(); /* what came before is not for this one */
    drey__spin_lock(&lock);
    drey__list_append(&open_list, &s->link);
    catch_all(s->mask);
    drey__spin_unlock(&lock);
    s->error = 0;
    return 0;
}

int drey_signals_open(drey_signals *signals, const int *numbers, size_t count)
{
    return open_all(self_of(signals), numbers, count);
}

void drey__signals_start(drey_signals *signals, const int *numbers, size_t count)
{
    int kept = open_all(self_of(signals), numbers, count); /* for the wait */
    (void)kept;
}

void drey_signals_close(drey_signals *signals)
{
    struct signals *s = self_of(signals);
    if (!drey__link_in_list(&s->link))
        return;
    drey__current_or_die("drey_signals_close");
    drey__spin_lock(&lock);
    if (s->waiters.first != NULL)
        drey__panic("drey_signals_close: signals %p are being waited for (R7)", (void *)signals);
    drey__list_remove(&s->link);
    let_go(s->mask);
    drey__spin_unlock(&lock);
    s->error = -EINVAL;
}

void drey__signals_end(void)
{
    if (drey__list_empty(&open_list))
        return;
    if (!atomic_load_explicit(&drey__failing, memory_order_relaxed))
        drey__panic("signals were left open: the task that opened them has ended without drey_signals_close");
    for (int n = 1; n <= SIGNAL_MAX; n++) /* what the objects say may be gone */
        if (table[n].users > 0) {
            table[n].users = 1;
            let_go(bit_of(n));
        }
    drey__list_init(&open_list);
}

static void finish(drey_case *c, int result)
{
    c->result = result;
    if (c->out != NULL)
        *(int *)c->out = result;
}

static bool attempt(drey_case *c)
{
    struct signals *s = self_of(c->object);
    drey__signals_deliver();
    drey__spin_lock(&lock);
    bool ready = s->error < 0 || s->pending != 0;
    if (ready)
        finish(c, s->error < 0 ? s->error : take(s));
    drey__spin_unlock(&lock);
    return ready;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct signals *s = self_of(c->object);
    drey__spin_lock(&lock);
    bool ready = s->pending != 0;
    if (!ready)
        drey__queue_push(&s->waiters, w);
    drey__spin_unlock(&lock);
    return ready;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    drey__spin_lock(&lock);
    drey__queue_remove(&self_of(c->object)->waiters, w);
    drey__spin_unlock(&lock);
}

static void finish_claimed(drey_case *c, struct drey__waiter *w)
{
    finish(c, w->result);
}

const struct drey__case_ops drey__case_signal = {
    .what = "a signal",
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
    .finish = finish_claimed,
};

int drey_signals_wait(drey_signals *signals)
{
    struct drey_task *self;
    drey_case c = drey_on_signal(signals, NULL);
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    struct drey__waiter w;
    while (!attempt(&c)) {
        drey__waiter_init(&w, self, NULL, 0);
        drey__arm(self, 0);
        if (enlist(&c, &w)) {
            atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed); /* nobody can have claimed it */
            continue;
        }
        if (drey__park(self, "a signal", signals))
            return w.result;
        withdraw(&c, &w);
        return -ECANCELED;
    }
    return c.result;
}
