/* SPDX-License-Identifier: MIT */
/* What a condition needs of its mutex. */
#pragma once

#include <drey/sync.h>

#include "wait/wait.h"

bool drey__mutex_owned(const drey_mutex *mutex, const struct drey_task *self);

/* 0 or -EDEADLK (reported). Uncut. */
int drey__mutex_acquire(drey_mutex *mutex, struct drey_task *self, const void *place);

/* By the owner. */
void drey__mutex_release(drey_mutex *mutex, struct drey_task *self);
