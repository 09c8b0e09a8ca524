/* SPDX-License-Identifier: MIT */
/*
 * Select: wait for one of several cases (R6).
 *
 *   1  Try the cases in random order, not armed. The first that can happen does: a uniform choice among the ready ones.
 *   2  Arm, and enlist with every object. An object that is ready by now says so, and changes nothing.
 *   3  If one said so: disarm and start again. If disarming fails, somebody has claimed us: that case took effect.
 *   4  Park. Whoever claims the task decides which case happened; the others are withdrawn.
 *
 * A case is only ever made to happen by whoever is not armed itself, so two selects that meet never need to claim
 * themselves and each other together. Between disarming and trying again, wakers turned away from our waiters have gone
 * on to the next waiter or left their object ready, and step 1 looks at every case again: nothing is lost.
 *
 * Rejected: locking all objects in address order (objects would have to expose their locks); claiming oneself first and
 * the peer second (the un-claim must retry all cases as well, with more states).
 */
#include "select/select.h"

#include "base/clock.h"
#include "base/random.h"

enum { SELECT_FEW = 6, SELECT_MAX = 64 };

static const struct drey__case_ops *const kinds[] = {
    [DREY_ON_TOKEN] = &drey__case_token,         [DREY_ON_FD] = &drey__case_fd,
    [DREY_ON_JOIN] = &drey__case_join,           [DREY_ON_SEND] = &drey__case_send,
    [DREY_ON_RECV] = &drey__case_recv,           [DREY_ON_ACQUIRE] = &drey__case_acquire,
    [DREY_ON_NOTIFY] = &drey__case_notify,       [DREY_ON_GATE] = &drey__case_gate,
    [DREY_ON_BROADCAST] = &drey__case_broadcast, [DREY_ON_WATCH] = &drey__case_watch,
    [DREY_ON_SIGNAL] = &drey__case_signal,
};

int drey__cases_check(const drey_case *cases, size_t n, int64_t *out_base)
{
    *out_base = 0;
    for (size_t i = 0; i < n; i++) {
        if (cases[i].kind < 0 || (size_t)cases[i].kind >= sizeof kinds / sizeof kinds[0])
            return -EINVAL;
        if (cases[i].kind == DREY_ON_AFTER && *out_base == 0)
            *out_base = drey__clock_now();
    }
    return 0;
}

int64_t drey__case_time(const drey_case *c, int64_t base)
{
    if (c->kind == DREY_ON_AT)
        return c->a;
    if (c->kind != DREY_ON_AFTER)
        return INT64_MAX;
    return c->a <= 0 ? base : c->a > INT64_MAX - base ? INT64_MAX : base + c->a;
}

/* The object's steps; NULL for a kind without an object, and for a NULL object, which never happens. */
static const struct drey__case_ops *ops_of(const drey_case *c)
{
    return c->object == NULL && c->kind != DREY_ON_FD ? NULL : kinds[c->kind];
}

static bool attempt(drey_case *c, int64_t base)
{
    const struct drey__case_ops *ops = ops_of(c);
    if (ops != NULL)
        return ops->attempt(c);
    bool ready = c->kind == DREY_ON_READY;
    if (c->kind == DREY_ON_AT || c->kind == DREY_ON_AFTER)
        ready = drey__case_time(c, base) <= drey__clock_now();
    if (ready)
        c->result = 0;
    return ready;
}

int drey__cases_attempt(drey_case *cases, size_t n, int64_t base)
{
    uint8_t order[SELECT_MAX] = {0};
    for (uint32_t i = 0; i < n; i++) { /* inside-out Fisher-Yates */
        uint32_t j = drey__random_below(&drey__self->rng, i + 1);
        order[i] = order[j];
        order[j] = (uint8_t)i;
    }
    for (size_t i = 0; i < n; i++)
        if (attempt(&cases[order[i]], base))
            return order[i];
    return -EAGAIN;
}

static void timer_fired(struct drey__timer *timer)
{
    struct drey__case_timer *t = drey__container(timer, struct drey__case_timer, timer);
    if (drey__claim_task(t->task, t->index))
        drey__wake(t->task);
}

/* One timer serves all: the earliest case. */
static void set_timer(const drey_case *cases, size_t n, int64_t base, struct drey__case_timer *timer, drey_task *self)
{
    timer->timer = (struct drey__timer){.when = INT64_MAX, .fire = timer_fired};
    timer->task = self;
    for (size_t i = 0; i < n; i++) {
        int64_t when = drey__case_time(&cases[i], base);
        if (when < timer->timer.when) {
            timer->timer.when = when;
            timer->index = (uint32_t)i;
        }
    }
    if (timer->timer.when != INT64_MAX)
        drey__wheel_add(&drey__self->timers, &timer->timer);
}

