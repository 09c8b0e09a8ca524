/* SPDX-License-Identifier: MIT */
/* What select and dormant tasks share: waiting for the first of several cases. */
#pragma once

#include <drey/select.h>

#include "timer/wheel.h"
#include "wait/case.h"

/* Check the kinds: 0 or -EINVAL. *out_base is the time from which AFTER cases count (0: there are none). */
int drey__cases_check(const drey_case *cases, size_t n, int64_t *out_base);

/* When a case of a time happens; INT64_MAX for every other kind. */
int64_t drey__case_time(const drey_case *c, int64_t base);

/* Try the cases in a random order; the index of the one that took effect, or -EAGAIN. */
int drey__cases_attempt(drey_case *cases, size_t n, int64_t base);

struct drey__case_timer {
    struct drey__timer timer;
    drey_task *task;
    uint32_t index;
};

/*
 * Enlist all cases for `self`, which is armed. True: they wait. False: one could happen now, or somebody claimed the
 * task already; *out_enlisted says how many were enlisted.
 */
bool drey__cases_enlist(drey_case *cases, size_t n, int64_t base, struct drey__waiter *waiters,
                        struct drey__case_timer *timer, drey_task *self, size_t *out_enlisted);
/* Withdraw the first `n`, but for case `claimed` (DREY__BY_CANCEL: none). */
void drey__cases_withdraw(drey_case *cases, size_t n, struct drey__waiter *waiters, struct drey__case_timer *timer,
                          uint32_t claimed);
void drey__case_finish(drey_case *c, struct drey__waiter *w);
