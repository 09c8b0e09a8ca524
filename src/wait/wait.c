/* SPDX-License-Identifier: MIT */
#include "wait/wait.h"

#include "base/clock.h"
#include "sched/hooks.h"
#include "wait/point.h"
#include "wait/report.h"

/* A cleanup is refused a few times; a loop that does not look at its results, without end (R4). */
enum { REFUSALS_REPORTED = 10000 };

void (*drey__point_hook)(const void *place);

void drey__yield_now(struct drey_task *self)
{
    self->state = DREY__READY;
    drey__ready_push(&drey__self->ready, self);
    drey__switch_away(self);
}

int drey__enter_slow(struct drey_task *self, enum drey__entry entry, const void *place)
{
    struct drey__worker *w = drey__self;
    if (unlikely(w->deep))
        drey__panic("suspension inside drey_call_deep: a function run on the deep stack must not suspend");
    if (self->scope != self->parent)
        drey__scope_check_left(self);
    if (self->held > 0 && entry != DREY__LOCK_POINT)
        drey__report_lock_rule(self, place);
    if (w->budget <= 0) {
        w->budget = DREY__BUDGET;
        w->tick = 1; /* timers and the kernel too */
        if (self->held == 0)
            drey__yield_now(self); /* R11: before the operation is tried */
    }
    if (unlikely(drey__point_hook != NULL))
        drey__point_hook(place);
    uint64_t epoch = atomic_load_explicit(&drey__epoch.now, memory_order_acquire);
    if (self->clear_at == epoch)
        return 0;
    bool marked = drey__scope_marked(self);
    if (!marked && drey__point_hook == NULL)
        self->clear_at = epoch;
    if (!marked || entry != DREY__CUT_POINT)
        return 0;
    if (unlikely(++self->stack->refusals == REFUSALS_REPORTED))
        drey__report_deaf(self, place);
    return -ECANCELED;
}

struct drey_task *drey__current_or_die(const char *function)
{
    struct drey_task *self = drey__current();
    if (unlikely(self == NULL))
        drey__panic("%s is for tasks only, and was called outside one (R12)", function);
    return self;
}

bool drey__park_at(struct drey_task *self, const char *what, const void *object, const void *place)
{
    struct drey__stack *s = self->stack;
    s->wait_what = what;
    s->wait_object = object;
    s->wait_place = place;
    if (unlikely(!drey__link_in_list(&self->sibling)))
        drey__scope_link(self);
    if (self->scope != self->parent)
        drey__scope_check_left(self);
    /* A foreign waker may have claimed and readied the task already: its state is then for the mail to set. */
    self->state = DREY__PARKED;
    drey__switch_away(self);
    s->wait_what = NULL;
    atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
    return atomic_load_explicit(&self->slot, memory_order_relaxed) != DREY__BY_CANCEL;
}
