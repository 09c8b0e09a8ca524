/* SPDX-License-Identifier: MIT */
/*
 * The worker's loop. It runs on a pooled stack and calls a fresh task as a plain function. If the task suspends, the
 * stack goes with it and the loop goes on on the next one (park.c); if it does not, it never cost a stack of its own.
 */
#include "arch/arch.h"
#include "sched/choose.h"
#include "sched/hooks.h"
#include "sched/share.h"
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

void drey__housekeeping(struct drey__worker *w)
{
    w->kept_house = drey__clock_now();
    if (w->timers.pending > 0)
        drey__wheel_advance(&w->timers, w->kept_house);
    drey__io_wait(w, 0);
    drey__token_spread_signals();
    drey__collect_mail(w);
}

/* Continue a started task, abandoning the loop's stack. Goes on in drey__switch_away of that task. */
static DREY__UNTRACED __attribute__((noreturn)) void resume(struct drey__worker *w, struct drey_task *t)
{
    struct drey__stack *from = w->stack;
    void *abandoned;
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

static void run_fresh(struct drey__worker *w, struct drey_task *t)
{
    struct drey__stack *s = w->stack;
    drey_fn *fn = t->fn;
    void *arg = t->arg;
    t->state = DREY__RUNNING;
    t->worker = w;
    t->stack = s;
    t->clear_at = 0;
    s->task = t;
    s->fn = unlikely((t->flags & DREY__STEP) != 0) ? (drey_fn *)(uintptr_t)drey__dormant_place(t) : fn;
    s->refusals = 0;
    s->bindings = drey__scope_bindings(t);
    w->current = t;
    w->budget = DREY__BUDGET;
    drey__count_switch(w);
    bool ended = true;
    if (unlikely((t->flags & DREY__STEP) != 0))
        ended = drey__dormant_run(t);
    else
        t->result = fn(arg);
    w->current = NULL;
    w->stack->task = NULL; /* where the task ended; one that went to sleep again may run elsewhere by now */
    if (ended)
        drey__scope_task_ended(w, t);
}

/* True if a stack of the default class is left over: what park.c relies on. */
static bool has_reserve(struct drey__worker *w)
{
    if (likely(w->stacks.hot[drey__rt.stack_class] != NULL))
        return true;
    struct drey__stack *reserve = drey__stack_get(&w->stacks, drey__rt.stack_class);
    if (reserve != NULL)
        drey__stack_put(&w->stacks, reserve);
    return reserve != NULL;
}

/* A stack of another class is a reason to move; a missing reserve is a reason not to start. */
static DREY__UNTRACED void start(struct drey__worker *w, struct drey_task *t)
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
        if (--w->tick == 0) {
            w->tick = DREY__HOUSEKEEPING;
            drey__housekeeping(w);
        }
        /* 3 a started task */
        if ((t = drey__choose_ready(w)) != NULL)
            resume(w, t);
        /* 4 a fresh task: by its turn, or because nothing else is ready */
        if ((t = drey__choose_fresh(w)) != NULL) {
            start(w, t);
            continue;
        }
        w->turn = 2; /* a hint said there was one: let the ready task go first */
        if (drey__ready_count(&w->ready) > 0)
            continue;
        /* 5 nothing to do here: look at other workers, then sleep */
        drey__idle(w);
    }
}
