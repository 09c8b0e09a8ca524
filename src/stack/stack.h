/* SPDX-License-Identifier: MIT */
/*
 * Stacks: where tasks that have started keep their frames.
 *
 *   low                                                       high
 *   | guard, 16 KB or more | frames grow down  <-  top | struct drey__stack | colour |
 *
 * The descriptor sits at the high end, in the page that the first frames touch anyway, so a parked task costs one
 * page. Tops are shifted by a colour of up to 2 KB: otherwise every descriptor would fall into the same cache set.
 * A stack in use belongs to one worker; pools are per worker; only the cold list is shared (under its lock).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drey/base.h>

struct drey_binding;
struct drey__stack_chunk;

enum { DREY__HELD_MAX = 16 }; /* locks a task may hold at once */

struct drey__stack {
    struct drey__stack *next;      /* in a pool */
    char *bottom;                  /* lowest usable address; the guard ends here */
    const char *middle;            /* half of it is used up here */
    void *top;                     /* frames start below this, 16-aligned */
    struct drey_binding *bindings; /* task-locals, innermost first */
    int (*fn)(void *);             /* what the task runs, for reports */
    const char *scope_name;        /* of the innermost scope that the task has opened; valid while there is one */
    const char *wait_what;         /* valid while parked: a word for the dump */
    const void *wait_object;
    const void *wait_place; /* the caller of the suspension point where it waits, or yielded for others */
    struct drey__stack_chunk *chunk;
    uint32_t slot; /* index in the chunk */
    uint32_t size_class;
    uint32_t refusals;      /* suspension points refused to the task so far */
    void *sanitizer_fiber;  /* ThreadSanitizer's name for this stack */
    void *sanitizer_frames; /* AddressSanitizer's fake stack while switched away */
    struct drey__held {
        const void *lock;
        const void *place;
    } held[DREY__HELD_MAX]; /* the first task->held of them: locks in the order of taking (R10) */
} __attribute__((aligned(128)));

enum {
    DREY__STACK_CLASSES = 10,      /* 16 KB << class: 16 KB to 8 MB */
    DREY__STACK_CLASS_DEFAULT = 2, /* 64 KB */
    DREY__STACK_CLASS_DEEP = 9,
};

/* One worker's unused stacks, hottest first. Only that worker touches it. */
struct drey__stack_pool {
    struct drey__stack *hot[DREY__STACK_CLASSES];
    uint32_t count[DREY__STACK_CLASSES];
    uint32_t taken[DREY__STACK_CLASSES]; /* so many came from the system so far */
};

/* The class whose stacks hold at least `bytes` (0: the default); the largest class if none does. */
uint32_t drey__stack_class(size_t bytes);
size_t drey__stack_class_bytes(uint32_t size_class);

/* NULL when memory, address space or mappings are out. */
struct drey__stack *drey__stack_get(struct drey__stack_pool *pool, uint32_t size_class);
void drey__stack_put(struct drey__stack_pool *pool, struct drey__stack *stack);

/* Of the size of which most are unused: how many are. */
uint32_t drey__stack_pool_most(const struct drey__stack_pool *pool);

/* Give the memory of some of those beyond `keep` unused stacks of a size back to the system; false: there are none. */
bool drey__stack_pool_trim(struct drey__stack_pool *pool, uint32_t keep);

/* Forget them all, before everything is unmapped. */
void drey__stack_pool_drop(struct drey__stack_pool *pool);

/* Unmap everything. Only when no stack is in use. */
void drey__stack_release_all(void);

void drey__stack_counts(uint64_t *out_mapped, uint64_t *out_cold);

/* Whether the guards are made of page protections, of which the system allows about 32,000 a process. */
bool drey__stack_guards_by_mprotect(void);

/* The stack whose guard contains `address`, or NULL. Async-signal-safe. */
struct drey__stack *drey__stack_of_guard(const void *address);

/* sched/leaf.c: the function that runs on this thread, if no stack says so yet; or NULL. Async-signal-safe. */
drey_fn *drey__leaf_function(void);

/* This thread's, while a drey__arch_call_behind runs: a fault ends that call. Else NULL. */
extern _Thread_local void *volatile drey__fault_mark __attribute__((tls_model("initial-exec")));

/* Report stack overflows by task name from SIGSEGV and SIGBUS, on the calling thread's alternate stack. */
int drey__overflow_thread_init(void);
void drey__overflow_thread_deinit(void);
void drey__overflow_install(void); /* process-wide; the former handlers get what is not ours */
void drey__overflow_remove(void);
