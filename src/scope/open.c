/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>

#include "base/failing.h"
#include "scope/open.h"

void drey__scope_deadline_fired(struct drey__timer *timer)
{
    scope *s = drey__container(timer, scope, timer);
    int64_t mine = atomic_load_explicit(&s->deadline, memory_order_relaxed);
    scope *first = s;
    /* Of equal deadlines the outermost fires first (R2). */
    for (scope *o = s; !o->shield && o->owner != NULL;) {
        o = drey__scope_of(o->outer);
        int64_t theirs = atomic_load_explicit(&o->deadline, memory_order_relaxed);
        if (theirs != 0 && theirs <= mine)
            first = o;
    }
    struct drey__latch latch = {.cause = DREY_CAUSE_DEADLINE, .code = -ETIMEDOUT, .why = "deadline"};
    if (!drey__scope_settle(first))
        drey__scope_latch(first, &latch);
}

void drey__scope_follow_deadline(scope *s, int64_t now)
{
    struct drey__wheel *wheel = &s->home->timers;
    drey__wheel_remove(wheel, &s->timer);
    s->timer.when = atomic_load_explicit(&s->deadline, memory_order_relaxed);
    if (s->timer.when == 0 || drey__scope_cause(s) != DREY_CAUSE_NONE)
        return;
    s->timer.fire = drey__scope_deadline_fired;
    if (s->timer.when <= now)
        drey__scope_deadline_fired(&s->timer);
    else
        drey__wheel_add(wheel, &s->timer);
}

const char *drey__scope_name(const drey_scope *s)
{
    return drey__scope_label((const scope *)(const void *)s);
}

/* What lies below `frame` on the task's stack belongs to nobody any more. */
void drey__scope_check_left_below(drey_task *self, const void *frame)
{
    const char *at = (const char *)self->scope;
    if (unlikely(self->scope != self->parent && at < (const char *)frame && at >= self->stack->bottom))
        drey__panic("scope %s was left open: the function that opened it has returned without drey_scope_close (R1)",
                    self->stack->scope_name); /* its own memory may be something else by now */
}

/* Not inlined: its frame lies below all that are alive, wherever the caller was inlined to. */
__attribute__((noinline)) void drey__scope_check_left(drey_task *self)
{
    drey__scope_check_left_below(self, __builtin_frame_address(0));
}

/* A timeout that lies ahead is by far the most frequent; what has passed already is found by the exact clock. */
static inline void set_time(scope *s, const drey_scope_options *options)
{
    int64_t timeout = options->timeout, deadline = options->deadline;
    if (likely(timeout > 0 && deadline == 0)) {
        drey__scope_set_timeout(s, timeout);
    } else if (timeout != 0 || deadline != 0) {
        int64_t now = drey__clock_now();
        int64_t end = timeout < 0 ? 1 : timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
        if (timeout == 0 || (deadline != 0 && deadline < end))
            end = deadline;
        atomic_store_explicit(&s->deadline, end, memory_order_relaxed);
        drey__scope_follow_deadline(s, now);
    }
}

__attribute__((noreturn, cold)) static void refuse(drey_task *self, drey_scope *s, const drey_scope_options *options,
                                                   const char *place)
{
    const char *at = place != NULL ? place : "without a place";
    if (self->scope == s)
        drey__panic("drey_scope_open: scope %s is open already (R1)", drey__scope_name(s));
    if (options->stack_size > drey__stack_class_bytes(DREY__STACK_CLASS_DEEP))
        drey__panic("scope %s: a stack has at most %zu bytes (R15)", at,
                    drey__stack_class_bytes(DREY__STACK_CLASS_DEEP));
    drey__panic("scope %s: .shield needs a .timeout or a .deadline (R4)", at);
}

static inline void open_for(drey_task *self, drey_scope *s, const drey_scope_options *options, const char *place)
{
    if (unlikely((options->shield && options->timeout == 0 && options->deadline == 0) ||
                 (self->scope == s && self->parent != s) ||
                 options->stack_size > drey__stack_class_bytes(DREY__STACK_CLASS_DEEP)))
        refuse(self, s, options, place);
    if (unlikely((self->flags & DREY__LINKED) == 0))
        drey__scope_link(self);
    scope *fresh = drey__scope_of(s);
    drey__scope_init(fresh, self, options, place);
    self->scope = s;
    self->stack->scope_name = drey__scope_label(fresh);
    set_time(fresh, options);
    if (unlikely(options->token != NULL))
        drey__token_attach(options->token, fresh);
}

/* Not inlined into the opener, whose own scopes would then lie below the frame. */
__attribute__((noinline)) void drey_scope_open_at(drey_scope *s, drey_scope_options options, const char *place)
{
    drey_task *self = drey__current_or_die("drey_scope_open");
    drey__scope_check_left_below(self, __builtin_frame_address(0));
    open_for(self, s, &options, place);
}

__attribute__((noinline)) void drey_scope_open_with(drey_scope *s, drey_scope_options options)
{
    drey_task *self = drey__current_or_die("drey_scope_open_with");
    drey__scope_check_left_below(self, __builtin_frame_address(0));
    open_for(self, s, &options, NULL);
}

/* Most scopes are a task's only one, and have no options: nothing to check, nothing to set. */
__attribute__((noinline)) void drey__scope_open_plain(drey_scope *s, const char *place)
{
    drey_task *self = drey__current();
    if (unlikely(self == NULL || self->scope != self->parent)) {
        drey_scope_open_at(s, (drey_scope_options){0}, place);
        return;
    }
    if (likely((self->flags & DREY__LINKED) == 0))
        drey__scope_link(self);
    drey__scope_init(drey__scope_of(s), self, &(drey_scope_options){0}, place);
    self->scope = s;
    self->stack->scope_name = place;
}

void drey__scope_left(drey_scope *s)
{
    scope *left = drey__scope_of(s);
    if (likely(left->home == NULL))
        return;
    if (!atomic_load_explicit(&drey__failing, memory_order_relaxed))
        drey__panic("scope %s was left open: its block ended before drey_scope_close (R1)", drey__scope_name(s));
    drey_scope_cancel(s, -ECANCELED, "the test has failed");
    int ignored = drey_scope_close(s, -ECANCELED);
    (void)ignored;
}
