/* SPDX-License-Identifier: MIT */
#pragma once
#include "process/run.h"

/* Makes the tokens and has signals fire them. SIGINT and SIGTERM: the first fires drain, the second stop. SIGHUP and
 * SIGQUIT fire stop, unless they were ignored. Also ignores SIGPIPE, so that a reader that went away is an error like
 * others. 0 or -ENOMEM. */
int sq_interrupt_open(sq_tokens *out);

/* Gives the signals their default meaning again and drops the tokens. */
void sq_interrupt_close(sq_tokens *tokens);
