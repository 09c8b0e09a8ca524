/* SPDX-License-Identifier: MIT */
/* Starting and ending the workers. One runtime a process; src/run drives this. */
#pragma once

#include <drey/run.h>

#include "sched/worker.h"

/* Make the workers; the calling thread is worker 0. Nothing runs yet. On failure nothing is left. */
int drey__runtime_open(const drey_config *config, unsigned workers);
/* Start the other workers' threads and run tasks on this one until drey__rt.stop. */
int drey__runtime_run(void);
/* Make every worker leave its loop; any thread. */
void drey__runtime_stop(void);
void drey__runtime_close(void);
