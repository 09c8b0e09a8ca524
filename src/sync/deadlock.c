/* SPDX-License-Identifier: MIT */
/*
 * Deadlock: a cycle of tasks, each waiting for a lock that the next one holds.
 *
 * A task that waits and holds nothing is on no cycle, and neither is one that holds and does not wait. So only a task
 * that parks while holding registers, for the time of its wait, under each lock that it holds:
 *
 *     registry[lock] -> tasks that hold `lock` and wait; each with the lock that it wants
 *
 * and before it parks it walks wanted -> holders -> wanted ... to see whether that leads back to itself. Mutexes,
 * readers and writers are alike in this. A reader that queues behind a waiting writer waits for the holders as well.
 *
 * I1  A task searches, registers and queues in one section under the registry's lock. So of the tasks of a cycle, the
 *     one that comes last sees all others; a grant never closes a cycle, since who is granted a lock does not wait.
 * I2  The held list of a registered task is exact: it is written by the task itself, which is parked, and which leaves
 *     the registry before it goes on.
 * I3  A registered task whose wait was claimed has its lock, and is skipped. For mutexes and writers nothing else could
 *     be: then nobody else holds it. For readers the claim comes before anybody can hold the lock beside them, and
 *     hence before such a holder registers: the search cannot see the holder and miss the claim.
 * I4  What the search finds is a deadlock: the task that searches holds a lock and does not release it meanwhile, who
 *     waits for that lock stays where it is, so who waits for that one, and so on along the cycle.
 *     That the lock cannot be had at once is tested after the registry was locked: a reader that could share it with a
 *     holder that waits for the reader would be refused otherwise.
 *
 * Lock order: registry, then a lock's own spin. Rejected: following the owner in the lock's word (readers have none,
 * and a running owner may end while one looks at it); a search by timeout (finds it late, and finds what is none).
 */
#include "sync/deadlock.h"

#include "base/clock.h"
#include "wait/report.h"

enum {
    BUCKETS = 256,
    NAME_BYTES = 160,
    FIRST_PAUSES = 8,
    PAUSES = 32, /* about a microsecond */
    SPIN_ROUNDS = 6,
    LOOK_ROUNDS = 8,
    PATIENCE_NS = 1000000,
};

struct hold {
    struct hold *next, **link; /* in its bucket */
    const void *lock;
    const void *place;
    struct holder *holder;
};

/* A task that parks while holding; in its frame. Everything under registry.lock. */
struct holder {
    struct drey_task *task;
    const char *what;
    const void *wanted, *place;
    uint64_t seen;         /* the last search that came by */
    struct holder *from;   /* valid in that search: who waits for this one */
    const struct hold *by; /* valid in that search: through which lock */
    struct holder *todo;   /* valid in that search: reached, not yet followed */
    unsigned count;
    struct hold holds[DREY__HELD_MAX];
};

static struct {
    drey__spin lock;
    uint64_t searches;
    struct hold *buckets[BUCKETS];
} registry;

static struct hold **bucket_of(const void *lock)
{
    return &registry.buckets[(uintptr_t)lock * UINT64_C(0x9E3779B97F4A7C15) >> 56];
}

static void enrol(struct holder *h)
{
    const struct drey__held *held = h->task->stack->held;
    h->count = h->task->held;
    h->seen = 0;
    for (unsigned i = 0; i < h->count; i++) {
        struct hold **first = bucket_of(held[i].lock);
        struct hold *new = &h->holds[i];
        *new = (struct hold){.next = *first, .link = first, .lock = held[i].lock, .place = held[i].place, .holder = h};
        if (*first != NULL)
            (*first)->link = &new->next;
        *first = new;
    }
}

static void strike(struct holder *h)
{
    for (unsigned i = 0; i < h->count; i++) {
        struct hold *old = &h->holds[i];
        *old->link = old->next;
        if (old->next != NULL)
            old->next->link = old->link;
    }
}

static bool waits(const struct holder *h)
{
    return (atomic_load_explicit(&h->task->claim, memory_order_relaxed) & DREY__ARMED) != 0; /* I3 */
}

/* Whether `self`, enrolled, would wait for itself. Then self->from leads back along the cycle to `self`. */
static bool find_cycle(struct holder *self)
{
    uint64_t search = ++registry.searches;
    self->todo = NULL;
    for (struct holder *h = self, *todo = NULL; h != NULL; h = todo, todo = h != NULL ? h->todo : NULL) {
        for (const struct hold *hold = *bucket_of(h->wanted); hold != NULL; hold = hold->next) {
            struct holder *next = hold->holder;
            if (hold->lock != h->wanted || next->seen == search || (next != self && !waits(next)))
                continue;
            next->seen = search;
            next->from = h;
            next->by = hold;
            if (next == self)
                return true;
            next->todo = todo;
            todo = next;
        }
    }
    return false;
}

