/* SPDX-License-Identifier: MIT */
/*
 * The task record: two cache lines, all that an unstarted task costs. What only a started task needs lives on its
 * stack (stack/stack.h).
 *
 *   FRESH -> RUNNING <-> PARKED -> ENDED         FRESH tasks own no stack and may move between workers;
 *              ^------ READY <--'                a started task stays on its worker until it ends (R8).
 *   DORMANT -> FRESH ...                         a dormant task is a record and a block of waiters (R9).
 *
 * Who writes: a FRESH record belongs to the queue it is in, or to the worker that runs it as a leaf (sched/leaf.h);
 * from then to its end a task's record is written by its own worker only, except for `claim` (any waker) and the fields
 * of `handle` (under handle.lock). After the end it belongs to the worker of the parent scope's opener.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <drey/base.h>
#include <drey/scope.h>

#include "base/base.h"
#include "base/list.h"
#include "base/spin.h"

struct drey__worker;
struct drey__stack;
struct drey__waiter;

enum drey__task_state {
    DREY__FRESH,
    DREY__RUNNING,
    DREY__READY,
    DREY__PARKED,
    DREY__DORMANT,
    DREY__ENDED,
};

enum drey__task_flag {
    DREY__HANDLE = 1,    /* drey_spawn: somebody may join it; `handle` is valid */
    DREY__DAEMON = 2,    /* drey_go_daemon */
    DREY__COPY = 4,      /* drey_go_copy: `copy` holds the argument */
    DREY__STEP = 8,      /* drey_go_when: `dormant` is valid */
    DREY__ADMITTED = 16, /* counts against the parent's limit */
    DREY__LINKED = 32,   /* it has waited or opened a scope: `sibling` is in a list */
};

/* The wait state of a task: see wait/wait.h. */
enum drey__claim {
    DREY__IDLE = 0,    /* not waiting */
    DREY__CLAIMED = 1, /* somebody has decided to wake it */
    DREY__ARMED = 2,   /* waiting; the first to change this to CLAIMED wakes it. With ARMED: */
    DREY__UNCUT = 4,   /* cancellation may not claim it */
    DREY__FOREIGN = 8, /* threads that are no workers may claim it */
};

struct drey_task {
    struct drey_task *next; /* in a worker's mail, a spill list or the free list */
    union {
        drey_fn *fn; /* FRESH */
        void *sp;    /* PARKED, READY: where to continue */
    };
    union {
        void *arg;         /* FRESH */
        uint64_t clear_at; /* started: the cancel epoch at which it was last found not cancelled */
    };
    drey_scope *scope;           /* started: innermost open scope; `parent` if it has opened none */
    drey_scope *parent;          /* the scope it is a child of */
    struct drey__stack *stack;   /* started; NULL: not started, or dormant */
    struct drey__worker *worker; /* started: its worker; DORMANT: where it fell asleep */
    int32_t result;              /* ENDED */
    union {
        struct {
            uint8_t state, flags, held, stack_class;
        };
        uint32_t traits; /* the four of them, to be set by one store */
    };
    /* The second line: a child without a handle that never waits does not touch it, nor does a yield. In an unused
     * record `stack`, `handle.joiner` and `handle.runs_on` are NULL, `sibling` is in no list and `claim` is IDLE. */
    struct drey__link sibling; /* linked once it parks or opens a scope; ENDED with a handle: the scope's list */
    _Atomic uint32_t claim;
    _Atomic uint32_t slot; /* FRESH with a handle: index in the queue; PARKED: the case that was claimed */
    union {
        char copy[DREY_COPY_MAX];
        struct {
            uintptr_t mail; /* link while CANCEL mail is under way */
            drey__spin lock;
            _Atomic bool cancelled;       /* drey_task_cancel; set once, under lock */
            bool ended, joined, mailed;   /* under lock; mailed: CANCEL mail is under way */
            struct drey__waiter *joiner;  /* under lock */
            struct drey__worker *runs_on; /* under lock: set when the task is linked */
            const char *why;              /* valid once cancelled is set */
        } handle;
        struct drey__pack {
            struct drey_task *rest, *last;
        } pack; /* of leaves that ended elsewhere, on its way home: the others (scope/far.c) */
        struct drey__dormant {
            struct drey_case *cases; /* a block: `room` cases, as many waiters, the timer if there is one */
            drey_step_fn *fn;
            void *arg;
            int32_t event;   /* what the next step is told */
            uint8_t n, room; /* cases in use, and allocated */
            bool has_timer;
        } dormant;
    };
} __attribute__((aligned(DREY__LINE)));

/* The traits of a task that holds no lock. */
static inline uint32_t drey__task_traits(enum drey__task_state state, unsigned flags, uint32_t stack_class)
{
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the bytes of the traits are in this order");
    return (uint32_t)state | flags << 8 | stack_class << 24;
}

static inline uint32_t drey__traits_class(uint32_t traits)
{
    return traits >> 24;
}

/* Whether the task holds a lock. One byte at a time: joined with its neighbours' tests into one wider load, it would
 * wait for the narrow stores before it to leave the store buffer, some 15 cycles. */
static inline bool drey__task_holds(const struct drey_task *t)
{
    return __atomic_load_n(&t->held, __ATOMIC_RELAXED) != 0;
}

/* Whether it runs, has these flags and no other, and holds no lock: by one load of what one store has set. */
static inline bool drey__task_is_plain(const struct drey_task *t, unsigned flags)
{
    return (t->traits & 0xffffff) == (DREY__RUNNING | flags << 8);
}

/* The same for a leaf (sched/leaf.h), whose record still says FRESH. */
static inline bool drey__task_is_plain_leaf(const struct drey_task *t, unsigned flags)
{
    return (t->traits & 0xffffff) == (DREY__FRESH | flags << 8);
}

_Static_assert(sizeof(struct drey_task) == DREY__LINE, "an unstarted task is one pair of cache lines");

/* One worker's unused records; slabs are shared out to the pools and freed when the runtime ends. */
struct drey__record_pool {
    struct drey_task *free;   /* linked by `next` */
    struct drey_task *unused; /* the rest of the newest slab, never used */
    uint32_t unused_left;
};

/* Put some records that were never used into the free list. False: memory is out. */
bool drey__record_refill(struct drey__record_pool *pool);
void drey__record_release_all(void);

/* From a list that is not empty. The contents are whatever the last owner left. */
static inline struct drey_task *drey__record_take(struct drey__record_pool *pool)
{
    struct drey_task *t = pool->free;
    pool->free = t->next;
    __builtin_prefetch(t->next, 1);
    /* The second line too, used or not: the hardware then sees a stream of lines. There may be no next record. */
    __builtin_prefetch((const void *)((uintptr_t)t->next + DREY__LINE / 2), 1);
    return t;
}

/* NULL when memory is out. */
static inline struct drey_task *drey__record_get(struct drey__record_pool *pool)
{
    return likely(pool->free != NULL) || drey__record_refill(pool) ? drey__record_take(pool) : NULL;
}

/* Of a task that has never waited, and whose handle, if it has one, nobody else has touched. */
static inline void drey__record_put(struct drey__record_pool *pool, struct drey_task *t)
{
    t->next = pool->free;
    pool->free = t;
}
