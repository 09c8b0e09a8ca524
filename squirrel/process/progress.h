/* SPDX-License-Identifier: MIT */
#pragma once
#include "process/run.h"

/* Clears the terminal's line before something else is written there. */
#define SQ_PROGRESS_WIPE "\r\033[K"

/* Draws a line on standard error, ten times a second, and counts the inputs ahead so that it can tell the time left.
 * A daemon for a terminal: the drey_fn, with the run. Suspends: always. Cancel: ends it; the line is wiped. */
DREY_ASYNC int sq_progress(void *arg);

/* One line on standard error when all is over, and on a terminal the failures by kind. Suspends: while standard error
 * takes nothing, until a signal asks for the end or, if one has or the time is over, for a second at most. */
DREY_ASYNC void sq_progress_summary(const sq_run *run, bool terminal);

/* Says a short line on standard error, unless there is no room for it. */
void sq_progress_hint(const char *line);
