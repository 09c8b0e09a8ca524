/* SPDX-License-Identifier: MIT */
/* A context, as the pattern's examples use it: a JSON document with an id. */
#pragma once

#include <drey.h>
#include <jansson.h>

enum { CONTEXT_BYTES_MAX = 64 << 10, CONTEXT_ID_MAX = 127 };

typedef struct context {
    char id[CONTEXT_ID_MAX + 1];
    json_t *data;                  /* an object, owned by the context */
} context;

/* Load a context from a file. 0: the caller owns *out and ends it by context_deinit; else a negative errno. */
DREY_ASYNC int context_load(const char *path, context *out);
void context_deinit(context *c);
