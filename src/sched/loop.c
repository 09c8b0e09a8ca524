/* SPDX-License-Identifier: MIT */
/*
 * The worker's loop. It runs on a pooled stack and calls a fresh task as a plain function. If the task suspends, the
 * stack goes with it and the loop goes on on the next one (park.c); if it does not, it never cost a stack of its own.
 */
#include "arch/arch.h"
#include "sched/choose.h"
#include "sched/hooks.h"
#include "sched/leaf.h"
#include "sched/worker.h"
#include "stack/announce.h"

struct drey_task *drey__choose_seeded(struct drey__worker *w)
{
    uint32_t ready = drey__ready_count(&w->ready);
    uint32_t fresh = w->starved ? 0 : drey__fresh_count(&w->fresh);
    if (ready + fresh == 0 || (w->turn == 0 && fresh > 0))
        return NULL; /* turn 0: drawn already, on the way to the loop */
    w->turn = 1;
    uint32_t n = drey__random_below(&w->rng, ready + fresh);
    if (n < ready)
        return drey__ready_pop_at(&w->ready, n);
    w->turn = 0;
    return NULL;
}

struct drey_task *drey__choose_fresh(struct drey__worker *w)
{
    uint32_t count = drey__fresh_count(&w->fresh);
    if (w->starved || (count == 0 && w->fresh.spill == NULL))
        return NULL;
    uint32_t ready = drey__ready_count(&w->ready);
    w->turn = 1 + (ready < DREY__FRESH_TURN ? ready : DREY__FRESH_TURN);
    if (drey__fresh_asked(&w->fresh))
        drey__share_answer(w);
    if (drey__rt.seeded && count > 1)
        return drey__fresh_pop_at(&w->fresh, drey__random_below(&w->rng, count));
    return drey__fresh_pop(&w->fresh);
}

static void receive(struct drey__worker *w, uintptr_t item)
{
    void *what = (void *)(item & ~DREY__MAIL_MASK);
    switch ((enum drey__mail)(item & DREY__MAIL_MASK)) {
    case DREY__MAIL_READY: {
        struct drey_task *t = what;
        t->state = DREY__READY;
        drey__ready_push(&w->ready, t);
        break;
    }
    case DREY__MAIL_FRESH: {
        struct drey_task *t = what;
        if (t->state == DREY__DORMANT)
            drey__dormant_woken(t);
        drey__queue_fresh(w, t);
        break;
    }
    case DREY__MAIL_DONE:
        drey__scope_done(w, what);
        break;
    case DREY__MAIL_JOINED:
        drey__scope_joined(w, what);
        break;
    case DREY__MAIL_VISIT:
        drey__scope_visit_mail(w, what);
        break;
    case DREY__MAIL_TOUR:
        drey__scope_tour(w, what);
        break;
    case DREY__MAIL_CALL:
        ((struct drey__call *)what)->fn(w, what);
        break;
    case DREY__MAIL_CANCEL:
        drey__scope_task_cancelled(w, what);
        break;
    }
}

void drey__collect_mail(struct drey__worker *w)
{
    uintptr_t batch = drey__mail_take(&w->mail);
    while (batch != 0) {
        uintptr_t next = *(uintptr_t *)(batch & ~DREY__MAIL_MASK); /* before the item finds another use */
        receive(w, batch);
        batch = next;
    }
}

void drey__look_at_time(struct drey__worker *w)
{
    w->kept_house = drey__clock_now();
    if (w->timers.pending > 0)
        drey__wheel_advance(&w->timers, w->kept_house);
    drey__token_spread_signals();
    drey__signals_deliver();
    drey__collect_mail(w);
}

void drey__housekeeping(struct drey__worker *w)
{
    drey__io_wait(w, 0);
    drey__look_at_time(w);
}

/* Before anything but another plain leaf of the same scope runs (scope/far.c). */
static inline void report_ended(struct drey__worker *w)
{
    if (unlikely(w->ended.scope != NULL))
        drey__scope_report_ended(w);
}

/* Continue a started task, abandoning the loop's stack. Goes on in drey__switch_away of that task. */
static DREY__UNTRACED __attribute__((noreturn)) void resume(struct drey__worker *w, struct drey_task *t)
{
    struct drey__stack *from = w->stack;
    void *abandoned;
    report_ended(w);
    drey__stack_put(&w->stacks, from);
    w->starved = false;
    t->state = DREY__RUNNING;
    w->current = t;
    w->budget = DREY__BUDGET;
    w->stack = t->stack;
    drey__announce_leave(from, t->stack, true);
    drey__arch_switch(&abandoned, t->sp);
    __builtin_unreachable();
}

/* Continue the loop on another stack, abandoning this one. */
static DREY__UNTRACED __attribute__((noreturn)) void move_to(struct drey__worker *w, struct drey__stack *to)
{
    struct drey__stack *from = w->stack;
    void *abandoned;
    drey__stack_put(&w->stacks, from);
    w->stack = to;
    drey__announce_leave(from, to, true);
    drey__arch_switch(&abandoned, drey__arch_prepare(to->top, drey__loop_entry));
    __builtin_unreachable();
}

