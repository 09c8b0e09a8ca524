/* SPDX-License-Identifier: MIT */
/* Options from a table: --name, --name VALUE, --name=VALUE; -- ends them; what is none is kept in order. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "context/error.h"

typedef enum sq_option_kind {
    SQ_OPTION_FLAG,
    SQ_OPTION_VALUE,
    SQ_OPTION_REST,     /* takes all arguments up to -- or the end */
} sq_option_kind;

/* Takes the value, or for REST the arguments, ended by NULL. 0, or -EINVAL with *error set. */
typedef int sq_option_take(void *target, const char *name, char **values, sq_error *error);

typedef struct sq_option {
    const char *name;           /* with its dashes */
    sq_option_kind kind;
    sq_option_take *take;
} sq_option;

/* Puts what is no option into `plain`, which has room for argc of them, and counts it. 0, or -EINVAL: code usage. */
int sq_options_parse(const sq_option *table, size_t count, int argc, char **argv, void *target, char **plain,
                     size_t *out_plain, sq_error *error);

/* The name most like `word`, or NULL if none is like it. `at` gives the names one by one. */
typedef const char *sq_name_at(const void *names, size_t index);
const char *sq_nearest(const char *word, sq_name_at *at, const void *names, size_t count);
