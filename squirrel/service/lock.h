/* SPDX-License-Identifier: MIT */
/* Who owns a store (S21): flock on <store>.lock, held for life by the owner, never unlinked. What is written in the
 * file is information for people and for clients that look for the socket; only the lock itself decides. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "context/error.h"
#include "context/time.h"

enum { SQ_VERSION_BYTES = 32, SQ_LOCK_SOCKET_BYTES = 128 };

typedef struct sq_lock_info {
    pid_t pid;                              /* 0: not known */
    char started[SQ_TIME_BYTES];
    char version[SQ_VERSION_BYTES];         /* of the binary */
    char socket[SQ_LOCK_SOCKET_BYTES];      /* empty: it listens to nobody */
    bool changing;                          /* an owner that is about to serve, or has ceased to and will end */
} sq_lock_info;

/* Takes the lock; *out_fd holds it until it and all copies of it are closed, those in other processes too. Does not
 * wait. 0; -EAGAIN: somebody holds it, and *error is not set; -EINVAL with *error set. Blocks; any thread. */
int sq_lock_take(const char *path, int *out_fd, sq_error *error);

/* Says who we are; by the holder. The start time is now, unless it is given. 0 or a negative errno. */
int sq_lock_write(int fd, const sq_lock_info *info);

/* What the last holder wrote. 0; -ENOENT: no lock; -ENODATA: nothing of use, perhaps just being written. */
int sq_lock_read(const char *path, sq_lock_info *out);
