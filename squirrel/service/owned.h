/* SPDX-License-Identifier: MIT */
/* What the starter of an owner and the owner agree on. */
#pragma once
#include "context/error.h"
#include "service/site.h"

enum { SQ_OWNED_LOCK = 3, SQ_OWNED_READY = 4 };   /* descriptors of an owner that was launched */

/* Takes over what the starter has given, if it has, and leaves it: forks, and only the child returns. The descriptors
 * are -1 if they were not given. 0 or a negative errno. Before the runtime. */
int sq_owned_adopt(const sq_site *site, int *out_lock, int *out_ready);

/* Becomes a newer program, as an owner of the same store with the same lock. Returns if that program cannot be run. */
void sq_owned_hand_over(const char *program, const sq_site *site, int64_t idle_ms, int lock);

/* The line that an owner writes when it serves, or, with an error, when it does not; closes `fd`. */
void sq_owned_report(int fd, const char *socket, const sq_error *error);

/* Reads such a line. 0: *out_socket is set. -EINVAL with *error set: the owner failed. -ENODATA with *error set: it
 * ended without a word. */
int sq_owned_read(const char *line, size_t bytes, const sq_site *site, char out_socket[SQ_SOCKET_BYTES + 1],
                  sq_error *error);
