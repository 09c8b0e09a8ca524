/* SPDX-License-Identifier: MIT */
#pragma once
#include "context/error.h"
#include "json/text.h"

/* Of this binary, as "0.1.0". A program that links another definition than version.c's is of that version. */
extern const char sq_version[];

enum {
    SQ_PROTOCOL = 1,            /* of the frames and what they mean */
    SQ_PROTOCOL_OLDEST = 1,     /* that an owner still speaks */
    SQ_HELLO_VERSION_BYTES = 32,
    SQ_HELLO_STORE_BYTES = 512,
};

/* Below, equal or above 0 as a is older than, as old as or newer than b: numbers between dots, left to right. */
int sq_version_compare(const char *a, const char *b);

/* What both sides say of themselves at the start (S25). */
typedef struct sq_hello {
    int64_t protocol;
    int64_t schema;             /* of the store; 0 from a client that has none */
    int64_t pid;
    int64_t clients;            /* of an owner: connected now, this one included */
    char version[SQ_HELLO_VERSION_BYTES];
} sq_hello;

/* Of this process. */
void sq_hello_own(sq_hello *out, int64_t schema);
void sq_hello_write(sq_text *out, const sq_hello *hello);

/* False: it is none. Members of other names are passed over, so that later versions may add some. */
bool sq_hello_read(const char *text, size_t bytes, sq_hello *out);
