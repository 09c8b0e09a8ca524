/* SPDX-License-Identifier: MIT */
/* Where results go: a descriptor that is there already, or a file that appears whole or not at all. */
#pragma once
#include <drey.h>

#include "context/error.h"

typedef struct sq_output {
    int fd;
    bool pollable;       /* a pipe, socket or terminal: wait for room, so that writing can be cancelled */
    char *path;          /* of the file to replace in the end; NULL: none */
    char *temporary;     /* beside it; written at `at`, since nobody shares its position */
    off_t at;
} sq_output;

void sq_output_use(sq_output *output, int fd);

/* A regular or new file is written beside its place and moved there by commit; a device or pipe is written directly.
 * Suspends: at file operations. Cancel: -ECANCELED, nothing is left behind. */
DREY_ASYNC DREY_MUST_USE int sq_output_open(sq_output *output, const char *path, sq_error *error);

/* Writes all. 0, or a negative errno. Suspends: while there is no room. Cancel: -ECANCELED, part may be written. */
DREY_ASYNC DREY_MUST_USE int sq_output_write(sq_output *output, const char *data, size_t bytes);

/* Makes the file appear, synced to the disk. Ends the output in any case. Suspends: as above. */
DREY_ASYNC DREY_MUST_USE int sq_output_commit(sq_output *output);

/* Removes what was written, if commit has not been called. Suspends: as above. */
DREY_ASYNC void sq_output_discard(sq_output *output);
