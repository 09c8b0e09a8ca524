/* SPDX-License-Identifier: MIT */
/*
 * A worker: one thread that runs tasks. All fields are its own, except the lines at the end, which others write.
 * docs/design/loop.md walks through the loop in the order of the code.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <drey/run.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "sched/fresh.h"
#include "sched/mail.h"
#include "sched/ready.h"
#include "stack/stack.h"
#include "task/task.h"
#include "timer/wheel.h"

enum {
    DREY__BUDGET = 128,      /* suspension points that may complete at once before a task yields (R11) */
    DREY__HOUSEKEEPING = 64, /* switches between two looks at the kernel and the clock */
    DREY__FRESH_TURN = 8,    /* resumptions between two starts at most: the ready tasks have a turn each, up to this */
    DREY__FOREIGN_BUCKETS = 256,
};

struct drey__io;

struct drey__worker {
    struct drey_task *current; /* NULL in the scheduler's own loop */
    int32_t budget;            /* of the current task */
    uint32_t tick;             /* resumptions until housekeeping */
    struct drey__stack *stack; /* what the worker executes on */
    bool deep;                 /* inside drey_call_deep: nothing may suspend */
    uint32_t turn;             /* resumptions until a fresh task has its turn; 0: it has it now */
    struct drey_task *pending; /* chosen, and waiting for a stack of its class */
    bool starved;              /* no stack could be had for the next fresh task */
    struct drey__ready ready;
    struct drey__record_pool records;
    struct drey__stack_pool stacks;
    struct drey__fresh fresh;
    uint64_t rng;                        /* order of ready tasks where seeded, victims, select */
    uint64_t spawned, completed, steals; /* counters; read by observers without order */
    _Atomic uint64_t load;               /* tasks here that have waited and not ended; own, read by spawners; relaxed */
    _Atomic uint64_t switches;           /* starts and resumptions; own, read by the watchdog; relaxed */
    struct drey__io *io;
    unsigned index;
    pthread_t thread;
    int64_t kept_house;        /* when it last looked at timers and the kernel */
    int64_t excess_since;      /* since when it has more unused stacks than it needs; 0: it has not */
    struct drey__stack native; /* the thread's own stack, for the sanitizers */
    void *native_sp;           /* where the thread continues when the runtime ends */
    struct drey__wheel timers;
    struct drey__link foreign[DREY__FOREIGN_BUCKETS]; /* linked tasks here whose parent scope lives on another worker */

    _Alignas(DREY__LINE) drey__mailbox mail; /* anybody pushes */
    _Atomic uint32_t asleep;                 /* 1 before it sleeps; whoever changes 1 to 0 must wake it */
    _Atomic uint64_t looked;                 /* virtual clock: the activity when it last looked at the kernel */
    _Atomic int64_t next_timer;              /* virtual clock: when its earliest timer fires, valid while asleep */
};

/* The worker of this thread, or NULL. Started tasks stay on their thread, so its address may be kept by compilers. */
extern DREY__HIDDEN _Thread_local struct drey__worker *drey__self __attribute__((tls_model("initial-exec")));

struct drey__runtime {
    struct drey__worker **workers;
    unsigned count;
    bool seeded; /* order of ready tasks is drawn, not first in first out */
    uint32_t stack_class;
    uint64_t max_tasks;
    int lock_rule;
    const char *name;
    drey_config config;
    _Alignas(DREY__LINE) _Atomic bool stop; /* the root task has ended: workers leave their loops */
    bool abandoned;                         /* worker 0: tasks would not end; their threads are not waited for */
    _Atomic uint32_t sleepers;              /* workers with asleep == 1 */
    _Atomic uint32_t searching;             /* workers looking for something to steal */
    _Atomic uint64_t outside;               /* work in flight outside: holds the virtual clock (R17) */
    _Atomic uint64_t stirs;                 /* virtual clock: rises whenever a worker leaves its sleep; seq_cst */
    _Atomic uint64_t wakes, cancels;        /* counters: workers woken from sleep, scopes cancelled; relaxed */
    _Atomic uint64_t live;                  /* records in use, where max_tasks is set */
    _Atomic uint32_t visitors; /* threads that are no workers, between sending mail and waking its receiver */
};

extern DREY__HIDDEN struct drey__runtime drey__rt;

/* The cancel epoch: rises at each cancellation of anything, so that "not cancelled" can be remembered (scope/mark.c).
 * Alone on its line: read at every suspension point, written rarely. */
extern DREY__HIDDEN struct drey__epoch {
    _Alignas(DREY__LINE) _Atomic uint64_t now;
} drey__epoch;

/* sched/loop.c */
void drey__loop_entry(void) __attribute__((noreturn)); /* where a prepared stack starts */
void drey__housekeeping(struct drey__worker *w);
void drey__collect_mail(struct drey__worker *w);

/* sched/park.c: stop running the current task until somebody readies it. The caller has arranged for that. */
void drey__switch_away(struct drey_task *self);

/* Send mail, and wake its receiver; any thread. The item may be gone when this returns. */
void drey__send(struct drey__worker *to, void *item, enum drey__mail what);
/* Make a parked task of any worker ready; any thread. */
void drey__ready_task(struct drey_task *t);
/* There are at least two fresh tasks here: answer who asks, or wake somebody who sleeps. */
void drey__share_work(struct drey__worker *w);
/* Queue a fresh task on this worker, and wake another if there is enough to share. */
static inline void drey__queue_fresh(struct drey__worker *w, struct drey_task *t)
{
    t->worker = w;
    drey__fresh_push(&w->fresh, t);
    if (unlikely(drey__multi) && drey__fresh_count(&w->fresh) >= 2)
        drey__share_work(w);
}
/* Send a woken dormant task to its worker by mail, even from that worker itself: the waker may hold locks. */
void drey__mail_fresh(struct drey_task *t);
/* Send a fresh task to a worker. */
void drey__send_fresh(struct drey__worker *to, struct drey_task *t);

static inline void drey__count_switch(struct drey__worker *w)
{
    uint64_t n = atomic_load_explicit(&w->switches, memory_order_relaxed);
    atomic_store_explicit(&w->switches, n + 1, memory_order_relaxed);
}

/* sched/idle.c */
void drey__idle(struct drey__worker *w);
void drey__wake_worker(struct drey__worker *w);
void drey__wake_another(struct drey__worker *w); /* somebody asleep, if nobody is searching already */
void drey__wake_for_signal(void);                /* async-signal-safe: a worker looks for signals soon */
/* True while a runtime runs, and a signal handler may look at its workers. Cleared before `visitors` is waited for. */
extern DREY__HIDDEN _Atomic bool drey__signals_heard;

/* Work outside the workers, which the virtual clock waits for. */
static inline void drey__outside_begin(void)
{
    atomic_fetch_add_explicit(&drey__rt.outside, 1, memory_order_relaxed);
}
static inline void drey__outside_end(void)
{
    atomic_fetch_sub_explicit(&drey__rt.outside, 1, memory_order_release);
}
