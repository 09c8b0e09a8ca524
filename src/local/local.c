/* SPDX-License-Identifier: MIT */
/*
 * Task-local values: a list of bindings that live in their binders' frames.
 *
 * A scope remembers the list as it was when it was opened, and its children start with it. Since a scope closes before
 * the frame that opened it ends, and a binding is undone after the scopes opened under it, every binding outlives all
 * tasks that can see it. The list behind a binding never changes, so tasks on other workers, and offloaded work, read
 * it without locks.
 */
#include <drey/local.h>

#include "scope/scope.h"
#include "task/job.h"
#include "wait/wait.h"

struct binding {
    struct binding *outer;
    const drey_local *key;
    void *value;
    const drey_task *task; /* who bound it: what is not inherited is visible to this task only */
    bool bound;
} __attribute__((may_alias));

_Static_assert(sizeof(struct binding) <= sizeof(drey_binding), "the public type has room");

void drey_local_bind(drey_binding *b, const drey_local *key, void *value)
{
    drey_task *self = drey__current_or_die("drey_local_bind");
    struct binding *bind = (struct binding *)(void *)b;
    *bind = (struct binding){.outer = (struct binding *)(void *)self->stack->bindings,
                             .key = key,
                             .value = value,
                             .task = self,
                             .bound = true};
    self->stack->bindings = b;
}

void drey_local_unbind(drey_binding *b)
{
    drey_task *self = drey__current_or_die("drey_local_unbind");
    struct binding *bind = (struct binding *)(void *)b;
    if (!bind->bound || bind->task != self || self->stack->bindings != b)
        drey__panic("drey_local_unbind: bindings are undone in the reverse order, by the task that made them");
    if (self->scope != self->parent && drey__scope_of(self->scope)->bindings == b)
        drey__panic("drey_local_unbind: scope %s, opened under the binding of %s, is still open",
                    drey__scope_name(self->scope), bind->key->name != NULL ? bind->key->name : "a key without a name");
    bind->bound = false;
    self->stack->bindings = (drey_binding *)(void *)bind->outer;
}

void *drey_local_get(const drey_local *key)
{
    const drey_task *self = drey__current();
    if (self == NULL)
        self = drey__job_task; /* offloaded work: the task waits for it */
    if (self == NULL || self->stack == NULL)
        return NULL;
    for (const struct binding *b = (const struct binding *)(const void *)self->stack->bindings; b != NULL; b = b->outer)
        if (b->key == key && (key->inherited || b->task == self))
            return b->value;
    return NULL;
}
