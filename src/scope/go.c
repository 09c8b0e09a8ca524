/* SPDX-License-Identifier: MIT */
/* Children without a handle: their scope looks after the outcome. */
#include <string.h>

#include "scope/child.h"
#include "scope/scope.h"

static __attribute__((noinline)) int go_slow(drey_scope *s, drey_fn *fn, void *arg, unsigned flags, const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0)
        return rc;
    drey_task *t = drey__child_new(self, s, fn, arg, flags);
    return t == NULL ? -ENOMEM : drey__child_start(drey__scope_of(s), self, t, true, place);
}

int drey_go(drey_scope *s, drey_fn *fn, void *arg)
{
    drey_task *t = drey__child_quick(s, fn, arg, 0);
    if (unlikely(t == NULL))
        return go_slow(s, fn, arg, 0, DREY__CALLER);
    return drey__queue_fresh_quick(drey__self, t, false);
}

int drey_go_daemon(drey_scope *s, drey_fn *fn, void *arg)
{
    return go_slow(s, fn, arg, DREY__DAEMON, DREY__CALLER);
}

int drey_try_go(drey_scope *s, drey_fn *fn, void *arg)
{
    drey_task *self = drey__current();
    if (self == NULL)
        return -EPERM;
    uint32_t cause = drey__scope_cause(drey__scope_of(s));
    if (cause != DREY_CAUSE_NONE && cause != DREY__CAUSE_OUTER)
        return -ECANCELED;
    drey_task *t = drey__child_new(self, s, fn, arg, 0);
    if (t == NULL)
        return -ENOMEM;
    return drey__child_start(drey__scope_of(s), self, t, false, DREY__CALLER);
}

static __attribute__((noinline)) int go_copy_slow(drey_scope *s, drey_fn *fn, const void *arg, size_t size,
                                                  const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0)
        return rc;
    drey_task *t = drey__child_new(self, s, fn, NULL, DREY__COPY);
    if (t == NULL)
        return -ENOMEM;
    t->arg = memcpy(t->copy, arg, size);
    return drey__child_start(drey__scope_of(s), self, t, true, place);
}

int drey_go_copy(drey_scope *s, drey_fn *fn, const void *arg, size_t size)
{
    if (size > DREY_COPY_MAX)
        return -E2BIG;
    if (size == 0)
        arg = ""; /* nothing to copy, from anywhere */
    drey_task *t = drey__child_quick(s, fn, NULL, DREY__COPY);
    if (unlikely(t == NULL))
        return go_copy_slow(s, fn, arg, size, DREY__CALLER);
    t->arg = memcpy(t->copy, arg, size);
    return drey__queue_fresh_quick(drey__self, t, false);
}
