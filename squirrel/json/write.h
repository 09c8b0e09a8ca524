/* SPDX-License-Identifier: MIT */
#pragma once
#include "json/json.h"
#include "json/text.h"

typedef enum sq_json_form {
    SQ_JSON_COMPACT,    /* one line, members in their order */
    SQ_JSON_PRETTY,     /* indented by two spaces */
    SQ_JSON_CANONICAL,  /* RFC 8785, with int64 kept exact: what fingerprints are taken of */
} sq_json_form;

/* Adds the value; a failed allocation shows in out->failed. */
void sq_json_write(sq_text *out, sq_json *value, sq_json_form form);

/* Is the double an integer that an int64 holds? */
bool sq_double_integral(double value, int64_t *out);

/* The shortest decimal that reads back as the same double, as ECMAScript prints it. `value` is finite. */
enum { SQ_DOUBLE_BYTES = 32 };
size_t sq_double_format(double value, char out[SQ_DOUBLE_BYTES]);
