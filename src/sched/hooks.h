/* SPDX-License-Identifier: MIT */
/* What the scheduler asks of the layers above it. They include this; it includes none of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct drey__worker;
struct drey_task;
struct drey__io;

/* scope/child.c: on the worker that ran it, in no task's context: the task's function returned `t->result`. */
void drey__scope_task_ended(struct drey__worker *w, struct drey_task *t);
/* The same for a task that was a leaf to its end. */
void drey__scope_leaf_ended(struct drey__worker *w, struct drey_task *t, int result);
/* scope/far.c: report the leaves of `w->ended`; there are some. */
void drey__scope_report_ended(struct drey__worker *w);
/* scope/child.c, scope/visit.c: mail for this worker. */
void drey__scope_done(struct drey__worker *w, struct drey_task *t);
void drey__scope_joined(struct drey__worker *w, struct drey_task *t);
void drey__scope_visit_mail(struct drey__worker *w, void *mail);
void drey__scope_tour(struct drey__worker *w, void *scope);
void drey__scope_task_cancelled(struct drey__worker *w, void *mail);
/* scope/child.c: bindings that a starting task inherits. */
struct drey_binding *drey__scope_bindings(const struct drey_task *t);
/* scope/join.c: the epoch at which a child that its joiner runs was last known not to be cancelled; 0: none. */
uint64_t drey__scope_joined_clear(const struct drey_task *t);

/* select/dormant.c: run one step of a dormant task; returns whether it has ended (else it sleeps again). */
bool drey__dormant_run(struct drey_task *t);
/* The step function of a dormant task. */
const void *drey__dormant_place(const struct drey_task *t);
/* On its worker, before a woken dormant task is queued: withdraw what it waited for. */
void drey__dormant_woken(struct drey_task *t);

/* io/io.c: called on the worker's own thread. */
int drey__io_open(struct drey__worker *w);
void drey__io_close(struct drey__worker *w);
/* Sleep until something happens, at the latest at `until` on the real clock (0: only look; INT64_MAX: no
 * limit). Completions ready their tasks. */
void drey__io_wait(struct drey__worker *w, int64_t until);
/* Nothing else is to be done: make the calls that were put off until then. True if there were some. */
bool drey__io_hurry(struct drey__worker *w);
/* Make a drey__io_wait of that worker return; any thread. */
void drey__io_wake(struct drey__worker *w);
/* Signals that arrived (token/signal.c). */
void drey__token_spread_signals(void);
bool drey__token_signals_waiting(void);
/* signal/signal.c: signals that tasks wait for. */
void drey__signals_deliver(void);
bool drey__signals_arrived(void);
