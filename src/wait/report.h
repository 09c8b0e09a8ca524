/* SPDX-License-Identifier: MIT */
/* Reports on tasks that break a rule: the lock rule (R10), deafness to cancellation (R4). */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct drey_task;

/* Breaches found so far in this process, printed or not. Any worker adds, observers read; no order needed. */
extern _Atomic uint64_t drey__lock_rule_reports;

/* A suspension point at `place` while `self` holds locks: say both places, and stop if the rule says so. */
void drey__report_lock_rule(struct drey_task *self, const void *place);

/* `self` goes on in spite of thousands of refusals (R4): name it. */
void drey__report_deaf(struct drey_task *self, const void *place);

/* What a task is called in reports: its function, in the scope's name. Returns buffer. */
const char *drey__task_name(const struct drey_task *t, char *buffer, unsigned long bytes);