bool drey__cases_enlist(drey_case *cases, size_t n, int64_t base, struct drey__waiter *waiters,
                        struct drey__case_timer *timer, drey_task *self, size_t *out_enlisted)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < n; i++)
        flags |= ops_of(&cases[i]) != NULL ? ops_of(&cases[i])->arm_flags : 0;
    drey__arm(self, flags);
    if (timer != NULL)
        set_timer(cases, n, base, timer, self);
    for (size_t i = 0; i < n; i++) {
        const struct drey__case_ops *ops = ops_of(&cases[i]);
        *out_enlisted = i;
        drey__waiter_init(&waiters[i], self, NULL, (uint32_t)i);
        if (ops != NULL && ops->enlist(&cases[i], &waiters[i]))
            return false;
    }
    *out_enlisted = n;
    return true;
}

void drey__cases_withdraw(drey_case *cases, size_t n, struct drey__waiter *waiters, struct drey__case_timer *timer,
                          uint32_t claimed)
{
    if (timer != NULL)
        drey__wheel_remove(&drey__self->timers, &timer->timer);
    for (size_t i = 0; i < n; i++)
        if (i != claimed && ops_of(&cases[i]) != NULL)
            ops_of(&cases[i])->withdraw(&cases[i], &waiters[i]);
}

void drey__case_finish(drey_case *c, struct drey__waiter *w)
{
    const struct drey__case_ops *ops = ops_of(c);
    if (ops != NULL && ops->finish != NULL)
        ops->finish(c, w);
    else
        c->result = w->result;
}

/* One round of steps 2 to 4: the index, -ECANCELED, or -EAGAIN to start again. */
static int wait_round(drey_case *cases, size_t n, int64_t base, struct drey__waiter *waiters, drey_task *self,
                      const void *place)
{
    struct drey__case_timer timer;
    size_t enlisted;
    if (!drey__cases_enlist(cases, n, base, waiters, &timer, self, &enlisted) && drey__disarm(self)) {
        drey__cases_withdraw(cases, enlisted, waiters, &timer, DREY__BY_CANCEL);
        atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
        return -EAGAIN;
    }
    bool claimed = drey__park_at(self, n == 1 ? "one case" : "the first of several cases", cases, place);
    uint32_t index = claimed ? atomic_load_explicit(&self->slot, memory_order_relaxed) : DREY__BY_CANCEL;
    drey__cases_withdraw(cases, enlisted, waiters, &timer, index);
    if (!claimed)
        return -ECANCELED;
    drey__case_finish(&cases[index], &waiters[index]);
    return (int)index;
}

/* The waiters of a small select fit into the page that a parked task has anyway; 64 of them do not. */
static __attribute__((noinline)) int wait_few(drey_case *cases, size_t n, int64_t base, drey_task *self,
                                              const void *place)
{
    struct drey__waiter waiters[SELECT_FEW];
    return wait_round(cases, n, base, waiters, self, place);
}

static __attribute__((noinline)) int wait_many(drey_case *cases, size_t n, int64_t base, drey_task *self,
                                               const void *place)
{
    struct drey__waiter waiters[SELECT_MAX];
    return wait_round(cases, n, base, waiters, self, place);
}

int drey_select(drey_case *cases, size_t n)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (n == 0 || n > SELECT_MAX)
        return n == 0 ? -EINVAL : -E2BIG;
    int64_t base;
    rc = drey__cases_check(cases, n, &base);
    if (rc < 0)
        return rc;
    do {
        rc = drey__cases_attempt(cases, n, base);
        if (rc == -EAGAIN)
            rc = (n <= SELECT_FEW ? wait_few : wait_many)(cases, n, base, self, DREY__CALLER);
    } while (rc == -EAGAIN);
    return rc;
}

int drey_try_select(drey_case *cases, size_t n)
{
    int64_t base;
    if (drey__current() == NULL)
        return -EPERM;
    if (n == 0 || n > SELECT_MAX)
        return n == 0 ? -EINVAL : -E2BIG;
    int rc = drey__cases_check(cases, n, &base);
    return rc < 0 ? rc : drey__cases_attempt(cases, n, base);
}
