/* SPDX-License-Identifier: MIT */
/*
 * The calls that a waiting task is in. Every program carries tables that tell how to unwind each of its functions
 * (.eh_frame), and the compilers' own library, libgcc, has an unwinder that reads them. It begins at whoever called it:
 * drey__arch_call_behind makes it believe that this was the parked task.
 *
 * F1  It runs on the task's worker between two tasks, so that the frames are at rest; and on a deep stack, since the
 *     worker may stand on a task's, nearly full.
 * F2  Frames count while they lie in the task's stack and rise in it. They begin where the program called drey, and end
 *     with the task's function: the rest is of drey.
 * F3  Where memory is broken the unwinder may be sent anywhere. A fault then ends the walk (stack/overflow.c), and what
 *     was found before it is kept. It holds no lock while it follows frames.
 *
 * Rejected: libunwind. It asks the kernel about each page that it reads, by a pipe whose two ends it keeps open for
 * ever; whoever links it gets its C++ exceptions unwound by it, too; and there is none to be had for a cross build.
 * Frame pointers: a release build has none.
 */
#include <string.h>
#include <unwind.h>

#include "arch/arch.h"
#include "observe/observe.h"
#include "run/deep.h"
#include "run/run.h"
#include "sched/hooks.h"

struct walk {
    const char *low, *high; /* the task's stack */
    const void *inner;      /* where the program called drey */
    const void *outer;      /* the start of the task's function */
    unsigned elsewhere;     /* frames of our own that came first */
    const char *top;        /* of the frame seen last */
    struct drey__frames *out;
};

enum { OWN_FRAMES = 8 };

static const void *address(uintptr_t value)
{
    return (const void *)value;
}

/* Ours, which call tasks' functions. These may have been split, and the part that waits be none that we know. */
static bool calls_tasks(const void *function)
{
    return function == address((uintptr_t)drey__loop_entry) || function == address((uintptr_t)drey__dormant_run) ||
           function == address((uintptr_t)drey__root_main);
}

static _Unwind_Reason_Code see(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    struct drey__frames *out = walk->out;
    const char *top = address((uintptr_t)_Unwind_GetCFA(context));
    const void *place = address((uintptr_t)_Unwind_GetIP(context));
    const void *function = address((uintptr_t)_Unwind_GetRegionStart(context));
    if (top <= walk->low || top > walk->high) /* F2 */
        return walk->top == NULL && walk->elsewhere++ < OWN_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
    if (top <= walk->top || calls_tasks(function))
        return _URC_END_OF_STACK;
    walk->top = top;
    if (place == walk->inner)
        out->count = 0;
    if (out->count == DREY__FRAMES_MAX) {
        out->end = DREY__FRAMES_MORE;
        return _URC_END_OF_STACK;
    }
    out->at[out->count++] = place;
    return function == walk->outer ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static int walk_callers(void *walk)
{
    _Unwind_Backtrace(see, walk);
    return 0;
}

/* Of a task that waits, or is ready to go on. */
static void walk_task(const struct drey__worker *w, const drey_task *t, struct drey__frames *out)
{
    struct drey__stack *s = t->stack;
    struct walk walk = {
        .low = s->bottom, .high = s->top, .inner = s->wait_place, .outer = address((uintptr_t)s->fn), .out = out};
    *out = (struct drey__frames){.count = 0};
    if (t == w->current) { /* it is about to leave: these are its frames, and ours stand on them */
        walk_callers(&walk);
        return;
    }
    if (drey__arch_call_behind(t->sp, walk_callers, &walk, &drey__fault_mark) < 0)
        out->end = DREY__FRAMES_BROKEN;
    drey__fault_mark = NULL;
}

static uint32_t hash(const struct drey__frames *f)
{
    uint64_t h = f->count;
    for (unsigned i = 0; i < f->count; i++)
        h = (h ^ (uintptr_t)f->at[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(h >> 32);
}

static bool same(const struct drey__frames *a, const struct drey__frames *b)
{
    return a->count == b->count && a->end == b->end && memcmp(a->at, b->at, a->count * sizeof a->at[0]) == 0;
}

/* The index at which they are kept, or 0. */
static uint32_t keep(struct drey__stacks *all, const struct drey__frames *f)
{
    enum { BUCKETS = DREY__STACKS_BUCKETS };
    uint32_t i = hash(f) % BUCKETS;
    if (f->count == 0 && f->end == DREY__FRAMES_ALL)
        return 0;
    for (; all->bucket[i] != 0; i = (i + 1) % BUCKETS)
        if (same(&all->kept[all->bucket[i]], f))
            return all->bucket[i];
    if (all->count == DREY__STACKS_MAX) {
        all->full = true;
        return 0;
    }
    all->kept[++all->count] = *f;
    return all->bucket[i] = (uint16_t)all->count;
}

struct job {
    const struct drey__worker *w;
    struct drey__snapshot *snapshot;
};

static int take_all(void *arg)
{
    const struct job *job = arg;
    struct drey__snapshot *out = job->snapshot;
    for (uint32_t i = 0; i < out->count; i++) {
        struct drey__row *row = &out->rows[i];
        struct drey__frames frames;
        if (row->is_scope || (row->state != DREY__PARKED && row->state != DREY__READY) || row->fn == NULL)
            continue;
        walk_task(job->w, row->self, &frames);
        row->frames = keep(out->stacks, &frames);
    }
    return 0;
}

void drey__frames_take(struct drey__worker *w, struct drey__snapshot *snapshot)
{
    struct job job = {.w = w, .snapshot = snapshot};
    int ignored;
    (void)drey__on_deep_stack(w, take_all, &job, &ignored); /* without memory, without frames */
}
