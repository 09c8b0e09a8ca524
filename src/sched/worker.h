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
#include "sched/share.h"
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
struct drey__leaf;

struct drey__worker {
    struct drey_task *current; /* NULL in the scheduler's own loop, and while a leaf runs */
    struct drey_task *leaf;    /* the task that runs, as long as it has called nothing of the runtime (leaf.h) */
    struct drey__leaf *leaf_at;
    int32_t budget;            /* of the current task */
    _Atomic uint64_t switches; /* starts and resumptions; own, read by the watchdog; relaxed */
    uint64_t house_at;         /* how many of them before the next housekeeping; 0: it is due */
    struct drey__stack *stack; /* what the worker executes on */
    bool deep;                 /* inside drey_call_deep: nothing may suspend */
    uint32_t deep_stacks;      /* in use beside the task's or the loop's (run/deep.c) */
    uint32_t turn;             /* resumptions until a fresh task has its turn; 0: it has it now */
    struct drey_task *pending; /* chosen, and waiting for a stack of its class */
    bool starved;              /* no stack could be had for the next fresh task */
    struct drey__ready ready;
    struct drey__record_pool records;
    struct drey__ended {
        drey_scope *scope; /* of another worker; NULL: none has ended */
        struct drey_task *first, *last;
        uint32_t count;
    } ended; /* leaves that have ended here and are not reported yet (scope/far.c) */
    struct drey__stack_pool stacks;
    struct drey__fresh fresh;
    uint64_t rng;                        /* order of ready tasks where seeded, victims, select */
    uint64_t spawned, completed, steals; /* counters; read by observers without order */
    _Atomic uint64_t load;               /* tasks here that have waited and not ended; own, read by spawners; relaxed */
    struct drey__io *io;
    unsigned index;
    pthread_t thread;
    pid_t tid;                    /* set before the watchdog starts */
    int64_t kept_house;           /* when it last looked at timers and the kernel */
    int64_t excess_since;         /* since when it has more unused stacks than it needs; 0: it has not */
    uint32_t trim_to;             /* how many of each size are to be left of these */
    struct drey__stack native;    /* the thread's own stack, for the sanitizers */
    void *native_sp;              /* where the thread continues when the runtime ends */
    struct drey__reading reading; /* when a timeout begins */
    struct drey__wheel timers;
    struct drey__link foreign[DREY__FOREIGN_BUCKETS]; /* linked tasks here whose parent scope lives on another worker */

    _Alignas(DREY__LINE) drey__mailbox mail; /* anybody pushes */
    _Atomic uint32_t asleep;                 /* 1 before it sleeps; whoever changes 1 to 0 must wake it */
    _Atomic uint64_t looked;                 /* virtual clock: the activity when it last looked at the kernel */
    _Atomic int64_t next_timer;              /* virtual clock: when its earliest timer fires, valid while asleep */

    _Alignas(DREY__LINE) struct drey__handout handout; /* what others give it; whoever it asked writes */
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
void drey__look_at_time(struct drey__worker *w); /* housekeeping without a look at the kernel */
void drey__collect_mail(struct drey__worker *w);

/* sched/park.c: stop running `self`, the current task of `w`, until somebody readies it. The caller has arranged for
 * that. */
void drey__switch_away(struct drey__worker *w, struct drey_task *self);
/* Run others that are ready first: 0. */
int drey__yield_now(struct drey_task *self);

/* Send mail, and wake its receiver; any thread. The item may be gone when this returns. */
void drey__send(struct drey__worker *to, void *item, enum drey__mail what);
/* The same for several items, which the receiver gets at once. There is one at least. */
void drey__send_letters(struct drey__worker *to, const struct drey__letters *letters);
/* Make a parked task of any worker ready; any thread. */
void drey__ready_task(struct drey_task *t);
/* Somebody asks for work, or sleeps: answer or wake it if there are at least two fresh tasks here. Returns 0. */
int drey__share_work(struct drey__worker *w);
/* Queue a fresh task on this worker, and share if there is enough of them and somebody wants some. */
int drey__queue_fresh(struct drey__worker *w, struct drey_task *t);
/* The same without a call where nothing else needs doing, for a task that has a handle or has none. Both return 0, so
 * that a caller may end with them. */
static inline __attribute__((always_inline)) int drey__queue_fresh_quick(struct drey__worker *w, struct drey_task *t,
                                                                         bool handle)
{
    if (unlikely(!drey__fresh_try_push(&w->fresh, t, handle)))
        return drey__queue_fresh(w, t);
    if (drey__multi && atomic_load_explicit(&drey__rt.sleepers, memory_order_relaxed) != 0)
        return drey__share_work(w);
    return 0;
}
/* Send a woken dormant task to its worker by mail, even from that worker itself: the waker may hold locks. */
void drey__mail_fresh(struct drey_task *t);
/* Send a fresh task to a worker. */
void drey__send_fresh(struct drey__worker *to, struct drey_task *t);

/* Returns how many they are now. */
static inline uint64_t drey__count_switch(struct drey__worker *w)
{
    uint64_t n = atomic_load_explicit(&w->switches, memory_order_relaxed) + 1;
    atomic_store_explicit(&w->switches, n, memory_order_relaxed);
    return n;
}

/* sched/leaf.c: what runs there, or NULL; for reports, from any thread. */
drey_fn *drey__peek_function(const struct drey__worker *w);

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
