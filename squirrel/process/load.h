/* SPDX-License-Identifier: MIT */
#pragma once
#include <drey.h>

#include "context/context.h"

/* Sets *error from a negative errno; `doing` is as in "reading the file". Returns rc. */
int sq_fail_errno(sq_error *error, int rc, const char *doing);

/* Reads a regular file whole; its size is checked before a byte is read. *out_text is to be freed and ends with a NUL
 * beyond its bytes. 0, or negative with *error set; -ECANCELED leaves *error alone.
 * Suspends: at each file operation. Cancel: between them. */
DREY_ASYNC DREY_MUST_USE
int sq_load_text(const char *path, size_t max_bytes, char **out_text, size_t *out_bytes, sq_error *error);

/* Reads a file and the context in it. Suspends, Cancel: as above. */
DREY_ASYNC DREY_MUST_USE
int sq_load_context(drey_pool *compute, const char *path, size_t max_bytes, sq_context *out, sq_error *error);

/* Frees a context, however large. Suspends: if it is. Cancel: uncut. */
DREY_ASYNC void sq_load_free(drey_pool *compute, sq_context *context);