static void report_cycle(const struct holder *self)
{
    char task[NAME_BYTES], place[NAME_BYTES], other[NAME_BYTES], taken[NAME_BYTES];
    drey__report("deadlock: task %s would wait for itself at %s; refused with -EDEADLK (R10):",
                 drey__task_name(self->task, task, sizeof task), drey__place_name(self->place, place, sizeof place));
    const struct holder *h = self;
    do {
        const struct holder *waiter = h->from;
        drey__report("    task %s wants %s %p at %s; task %s holds it since %s",
                     drey__task_name(waiter->task, task, sizeof task), waiter->what, waiter->wanted,
                     drey__place_name(waiter->place, place, sizeof place),
                     drey__task_name(h->task, other, sizeof other),
                     drey__place_name(h->by->place, taken, sizeof taken));
        h = waiter;
    } while (h != self);
}

static __attribute__((noinline)) int wait_holding(const struct drey__lock_kind *kind, void *lock,
                                                  struct drey__waiter *w, const void *place)
{
    struct drey_task *self = w->task;
    struct holder me = {.task = self, .what = kind->what, .wanted = lock, .place = place};
    drey__spin_lock(&registry.lock);
    bool mine = drey__held_find(self, lock) != NULL;
    bool done = !mine && kind->take(lock, w); /* I4 */
    bool cycle = false;
    if (!done) {
        enrol(&me);
        cycle = find_cycle(&me);
        if (cycle)
            report_cycle(&me);
        done = cycle || kind->take_or_queue(lock, w);
        if (done)
            strike(&me);
    }
    drey__spin_unlock(&registry.lock);
    if (!done) {
        drey__park_at(self, kind->what, lock, place);
        drey__spin_lock(&registry.lock);
        strike(&me);
        drey__spin_unlock(&registry.lock);
    }
    return cycle ? -EDEADLK : 0;
}

/* A look at the clock, and the processor to the thread that may need it to go on. False once patience is over. */
static bool be_patient(int64_t *end)
{
    int64_t now = drey__clock_real();
    if (*end == 0)
        *end = now + PATIENCE_NS;
    sched_yield();
    return now <= *end;
}

/*
 * Before it queues, a task tries to come by. The holder is mostly a few instructions from letting go, on another
 * worker. Once tasks queue, every hand-over is a park and a wake, mostly across threads, and since whoever finds a
 * queue must queue as well, that would go on for as long as the lock is in demand: 200 ns a lock with two workers, and
 * thousands with more workers than processors. So
 *
 *   - at first it keeps off the lock's line for long enough that the other worker gets a series of sections;
 *   - if that did not help, or if there is a queue, it lets the other tasks of its worker run in between: the lock may
 *     have been handed to one of them;
 *   - when its patience is over, it queues.
 *
 * A lock that is queued for is not taken, so nobody who queues is overtaken, and the queue of a bad moment drains.
 * A task that holds a lock only tries at first: others would run while it holds.
 */
static bool come_by(const struct drey__lock_kind *kind, void *lock, struct drey__waiter *w)
{
    const _Atomic uintptr_t *word = lock;
    struct drey__worker *worker = drey__self;
    bool holds = drey__task_holds(w->task);
    int64_t end = 0;
    for (unsigned round = 0;; round++) {
        bool queued = (atomic_load_explicit(word, memory_order_relaxed) & kind->queued) != 0;
        if (!queued && kind->take(lock, w))
            return true;
        bool others = drey__ready_count(&worker->ready) > 0 || drey__mail_waiting(&worker->mail);
        if (round < SPIN_ROUNDS && (holds || !queued || !others)) {
            drey__relax_for(round == 0 ? FIRST_PAUSES : PAUSES);
            continue;
        }
        if (holds || ((!others || round % LOOK_ROUNDS == 0) && !be_patient(&end)))
            return false;
        if (others)
            drey__yield_now(w->task);
    }
}

int drey__lock_wait(const struct drey__lock_kind *kind, void *lock, uint32_t access, struct drey_task *self,
                    const void *place)
{
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    w.amount = access;
    if (drey__multi && drey__held_find(self, lock) == NULL && come_by(kind, lock, &w))
        return 0;
    if (self->held > 0)
        return wait_holding(kind, lock, &w, place);
    if (!kind->take_or_queue(lock, &w))
        drey__park_at(self, kind->what, lock, place);
    return 0;
}
