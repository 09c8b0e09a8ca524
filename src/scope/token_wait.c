/* SPDX-License-Identifier: MIT */
/* Waiting for a token. */
#include "scope/token.h"
#include "wait/case.h"

static bool enlist(drey_token *t, struct drey__waiter *w)
{
    drey__spin_lock_always(&t->lock);
    /* Under the lock: whoever spreads a token, or its parent, comes by here after it was marked. */
    bool fired = drey_token_cancelled(t);
    if (!fired)
        drey__queue_push(&t->waiters, w);
    drey__spin_unlock_always(&t->lock);
    return fired;
}

static void withdraw(drey_token *t, struct drey__waiter *w)
{
    drey__spin_lock_always(&t->lock);
    drey__queue_remove(&t->waiters, w);
    drey__spin_unlock_always(&t->lock);
}

int drey_token_wait(drey_token *t)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0 || drey_token_cancelled(t))
        return rc;
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    drey__arm(self, DREY__FOREIGN);
    if (enlist(t, &w)) {
        if (drey__disarm(self)) {
            atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
            return 0;
        }
    }
    bool fired = drey__park(self, "a token", t);
    withdraw(t, &w);
    return fired ? 0 : -ECANCELED;
}

static bool token_attempt(drey_case *c)
{
    c->result = 0;
    return drey_token_cancelled(c->object);
}

static bool token_enlist(drey_case *c, struct drey__waiter *w)
{
    return enlist(c->object, w);
}

static void token_withdraw(drey_case *c, struct drey__waiter *w)
{
    withdraw(c->object, w);
}

const struct drey__case_ops drey__case_token = {
    .what = "a token",
    .arm_flags = DREY__FOREIGN,
    .attempt = token_attempt,
    .enlist = token_enlist,
    .withdraw = token_withdraw,
};
