/* SPDX-License-Identifier: MIT */
#pragma once
#include "context/error.h"

/* Whether locks and memory maps of the file system that holds `path`, a directory or file that exists, can be trusted
 * (S23). 0, or -EINVAL with *error set: a network, a shared or a FUSE file system, or it cannot be told.
 * Blocks; any thread. */
int sq_filesystem_check(const char *path, sq_error *error);

/* The name of a file system that is refused, by the f_type of statfs(2); NULL: it is accepted. */
const char *sq_filesystem_refused(long type);
