/* SPDX-License-Identifier: MIT */
/* Calls on a large stack from anywhere on a worker's thread, in no task's context. */
#pragma once

#include <drey/base.h>

struct drey__worker;

/* On the worker's own thread: *out_result = fn(arg), on a stack of 8 MB. fn must not suspend.
 * -ENOMEM: there is no such stack; fn was not called. */
int drey__on_deep_stack(struct drey__worker *w, drey_fn *fn, void *arg, int *out_result);
