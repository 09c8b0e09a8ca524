/* SPDX-License-Identifier: MIT */
/* The end of a scope: every child has ended when it returns, and what it returns is R2's table. */
#include "scope/child.h"
#include "scope/open.h"

/* Wait, uncut, until only daemons are left (or nothing, once these are ended too). */
static void wait_for_children(scope *s, drey_task *self, const void *place)
{
    while (!drey__scope_is_quiet(s)) {
        drey__arm(self, DREY__UNCUT);
        s->closing = true;
        drey__park_at(self, "its children to end", s, place);
    }
}

static void end_daemons(scope *s, drey_task *self, const void *place)
{
    struct drey__latch latch = {.cause = DREY__CAUSE_FINISH, .code = 0, .why = "only daemons are left"};
    if (!drey__scope_settle(s))
        drey__scope_latch(s, &latch);
    while (drey__scope_live(s) != 0 || s->touring) {
        drey__arm(self, DREY__UNCUT);
        s->closing = true;
        drey__park_at(self, "its daemons to end", s, place);
    }
}

/* R2. `failed` is the first failure of a handle that nobody joined. */
static int outcome(scope *s, uint32_t cause, int rc, int failed)
{
    bool negative = rc < 0 || s->negative_after || failed < 0;
    switch (cause) {
    case DREY_CAUSE_NONE:
    case DREY__CAUSE_FINISH:
        return failed < 0 && rc >= 0 && !s->keep_going ? failed : rc;
    case DREY_CAUSE_FAILURE:
        return s->code;
    case DREY_CAUSE_REQUEST:
        return s->code != 0 ? s->code : rc == -ECANCELED ? 0 : rc;
    case DREY_CAUSE_DEADLINE:
        return negative ? -ETIMEDOUT : rc;
    default:
        return negative ? -ECANCELED : rc;
    }
}

static void latch_body_failure(scope *s, drey_task *self, int rc, const void *place)
{
    struct drey__latch latch = {
        .cause = DREY_CAUSE_FAILURE, .code = rc, .why = "the body failed", .culprit = self->stack->fn, .place = place};
    if (!drey__scope_settle(s))
        drey__scope_latch(s, &latch);
}

static void check_order(drey_task *self, drey_scope *s, const void *frame)
{
    if (likely(self->scope == s && drey__scope_of(s)->owner == self))
        return;
    drey__scope_check_left_below(self, frame);
    if (drey__scope_of(s)->home == NULL)
        drey__panic("drey_scope_close: the scope is not open (R1)");
    if (drey__scope_of(s)->owner != self)
        drey__panic("drey_scope_close: scope %s was opened by another task (R1)", drey__scope_name(s));
    drey__panic("drey_scope_close: scope %s is not the innermost open scope of its opener; that is %s (R1)",
                drey__scope_name(s), drey__scope_name(self->scope));
}

static __attribute__((noinline)) int close_any(drey_scope *public_scope, int rc, const void *place)
{
    drey_task *self = drey__current();
    if (self != NULL) /* before anything looks into its scopes */
        drey__scope_check_left_below(self, __builtin_frame_address(0));
    int refused = drey__enter_at(&self, DREY__UNCUT_POINT, place);
    if (unlikely(refused == -EPERM))
        return refused;
    check_order(self, public_scope, __builtin_frame_address(0));
    scope *s = drey__scope_of(public_scope);
    if (rc < 0)
        latch_body_failure(s, self, rc, place);
    if (drey__scope_live(s) != 0 || s->touring) {
        drey__scope_settle(s);
        wait_for_children(s, self, place);
    }
    uint32_t cause = drey__scope_cause(s);
    if (drey__scope_live(s) != 0)
        end_daemons(s, self, place);
    int failed = unlikely(!drey__list_empty(&s->ended)) ? drey__handle_collect(s, self) : 0;
    int result = outcome(s, cause, rc, failed);
    drey__scope_fini(s);
    drey__scope_leave(self, s);
    if (s->shield || cause != DREY_CAUSE_NONE)
        self->clear_at = 0;
    return result;
}

/* Whether nothing is left of a scope's children, and nothing has happened to it. */
static inline bool is_as_opened(scope *s)
{
    return (s->live | atomic_load_explicit(&s->remote_added, memory_order_relaxed) | drey__scope_cause(s) |
            atomic_load_explicit(&s->posted, memory_order_acquire) | s->touring | s->shield) == 0 &&
           s->token == NULL && drey__list_empty(&s->ended);
}

/* Nearly always by the short way, which needs no frame. */
int drey_scope_close(drey_scope *public_scope, int rc)
{
    scope *s = drey__scope_of(public_scope);
    drey_task *self = drey__enter_plainly();
    if (unlikely(self == NULL || self->scope != public_scope || s->owner != self || rc < 0 || !is_as_opened(s)))
        return close_any(public_scope, rc, DREY__CALLER);
    drey__wheel_remove(&s->home->timers, &s->timer);
    s->home = NULL;
    drey__scope_leave(self, s);
    return rc;
}

size_t drey_scope_failed(const drey_scope *s)
{
    return atomic_load_explicit(&((const scope *)(const void *)s)->failed, memory_order_relaxed);
}
