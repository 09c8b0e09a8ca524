/* SPDX-License-Identifier: MIT */
#pragma once
#include "context/context.h"

/* Which project a command is about, and how that was found out (S29). */
typedef struct sq_project_choice {
    char name[SQ_ID_BYTES + 1];
    const char *from;       /* "--project", "SQUIRREL_PROJECT", "git" or "default" */
} sq_project_choice;

/* --project, else SQUIRREL_PROJECT, else the git repository that we are in: its name and six hex digits of the hash
 * of its path; else `default`. 0, or -EINVAL with *error set. Blocks. */
int sq_project_choose(const char *option, sq_project_choice *out, sq_error *error);

/* The name for a repository at `path`. */
void sq_project_of_path(const char *path, char out[SQ_ID_BYTES + 1]);
