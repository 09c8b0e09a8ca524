/* SPDX-License-Identifier: MIT */
/* Internal to the wire_….c: an object with bodies behind it. */
#pragma once
#include "manager/wire.h"

/* Writing. Bodies are borrowed until sq_parts_end. */
typedef struct sq_parts {
    sq_text *out;
    bool comma;                      /* before the next member or element */
    struct { const char *data; size_t bytes; } *bodies;
    size_t count, room;
} sq_parts;

void sq_parts_open(sq_parts *parts, const char *name, char bracket);   /* '{' or '['; name NULL: an element */
void sq_parts_close(sq_parts *parts, char bracket);
void sq_parts_text(sq_parts *parts, const char *name, const char *text);    /* NULL: left out */
void sq_parts_null(sq_parts *parts, const char *name);
void sq_parts_number(sq_parts *parts, const char *name, int64_t number);
void sq_parts_number_but(sq_parts *parts, const char *name, int64_t number, int64_t usual);   /* left out if usual */
void sq_parts_flag(sq_parts *parts, const char *name, bool flag);           /* false: left out */
void sq_parts_body(sq_parts *parts, const char *data, size_t bytes);        /* as data_bytes */
void sq_parts_revision(sq_parts *parts, const char *name, const sq_revision *revision);   /* NULL: left out */
void sq_parts_error(sq_parts *parts, const sq_error *error);
void sq_parts_end(sq_parts *parts);  /* the bodies */

/* Reading. What is missing has its usual value; what is wrong sets `failed`. */
typedef struct sq_parts_in {
    sq_json *document;
    const char *at, *end;            /* of the bodies that were not taken yet */
    bool failed, no_memory;
} sq_parts_in;

int sq_parts_read(const char *payload, size_t bytes, sq_parts_in *out, sq_error *error);
const char *sq_parts_get_text(sq_parts_in *in, const sq_json *object, const char *name);   /* NULL: none, or null */
int64_t sq_parts_get_number(sq_parts_in *in, const sq_json *object, const char *name, int64_t usual);
bool sq_parts_get_flag(sq_parts_in *in, const sq_json *object, const char *name);
const sq_json *sq_parts_get_array(sq_parts_in *in, const sq_json *object, const char *name, size_t max);
const char *sq_parts_get_body(sq_parts_in *in, const sq_json *object, size_t *out_bytes);  /* NULL: none */
const sq_revision *sq_parts_get_revision(sq_parts_in *in, const sq_json *object, const char *name);   /* a reference */
void sq_parts_get_error(sq_parts_in *in, const sq_json *object, sq_error *out);
int sq_parts_done(sq_parts_in *in, sq_error *error);   /* 0 if all went well and all bodies were taken */
