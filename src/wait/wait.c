/* SPDX-License-Identifier: MIT */
#include "wait/wait.h"

#include "base/clock.h"
#include "sched/hooks.h"
#include "wait/point.h"
#include "wait/report.h"

/* A cleanup is refused a few times; a loop that does not look at its results, without end (R4). */
enum { REFUSALS_REPORTED = 10000 };

void (*drey__point_hook)(const void *place);

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
        w->house_at = 0;       /* timers and the kernel too */
        if (self->held == 0) { /* R11: before the operation is tried */
            self->stack->wait_place = place;
            drey__yield_now(self);
        }
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
    return drey__park_here(self, what, object, place);
}
