/* SPDX-License-Identifier: MIT */
/* Blocking work, for the layers above and for the runtime's end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <drey/base.h>

struct drey_task;

/*
 * Run fn on the default pool while the task, which has entered, waits: fn's result; -ECANCELED: it never ran; -EAGAIN
 * or -ENOMEM: it could not be started. `uncut`: cancellation does not withdraw it.
 */
int drey__offload_run(struct drey_task *self, drey_fn *fn, void *arg, bool uncut);

/* Join the default pool's threads. At the end of drey_run: after the last task, before the workers are freed. */
void drey__offload_close_default(void);

/* Say one line for each job that runs: after the shutdown grace. Any thread. */
void drey__offload_list(void (*say)(const char *line, void *arg), void *arg);
/* Jobs of all pools. Any thread. */
void drey__offload_counts(uint64_t *out_running, uint64_t *out_queued);
