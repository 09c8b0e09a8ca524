/* SPDX-License-Identifier: MIT */
/* What select and dormant tasks share: waiting for the first of several cases. */
#pragma once

#include <drey/select.h>

#include "timer/wheel.h"
#include "wait/case.h"

/* The cases by kind. NULL: a kind without an object (never, ready, after, at), looked after in select.c. */
const struct drey__case_ops *drey__case_ops_of(const drey_case *c);

/* Turn AFTER into AT: the time counts from the call. Check the kinds; -EINVAL names a broken case by its index. */
int drey__cases_prepare(drey_case *cases, size_t n);

/* Try the cases in a random order; the index of the one that took effect, or -EAGAIN. */
int drey__cases_attempt(drey_case *cases, size_t n);

struct drey__case_timer {
    struct drey__timer timer;
    drey_task *task;
    uint32_t index;
};

/*
 * Enlist all cases for `self`, which is armed. True: they wait. False: one could happen now, or somebody claimed the
 * task already; *out_enlisted says how many were enlisted.
 */
bool drey__cases_enlist(drey_case *cases, size_t n, struct drey__waiter *waiters, struct drey__case_timer *timer,
                        drey_task *self, size_t *out_enlisted);
/* Withdraw the first `n`, but for case `claimed` (DREY__BY_CANCEL: none). */
void drey__cases_withdraw(drey_case *cases, size_t n, struct drey__waiter *waiters, struct drey__case_timer *timer,
                          uint32_t claimed);
void drey__case_finish(drey_case *c, struct drey__waiter *w);
