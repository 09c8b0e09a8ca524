/* SPDX-License-Identifier: MIT */
/* Children without a handle: their scope looks after the outcome. */
#include <string.h>

#include "scope/child.h"
#include "scope/scope.h"

static inline __attribute__((always_inline)) int go(drey_scope *s, drey_fn *fn, void *arg, unsigned flags,
                                                    const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (unlikely(rc < 0))
        return rc;
    drey_task *t = drey__child_new(self, s, fn, arg, flags);
    if (unlikely(t == NULL))
        return -ENOMEM;
    return drey__child_start(drey__scope_of(s), self, t, true, place);
}

int drey_go(drey_scope *s, drey_fn *fn, void *arg)
{
    return go(s, fn, arg, 0, DREY__CALLER);
}

int drey_go_daemon(drey_scope *s, drey_fn *fn, void *arg)
{
    return go(s, fn, arg, DREY__DAEMON, DREY__CALLER);
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

int drey_go_copy(drey_scope *s, drey_fn *fn, const void *arg, size_t size)
{
    drey_task *self;
    if (size > DREY_COPY_MAX)
        return -E2BIG;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    drey_task *t = drey__child_new(self, s, fn, NULL, DREY__COPY);
    if (t == NULL)
        return -ENOMEM;
    if (size > 0)
        memcpy(t->copy, arg, size);
    t->arg = t->copy;
    return drey__child_start(drey__scope_of(s), self, t, true, DREY__CALLER);
}
