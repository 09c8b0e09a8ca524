/* SPDX-License-Identifier: MIT */
/* Every error that squirrel reports, with one code everywhere: on the command line, over HTTP and over JSON-RPC. */
#pragma once
#include "json/json.h"

typedef enum sq_code {
    SQ_OK,
    SQ_SOME_FAILED,
    SQ_USAGE,
    SQ_INVALID_JSON, SQ_DUPLICATE_KEY, SQ_BAD_TEXT, SQ_BAD_NUMBER,
    SQ_INVALID, SQ_BAD_ID, SQ_TOO_DEEP, SQ_BAD_CURSOR,
    SQ_TOO_LARGE,
    SQ_CYCLE, SQ_BROKEN_PARENT, SQ_KEY_REUSED,
    SQ_NOT_FOUND, SQ_GONE,
    SQ_CONFLICT, SQ_EXISTS, SQ_HAS_CHILDREN,
    SQ_PRECONDITION_REQUIRED,
    SQ_UNAUTHENTICATED, SQ_FORBIDDEN,
    SQ_QUOTA, SQ_BUSY,
    SQ_STORE_BUSY, SQ_STORE_UNREACHABLE, SQ_DISK_FULL, SQ_STORE_FAILED,
    SQ_UNKNOWN_OUTCOME,
    SQ_TIMEOUT,
    SQ_VERSION_SKEW,
    SQ_INTERNAL,
    SQ_INTERRUPTED,
    SQ_CODES
} sq_code;

const char *sq_code_name(sq_code code);   /* "invalid_json" */
bool sq_code_find(const char *name, sq_code *out);
int sq_code_exit(sq_code code);           /* exit status */
int sq_code_http(sq_code code);           /* 0: never sent */
int sq_code_rpc(sq_code code);            /* JSON-RPC error, 0: none */

typedef struct sq_error {
    sq_code code;
    sq_place place;                       /* line 0: no place in a text */
    char path[SQ_JSON_PATH_BYTES];        /* empty: none */
    char message[SQ_JSON_MESSAGE_BYTES];  /* one line of UTF-8: what is wrong, and what to do */
} sq_error;

/* Sets code and message and clears place and path. Returns -EINVAL, so that it can end a function. */
__attribute__((format(printf, 3, 4))) int sq_fail(sq_error *error, sq_code code, const char *format, ...);
int sq_fail_memory(sq_error *error);      /* returns -ENOMEM */

/* A failure that the reader reported; returns -EINVAL or -ENOMEM. */
int sq_fail_json(sq_error *error, const sq_json_error *reader);
