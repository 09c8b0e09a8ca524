/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/failing.h"
#include "scope/scope.h"
#include "scope/token.h"

static void deadline_fired(struct drey__timer *timer)
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
    s->timer.fire = deadline_fired;
    if (s->timer.when <= now)
        deadline_fired(&s->timer);
    else
        drey__wheel_add(wheel, &s->timer);
}

static int64_t first_deadline(const drey_scope_options *options, int64_t now)
{
    int64_t at = options->deadline;
    if (options->timeout != 0) {
        int64_t then = options->timeout < 0                 ? 1
                       : options->timeout > INT64_MAX - now ? INT64_MAX
                                                            : now + options->timeout;
        at = at == 0 || then < at ? then : at;
    }
    return at;
}

void drey__scope_init(scope *s, drey_task *owner, const drey_scope_options *options, const char *place)
{
    *s = (scope){
        .home = drey__self,
        .owner = owner,
        .outer = owner != NULL ? owner->scope : NULL,
        .name = options->name,
        .place = place,
        .bindings = owner != NULL ? owner->stack->bindings : NULL,
        .limit = options->limit,
        .keep_going = options->keep_going,
        .shield = options->shield,
        .spread = options->spread,
        .choosy = options->limit != 0 || options->spread,
        .stack_class =
            (uint8_t)(options->stack_size != 0 ? drey__stack_class(options->stack_size) : drey__rt.stack_class),
    };
    drey__list_init(&s->children);
    drey__list_init(&s->ended);
}

void drey__scope_fini(scope *s)
{
    if (s->token != NULL)
        drey__token_detach(s->token, s);
    while (atomic_load_explicit(&s->posted, memory_order_acquire)) /* I5 */
        drey__collect_mail(s->home);
    drey__wheel_remove(&s->home->timers, &s->timer);
    s->home = NULL;
}

const char *drey__scope_name(const drey_scope *public_scope)
{
    const scope *s = (const scope *)(const void *)public_scope;
    return s->name != NULL ? s->name : s->place != NULL ? s->place : "a scope without a name";
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

static void open_for(drey_task *self, drey_scope *s, const drey_scope_options *options, const char *place)
{
    if (unlikely(options->shield && options->timeout == 0 && options->deadline == 0))
        drey__panic("scope %s: .shield needs a .timeout or a .deadline (R4)",
                    place != NULL ? place : "without a place");
    if (unlikely(!drey__link_in_list(&self->sibling)))
        drey__scope_link(self);
    if (unlikely(self->scope == s && self->parent != s))
        drey__panic("drey_scope_open: scope %s is open already (R1)", drey__scope_name(s));
    if (unlikely(options->stack_size > drey__stack_class_bytes(DREY__STACK_CLASS_DEEP)))
        drey__panic("scope %s: a stack has at most %zu bytes (R15)", place != NULL ? place : "without a place",
                    drey__stack_class_bytes(DREY__STACK_CLASS_DEEP));
    scope *fresh = drey__scope_of(s);
    drey__scope_init(fresh, self, options, place);
    self->scope = s;
    self->stack->scope_name = drey__scope_name(s);
    if (options->timeout != 0 || options->deadline != 0) {
        int64_t now = drey__clock_now();
        atomic_store_explicit(&fresh->deadline, first_deadline(options, now), memory_order_relaxed);
        drey__scope_follow_deadline(fresh, now);
    }
    if (options->token != NULL)
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
