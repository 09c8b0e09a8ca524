/* SPDX-License-Identifier: MIT */
/* What the tasks of one `squirrel process` share. */
#pragma once
#include <stdatomic.h>

#include "context/context.h"
#include "process/index.h"
#include "process/output.h"
#include "process/process.h"
#include "process/window.h"

typedef struct sq_tokens {
    drey_token *stop;     /* end now */
    drey_token *drain;    /* take nothing new; below stop */
    drey_token *quit;     /* ends the work for reasons of its own, as a lost output; below stop */
} sq_tokens;

typedef struct sq_run {
    const sq_process_options *options;
    sq_tokens tokens;
    drey_scope work;            /* all inputs are its children; open while there are any */
    sq_json *schema;            /* NULL: none; read only */
    drey_pool *compute;         /* for what takes long */
    sq_time now;                /* for expiry: one time for all inputs */
    sq_index index;
    sq_window window;
    sq_output lines;            /* JSON lines; fd -1: nowhere */
    sq_output people;           /* the human form; fd -1: nowhere */
    bool table;                 /* people get rows */

    _Atomic uint64_t taken, good, failed, bytes, tokens_estimated;
    _Atomic uint64_t total;     /* inputs that there are, once counted; 0: not known */
    _Atomic uint64_t failures[SQ_CODES];
    _Atomic bool expired;       /* the total timeout struck */
    _Atomic bool cut;           /* --fail-fast struck */
    int output_failure;         /* negative errno; the writer's until its end */
    const sq_output *failed_output;
    drey_time started;
} sq_run;
