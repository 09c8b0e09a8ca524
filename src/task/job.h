/* SPDX-License-Identifier: MIT */
#pragma once

#include <drey/base.h>

#include "base/base.h"

/* In a pool's thread: the task on whose behalf it works. That task waits meanwhile, so its fields hold still. Else
 * NULL. */
extern DREY__HIDDEN _Thread_local drey_task *drey__job_task;
