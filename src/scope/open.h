/* SPDX-License-Identifier: MIT */
/* The beginning and the end of a scope, inlined where much about it is known beforehand. */
#pragma once

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "scope/scope.h"
#include "scope/token.h"

/* What a scope with a limit has; before it has children. */
static inline void drey__scope_init_limit(scope *s)
{
    s->quick = NULL;
    s->joins_inline = NULL;
    s->waiters = (struct drey__queue){NULL, NULL};
    s->running = s->placed = s->blocked = 0;
    s->lock = (drey__spin){0};
}

/* Nobody else knows it yet. Where the options are constants, little of this is left. */
static inline __attribute__((always_inline)) void drey__scope_init(scope *s, drey_task *owner,
                                                                   const drey_scope_options *options, const char *place)
{
    struct drey__worker *home = drey__self;
    uint32_t stack_class = options->stack_size != 0 ? drey__stack_class(options->stack_size) : drey__rt.stack_class;
    bool thought = options->spread || drey__rt.max_tasks != 0;
    s->home = home;
    s->quick = thought ? NULL : home;
    s->joins_inline =
        thought || drey__rt.seeded || owner == NULL || stack_class > owner->stack->size_class ? NULL : owner;
    s->owner = owner;
    s->outer = owner != NULL ? owner->scope : NULL;
    s->name = options->name;
    s->place = place;
    s->bindings = owner != NULL ? owner->stack->bindings : NULL;
    drey__list_init(&s->children);
    drey__list_init(&s->ended);
    s->child_traits = drey__task_traits(DREY__FRESH, 0, stack_class);
    /* in two parts: the compilers clear what is larger by an instruction that takes long to begin */
    memset(&s->token, 0, offsetof(scope, abroad) - offsetof(scope, token));
    memset(&s->abroad, 0, offsetof(scope, limit) - offsetof(scope, abroad));
    s->limit = options->limit;
    s->keep_going = options->keep_going;
    s->shield = options->shield;
    s->spread = options->spread;
    if (unlikely(options->limit != 0))
        drey__scope_init_limit(s);
}

/* A timeout above 0 that begins now, of a scope that has no deadline yet. */
static inline void drey__scope_set_timeout(scope *s, int64_t timeout)
{
    int64_t now = drey__clock_about(&s->home->reading);
    int64_t when = timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
    atomic_store_explicit(&s->deadline, when, memory_order_relaxed);
    s->timer.when = when;
    s->timer.fire = drey__scope_deadline_fired;
    drey__wheel_add(&s->home->timers, &s->timer);
}

/* On its home, when nothing holds it open but mail that is under way. */
static inline void drey__scope_fini(scope *s)
{
    if (unlikely(s->token != NULL))
        drey__token_detach(s->token, s);
    while (unlikely(atomic_load_explicit(&s->posted, memory_order_acquire))) /* I5 */
        drey__collect_mail(s->home);
    drey__wheel_remove(&s->home->timers, &s->timer);
    s->home = NULL;
}

/* The task's innermost scope, `s`, has ended. */
static inline void drey__scope_leave(drey_task *self, scope *s)
{
    self->scope = s->outer;
    if (unlikely(self->scope != self->parent))
        self->stack->scope_name = drey__scope_label(drey__scope_of(self->scope));
}
