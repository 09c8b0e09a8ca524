/* SPDX-License-Identifier: MIT */
/*
 * Dormant tasks (R9): a record and a block of waiters until a case happens, then a step on a stack.
 *
 * A dormant task is armed like a parked one, but has no stack: whoever claims it mails its record to the worker where
 * it sleeps. There the other cases are withdrawn (their timers and descriptors are that worker's), and the record is
 * queued as a fresh task that any worker may take. So servers balance request by request.
 *
 *   queued -> step -> asleep -> claimed -> woken (withdrawn, unlinked) -> queued ...
 *
 * The block belongs to the task. Between arming and `woken` the waiters in it may be touched by wakers (wait.h, I2).
 */
#include "base/alloc.h"
#include "scope/child.h"
#include "select/select.h"

enum {
    AGAIN = INT32_MAX, /* what drey_again_when returns */
    NOT_YET = -EAGAIN, /* as an event: it has not slept yet */
};

static struct drey__waiter *waiters_of(struct drey__dormant *d)
{
    return (struct drey__waiter *)(void *)&d->cases[d->room];
}

static struct drey__case_timer *timer_of(struct drey__dormant *d)
{
    return d->has_timer ? (struct drey__case_timer *)(void *)&waiters_of(d)[d->room] : NULL;
}

static bool needs_timer(const drey_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cases[i].kind == DREY_ON_AT || cases[i].kind == DREY_ON_AFTER)
            return true;
    return false;
}

/* See to a block with room for the cases, and copy them. False: no memory; the old block is kept. */
static bool hold_cases(struct drey__dormant *d, const drey_case *cases, size_t n, int64_t base)
{
    bool timer = needs_timer(cases, n);
    if (d->room < n || (timer && !d->has_timer)) {
        size_t bytes =
            n * (sizeof(drey_case) + sizeof(struct drey__waiter)) + (timer ? sizeof(struct drey__case_timer) : 0);
        drey_case *block = drey__realloc(d->cases, bytes);
        if (block == NULL)
            return false;
        d->cases = block;
        d->room = (uint8_t)n;
        d->has_timer = timer;
    }
    d->n = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        d->cases[i] = cases[i];
        if (cases[i].kind == DREY_ON_AFTER) { /* counted from now, however often the task looks again */
            d->cases[i].kind = DREY_ON_AT;
            d->cases[i].a = drey__case_time(&cases[i], base);
        }
    }
    return true;
}

static bool is_on_stack(const drey_task *self, const void *at)
{
    return (const char *)at >= self->stack->bottom && (const char *)at < (const char *)self->stack->top;
}

/* A result that points into the current stack would be written after the frame is gone. */
static void check_out_pointers(drey_task *self, const drey_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool watch = cases[i].kind == DREY_ON_WATCH;
        if (is_on_stack(self, cases[i].out) || (watch && is_on_stack(self, (const void *)(intptr_t)cases[i].b)))
            drey__panic("dormant task: case %zu points into the stack of the function that ends here (R9)", i);
    }
}

/* Enlist on every case. False: the task did not go to sleep, and d->event says why. */
static bool fall_asleep(drey_task *t, struct drey__dormant *d)
{
    size_t enlisted;
    t->stack = NULL;
    t->state = DREY__DORMANT;
    drey__scope_link(t);
    while (!drey__scope_marked(t) && (d->event = drey__cases_attempt(d->cases, d->n, 0)) == NOT_YET) {
        if (drey__cases_enlist(d->cases, d->n, 0, waiters_of(d), timer_of(d), t, &enlisted))
            return true;
        if (!drey__disarm(t)) { /* claimed meanwhile: its mail is under way */
            for (size_t i = enlisted; i < d->n; i++)
                drey__waiter_init(&waiters_of(d)[i], t, NULL, (uint32_t)i); /* as if never queued */
            return true;
        }
        drey__cases_withdraw(d->cases, enlisted, waiters_of(d), timer_of(d), DREY__BY_CANCEL);
        atomic_store_explicit(&t->claim, DREY__IDLE, memory_order_relaxed);
    }
    if (d->event == NOT_YET)
        d->event = -ECANCELED;
    drey__scope_unlink(t);
    return false;
}

void drey__dormant_woken(drey_task *t)
{
    struct drey__dormant *d = &t->dormant;
    uint32_t index = atomic_load_explicit(&t->slot, memory_order_relaxed);
    atomic_store_explicit(&t->claim, DREY__IDLE, memory_order_relaxed);
    drey__cases_withdraw(d->cases, d->n, waiters_of(d), timer_of(d), index);
    d->event = -ECANCELED;
    if (index != DREY__BY_CANCEL) {
        drey__case_finish(&d->cases[index], &waiters_of(d)[index]);
        d->event = (int)index;
    }
    drey__scope_unlink(t);
    t->state = DREY__FRESH;
}

/* True: the task has ended with t->result. */
bool drey__dormant_run(drey_task *t)
{
    struct drey__dormant *d = &t->dormant;
    int rc = AGAIN;
    if (d->event != NOT_YET) {
        rc = d->fn(d->arg, d->event);
        d->event = NOT_YET;
    }
    if (rc != AGAIN) {
        t->result = rc;
        drey__free(d->cases);
        return true;
    }
    if (t->scope != t->parent || t->held != 0)
        drey__panic("dormant task: a step ended with an open scope or a held lock (R9)");
    struct drey__worker *w = drey__self;
    drey__scope_unlink(t); /* linked if the step parked */
    if (!fall_asleep(t, d)) {
        t->state = DREY__FRESH;
        drey__queue_fresh(w, t); /* behind the others: a case that is always ready does not own the worker */
    }
    return false;
}

const void *drey__dormant_place(const drey_task *t)
{
    return (const void *)(uintptr_t)t->dormant.fn;
}

int drey_go_when(drey_scope *s, drey_step_fn *fn, void *arg, drey_case *cases, size_t n)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    int64_t base;
    if (n == 0 || n > DREY_WHEN_MAX || drey__cases_check(cases, n, &base) < 0)
        return -EINVAL;
    check_out_pointers(self, cases, n);
    drey_task *t = drey__child_new(self, s, NULL, NULL, DREY__STEP);
    if (t == NULL)
        return -ENOMEM;
    t->dormant = (struct drey__dormant){.fn = fn, .arg = arg, .event = NOT_YET};
    if (!hold_cases(&t->dormant, cases, n, base)) {
        drey__child_drop(t);
        return -ENOMEM;
    }
    drey_case *block = t->dormant.cases;
    rc = drey__child_start(drey__scope_of(s), self, t, true, DREY__CALLER);
    if (rc < 0)
        drey__free(block);
    return rc;
}

int drey_again_when(drey_case *cases, size_t n)
{
    drey_task *self = drey__current_or_die("drey_again_when");
    if ((self->flags & DREY__STEP) == 0)
        drey__panic("drey_again_when: only as the return value of a dormant task's step (R9)");
    int64_t base;
    if (n == 0 || n > DREY_WHEN_MAX || drey__cases_check(cases, n, &base) < 0)
        return -EINVAL;
    check_out_pointers(self, cases, n);
    return hold_cases(&self->dormant, cases, n, base) ? AGAIN : -ENOMEM;
}
