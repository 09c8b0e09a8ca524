/* SPDX-License-Identifier: MIT */
#pragma once
#include "cli/client.h"

/* A row of the table of commands: one on a store, or one that does all by itself. */
typedef struct sq_verb_row {
    const char *name;
    const sq_command *command;      /* NULL: run */
    int (*run)(int argc, char **argv);
} sq_verb_row;

const sq_verb_row *sq_cli_rows(size_t *out_count);

extern const sq_option sq_process_table[];
extern const size_t sq_process_table_count;

/* Prints a script that makes bash complete commands, options and their values, made of the tables that options are read
 * by. */
void sq_complete_bash(void);
