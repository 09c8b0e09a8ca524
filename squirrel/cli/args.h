/* SPDX-License-Identifier: MIT */
/* What the commands on a store take: one struct for all of them, since an option means the same wherever it is. */
#pragma once
#include "cli/options.h"
#include "context/time.h"

enum { SQ_ARGS_META = 64 };

typedef struct sq_args {
    /* Which store, and how to talk. */
    const char *store, *project;
    bool no_daemon, json, help;
    int64_t timeout_ns;             /* 0: none */
    int64_t idle_ns;
    /* What a context says. NULL: not said; an empty text clears. */
    const char *data, *file;
    const char *name, *parent, *agent, *tool;
    const char *meta[SQ_ARGS_META]; /* KEY=VALUE */
    size_t meta_count;
    bool has_expiry;
    sq_time expires_at;             /* SQ_NEVER: cleared */
    /* How to change it. */
    const char *key;
    int64_t rev, to;                /* 0: not said */
    bool force, replace, append, cascade, wait;
    /* What to show. */
    const char *prefix, *cursor, *schema, *out;
    sq_time updated_since;
    int64_t limit, after;           /* 0, -1: not said */
    bool all, relevance, no_data, data_only, diff, stored;
    /* Serving. */
    bool owned, with_parent;
    /* What is no option. */
    char **plain;
    size_t plain_count;
} sq_args;

/* The sq_option_take of all of these; the target is an sq_args. */
int sq_args_take(void *target, const char *name, char **values, sq_error *error);

/* Rows for option tables. */
#define SQ_ARG_FLAG(name) {name, SQ_OPTION_FLAG, sq_args_take}
#define SQ_ARG_VALUE(name) {name, SQ_OPTION_VALUE, sq_args_take}
#define SQ_ARGS_ANY SQ_ARG_FLAG("--json"), SQ_ARG_FLAG("--help"), SQ_ARG_FLAG("-h")
#define SQ_ARGS_STORE SQ_ARG_VALUE("--store"), SQ_ARG_FLAG("--no-daemon"), SQ_ARG_VALUE("--timeout"), SQ_ARGS_ANY
#define SQ_ARGS_PROJECT SQ_ARG_VALUE("--project"), SQ_ARGS_STORE
