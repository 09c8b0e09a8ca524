/* SPDX-License-Identifier: MIT */
/* Handing a document to a program: JSON on its standard input, JSON back on its standard output. The program runs in
 * a process group of its own, with PATH as its whole environment, in the current directory, and with no descriptors
 * beyond the three. The group is killed when the program itself has ended, and on cancellation, timeout or too much
 * output. */
#pragma once
#include <drey.h>

#include "context/error.h"
#include "json/text.h"

/* Is there a file that may be run? False: *error says where it was looked for. Blocks; for start-up. */
bool sq_exec_exists(const char *program, sq_error *error);

/* Runs it and collects its output, of at most max_bytes; *output was empty. 0, or negative with *error set; -ECANCELED
 * without. The code SQ_USAGE: the system cannot run this program, whatever the input.
 * Suspends: until the program ends. Cancel: kills it and waits for its end. */
DREY_ASYNC DREY_MUST_USE int sq_exec_run(char *const *argv, const sq_text *input, size_t max_bytes, sq_text *output,
                                         sq_error *error);