/* One step of a dormant task: it belongs to the scheduler before and after, so it is settled from the beginning. */
static __attribute__((noinline)) void run_step(struct drey__worker *w, struct drey_task *t)
{
    drey__leaf_begin(w, t, NULL);
    drey__leaf_settle(w);
    w->stack->fn = (drey_fn *)(uintptr_t)drey__dormant_place(t);
    bool ended = drey__dormant_run(t);
    w->current = NULL;
    if (ended)
        drey__scope_task_ended(w, t);
}

static inline __attribute__((always_inline)) void run_fresh(struct drey__worker *w, struct drey_task *t)
{
    w->budget = DREY__BUDGET;
    drey__count_switch(w);
    if (unlikely(w->ended.scope != NULL) && (w->ended.scope != t->parent || t->flags != 0))
        drey__scope_report_ended(w);
    if (unlikely((t->flags & DREY__STEP) != 0)) {
        run_step(w, t);
        return;
    }
    drey__leaf_begin(w, t, NULL);
    int result = t->fn(t->arg);
    if (drey__leaf_end(w, t)) {
        drey__scope_leaf_ended(w, t, result);
    } else {
        t->result = result;
        w->current = NULL;
        drey__scope_task_ended(w, t);
    }
}

/* True if a stack of the default class is left over: what park.c relies on. */
static inline bool has_reserve(struct drey__worker *w)
{
    if (likely(w->stacks.hot[drey__rt.stack_class] != NULL))
        return true;
    struct drey__stack *reserve = drey__stack_get(&w->stacks, drey__rt.stack_class);
    if (reserve != NULL)
        drey__stack_put(&w->stacks, reserve);
    return reserve != NULL;
}

/* A stack of another class is a reason to move; a missing reserve is a reason not to start. */
static inline DREY__UNTRACED __attribute__((always_inline)) void start(struct drey__worker *w, struct drey_task *t)
{
    struct drey__stack *fit = w->stack;
    if (unlikely(t->stack_class != fit->size_class))
        fit = drey__stack_get(&w->stacks, t->stack_class);
    if (unlikely(fit == NULL || !has_reserve(w))) {
        if (fit != NULL && fit != w->stack)
            drey__stack_put(&w->stacks, fit);
        w->starved = true;
        drey__fresh_push(&w->fresh, t);
    } else if (unlikely(fit != w->stack)) {
        w->pending = t;
        move_to(w, fit);
    } else {
        run_fresh(w, t);
    }
}

/* Whether the steps 1 to 3 of the loop would find nothing to do. */
static inline bool nothing_else(struct drey__worker *w)
{
    return likely(!drey__mail_waiting(&w->mail) &&
                  atomic_load_explicit(&w->switches, memory_order_relaxed) < w->house_at &&
                  drey__ready_count(&w->ready) == 0 && !drey__fresh_asked(&w->fresh) && !w->starved &&
                  !drey__rt.seeded);
}

static DREY__UNTRACED __attribute__((noreturn)) void leave_thread(struct drey__worker *w)
{
    struct drey__stack *from = w->stack;
    void *abandoned;
    drey__stack_put(&w->stacks, from);
    w->stack = &w->native;
    drey__announce_leave(from, &w->native, true);
    drey__arch_switch(&abandoned, w->native_sp);
    __builtin_unreachable();
}

DREY__UNTRACED void drey__loop_entry(void)
{
    struct drey__worker *w = drey__self;
    struct drey_task *t = w->pending;
    drey__announce_arrive(w->stack);
    if (t != NULL) {
        w->pending = NULL;
        run_fresh(w, t);
    }
    for (;;) {
        /* 1 what others sent */
        if (drey__mail_waiting(&w->mail))
            drey__collect_mail(w);
        if (atomic_load_explicit(&drey__rt.stop, memory_order_acquire))
            leave_thread(w);
        /* 2 timers and the kernel, now and then */
        uint64_t switches = atomic_load_explicit(&w->switches, memory_order_relaxed);
        if (unlikely(switches >= w->house_at)) {
            w->house_at = switches + DREY__HOUSEKEEPING;
            drey__housekeeping(w);
        }
        /* 3 a started task */
        if (drey__ready_count(&w->ready) != 0 && (t = drey__choose_ready(w)) != NULL)
            resume(w, t);
        /* 4 a fresh task: by its turn, or because nothing else is ready */
        if ((t = drey__choose_fresh(w)) != NULL) {
            do {
                start(w, t);
            } while (nothing_else(w) && (t = drey__fresh_pop(&w->fresh)) != NULL);
            continue;
        }
        w->turn = 2; /* a hint said there was one: let the ready task go first */
        if (drey__ready_count(&w->ready) > 0)
            continue;
        /* 5 nothing to do here: look at other workers, then sleep */
        report_ended(w);
        drey__idle(w);
    }
}
