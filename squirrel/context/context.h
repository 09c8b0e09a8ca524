/* SPDX-License-Identifier: MIT */
/* A context: a JSON document with identity. This folder knows documents and rules, and does no I/O. */
#pragma once
#include "context/error.h"
#include "context/id.h"
#include "context/time.h"
#include "json/json.h"

#define SQ_PROJECT_DEFAULT "default"

enum {
    SQ_NAME_BYTES = 512,          /* of a name, and of each member of source */
    SQ_METADATA_BYTES = 4096,     /* keys and values together */
    SQ_ANCESTORS_MAX = 32,
};

/* Everything borrowed belongs to `document`; free with sq_context_free. */
typedef struct sq_context {
    char id[SQ_ID_BYTES + 1];
    char project[SQ_ID_BYTES + 1];
    sq_json *document;            /* as it was read */
    size_t bytes;                 /* of the text that it was read from */
    sq_json *data;                /* borrowed; an object */
    const char *name;             /* borrowed; NULL: none */
    const char *parent_id;        /* borrowed; NULL: a root */
    int64_t rev;                  /* 0: not stated */
    sq_time expires_at;
    bool expires;                 /* expires_at holds */
} sq_context;

/* Reads a context from a file's text. Only `data` is required; `default_id` is used where the text has no id, and NULL
 * means that there is none. Members that are not a context's are refused. 0, -EINVAL or -ENOMEM with *error set. */
int sq_context_read(const char *text, size_t bytes, const char *default_id, sq_context *out, sq_error *error);
void sq_context_free(sq_context *context);
bool sq_context_expired(const sq_context *context, sq_time now);
