/* SPDX-License-Identifier: MIT */
/*
 * A gate: closed, then open for good with one result.
 *
 * Who comes to an open gate takes the lock too, though a load would do: so nobody gets past it, and perhaps frees it,
 * while the one who opens it is still inside.
 */
#include <drey/sync.h>

#include "wait/claimed.h"
#include "wait/case.h"

struct gate { /* all under spin */
    struct drey__queue waiters;
    drey__spin spin;
    bool open;
    int32_t result; /* valid once open */
} __attribute__((may_alias));

_Static_assert(sizeof(struct gate) <= sizeof(drey_gate), "drey_gate is too small");

static inline struct gate *self_of(drey_gate *gate)
{
    return (struct gate *)gate;
}

static void leave(struct gate *g, struct drey__waiter *w)
{
    drey__spin_lock(&g->spin);
    drey__queue_remove(&g->waiters, w);
    drey__spin_unlock(&g->spin);
}

void drey_gate_open(drey_gate *gate, int result)
{
    struct gate *g = self_of(gate);
    struct drey__queue claimed = {NULL, NULL};
    drey__current_or_die("drey_gate_open");
    drey__spin_lock(&g->spin);
    if (g->open)
        drey__panic("drey_gate_open: gate %p is open already, with result %d", (void *)gate, g->result);
    g->open = true;
    g->result = result;
    drey__claimed_add_all(&claimed, &g->waiters, result);
    drey__spin_unlock(&g->spin);
    drey__claimed_wake(&claimed);
}

int drey_gate_wait(drey_gate *gate, int *out_result)
{
    struct gate *g = self_of(gate);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    struct drey__waiter w;
    drey__waiter_init(&w, self, NULL, 0);
    drey__spin_lock(&g->spin);
    bool open = g->open;
    if (open) {
        w.result = g->result;
    } else {
        drey__arm(self, 0);
        drey__queue_push(&g->waiters, &w);
    }
    drey__spin_unlock(&g->spin);
    if (open || drey__park(self, "gate", gate)) {
        *out_result = w.result;
        return 0;
    }
    leave(g, &w);
    return -ECANCELED;
}

void drey_gate_deinit(drey_gate *gate)
{
    struct gate *g = self_of(gate);
    drey__spin_lock(&g->spin);
    if (g->waiters.first != NULL)
        drey__panic("drey_gate_deinit: gate %p is being waited for (R7)", (void *)gate);
    drey__spin_unlock(&g->spin);
}

static bool attempt(drey_case *c)
{
    struct gate *g = self_of(c->object);
    drey__spin_lock(&g->spin);
    bool open = g->open;
    if (open)
        c->result = g->result;
    drey__spin_unlock(&g->spin);
    return open;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct gate *g = self_of(c->object);
    drey__spin_lock(&g->spin);
    bool open = g->open;
    if (!open)
        drey__queue_push(&g->waiters, w);
    drey__spin_unlock(&g->spin);
    return open;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    leave(self_of(c->object), w);
}

const struct drey__case_ops drey__case_gate = {
    .what = "gate",
    .attempt = attempt,
    .enlist = enlist,
    .withdraw = withdraw,
};
