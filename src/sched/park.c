/* SPDX-License-Identifier: MIT */
/*
 * Leaving a task. This is the one place that switches between tasks, and it goes straight from one to the next: with a
 * second call site, or a scheduler in between, the processor mispredicts the returns and a switch costs four times as
 * much. Only when no started task is ready does it enter the loop, on another stack.
 *
 * Invariant: while a task runs, its worker's pool holds at least one stack of the default class, so leaving never
 * fails. The loop restores it before it starts a task (loop.c), and abandons its own stack to the pool when it resumes
 * one.
 */
#include "arch/arch.h"
#include "sched/choose.h"
#include "sched/worker.h"
#include "stack/announce.h"

__attribute__((tls_model("initial-exec"))) _Thread_local struct drey__worker *drey__self;
struct drey__epoch drey__epoch = {.now = 1};

/* False if the worker shall stop: only the loop leaves the thread, though a task may always be ready. */
static inline bool keep_house(struct drey__worker *w)
{
    uint64_t switches = drey__count_switch(w);
    if (unlikely(switches >= w->house_at)) {
        w->house_at = switches + DREY__HOUSEKEEPING;
        drey__housekeeping(w);
        return !atomic_load_explicit(&drey__rt.stop, memory_order_relaxed);
    }
    if (unlikely(drey__mail_waiting(&w->mail)))
        drey__collect_mail(w);
    return true;
}

static __attribute__((noinline)) void switch_any(struct drey_task *self)
{
    struct drey__worker *w = drey__self;
    bool goes_on = keep_house(w);
    struct drey_task *next = likely(goes_on) ? drey__choose_ready(w) : NULL;
    struct drey__stack *to;
    void *sp;
    if (likely(next != NULL)) {
        next->state = DREY__RUNNING;
        w->current = next;
        w->budget = DREY__BUDGET;
        if (next == self)
            return;
        to = next->stack;
        sp = next->sp;
    } else {
        w->current = NULL;
        to = drey__stack_get(&w->stacks, drey__rt.stack_class); /* never NULL: the invariant */
        sp = drey__arch_prepare(to->top, drey__loop_entry);
    }
    w->stack = to;
    drey__announce_leave(self->stack, to, false);
    drey__arch_switch(&self->sp, sp);
    drey__announce_arrive(self->stack);
}

/*
 * Whether the next in the line of started tasks runs next, and nothing else is to be done first. Then *out_switches is
 * what the count of switches becomes.
 */
static inline bool plainly_next(struct drey__worker *w, uint64_t *out_switches)
{
    *out_switches = atomic_load_explicit(&w->switches, memory_order_relaxed) + 1;
    return likely(*out_switches < w->house_at && !drey__mail_waiting(&w->mail) && !drey__rt.seeded &&
                  drey__fresh_count(&w->fresh) == 0 && drey__ready_simple(&w->ready));
}

static inline struct drey__stack *go_on_with(struct drey__worker *w, struct drey_task *next, uint64_t switches)
{
    atomic_store_explicit(&w->switches, switches, memory_order_relaxed);
    next->state = DREY__RUNNING;
    w->current = next;
    w->budget = DREY__BUDGET;
    w->stack = next->stack;
    return next->stack;
}

/* Nearly always by the short way, which needs no frame. */
__attribute__((noinline)) void drey__switch_away(struct drey__worker *w, struct drey_task *self)
{
    uint64_t switches;
    if (!plainly_next(w, &switches)) {
        switch_any(self);
        return;
    }
    struct drey_task *next = drey__ready_first(&w->ready);
    if (unlikely(next == self)) { /* its wake-up came before it left */
        go_on_with(w, next, switches);
        return;
    }
    drey__announce_leave(self->stack, go_on_with(w, next, switches), false);
    drey__arch_switch(&self->sp, next->sp);
    drey__announce_arrive(self->stack);
}

static __attribute__((noinline)) int yield_any(struct drey__worker *w, struct drey_task *self)
{
    self->state = DREY__READY;
    drey__ready_push(&w->ready, self);
    switch_any(self);
    return 0;
}

int drey__yield_now(struct drey_task *self)
{
    struct drey__worker *w = drey__self;
    uint64_t switches;
    if (!plainly_next(w, &switches))
        return yield_any(w, self);
    struct drey_task *next = drey__ready_turn(&w->ready, self);
    self->state = DREY__READY;
    drey__announce_leave(self->stack, go_on_with(w, next, switches), false);
    int rc = drey__arch_switch_off(&self->sp, next->sp);
    drey__announce_arrive(self->stack);
    return rc;
}

void drey__ready_task(struct drey_task *t)
{
    struct drey__worker *w = t->worker;
    if (w == drey__self) {
        t->state = DREY__READY;
        drey__ready_push(&w->ready, t);
    } else {
        drey__send(w, t, DREY__MAIL_READY);
    }
}

/*
 * Once its mail is read, all that kept a runtime going may end. Workers are not freed before all of their threads have
 * left; a thread that is no worker is counted while it still has a worker in its hands.
 */
static inline bool visit_begin(void)
{
    bool visitor = drey__self == NULL;
    if (visitor)
        atomic_fetch_add_explicit(&drey__rt.visitors, 1, memory_order_acquire);
    return visitor;
}

static inline void visit_end(bool visitor)
{
    if (visitor)
        atomic_fetch_sub_explicit(&drey__rt.visitors, 1, memory_order_release);
}

void drey__send(struct drey__worker *to, void *item, enum drey__mail what)
{
    bool visitor = visit_begin();
    drey__mail_push(&to->mail, item, what);
    drey__wake_worker(to);
    visit_end(visitor);
}

int drey__share_work(struct drey__worker *w)
{
    if (drey__fresh_count(&w->fresh) < 2)
        return 0;
    if (drey__fresh_asked(&w->fresh))
        drey__share_answer(w);
    else
        drey__wake_another(w);
    return 0;
}

int drey__queue_fresh(struct drey__worker *w, struct drey_task *t)
{
    drey__fresh_push(&w->fresh, t);
    return drey__multi ? drey__share_work(w) : 0;
}

void drey__send_letters(struct drey__worker *to, const struct drey__letters *letters)
{
    bool visitor = visit_begin();
    drey__mail_push_letters(&to->mail, letters);
    if (to != drey__self) /* it is awake, and looks before it sleeps */
        drey__wake_worker(to);
    visit_end(visitor);
}

void drey__mail_fresh(struct drey_task *t)
{
    struct drey__letters one = {0};
    struct drey__worker *to = t->worker;
    drey__letters_add(&one, t, DREY__MAIL_FRESH);
    drey__send_letters(to, &one);
}

void drey__send_fresh(struct drey__worker *to, struct drey_task *t)
{
    if (to == drey__self) {
        drey__queue_fresh(to, t);
    } else {
        drey__send(to, t, DREY__MAIL_FRESH);
    }
}
