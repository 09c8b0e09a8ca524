/* SPDX-License-Identifier: MIT */
#include "task/job.h"

_Thread_local drey_task *drey__job_task;
