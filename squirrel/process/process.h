/* SPDX-License-Identifier: MIT */
/* squirrel process: many files in, one result each, in input order. */
#pragma once
#include <drey.h>

enum { SQ_LIMIT_MAX = 4096, SQ_LIMIT_DEFAULT = 32 };

typedef struct sq_process_options {
    char *const *paths;             /* files and directories */
    size_t path_count;
    unsigned limit;                 /* inputs worked on at once, 1 to SQ_LIMIT_MAX */
    drey_duration timeout;          /* for each input; 0: none */
    drey_duration total_timeout;    /* 0: none */
    bool fail_fast;                 /* the first failure cancels the rest */
    bool json;                      /* JSON lines even on a terminal */
    char *const *exec;              /* program and arguments, ended by NULL; NULL: none */
    const char *out;                /* file for the JSON lines; NULL: standard output */
    const char *schema;             /* NULL: none */
    size_t max_bytes;               /* of a file, of a resolved context, of a program's output */
} sq_process_options;

/* Runs it all, prints what there is to print, and returns the exit status. Starts the runtime: call it outside. */
int sq_process(const sq_process_options *options);
