/* SPDX-License-Identifier: MIT */
/* JSON values, and the strict reader. This folder alone knows the JSON library; a value is its type, opaque here.
 *
 * Accepted is RFC 8259 less what stores and languages disagree about: no duplicate keys (compared after escapes are
 * decoded), no U+0000, no lone surrogates, no byte-order mark, no nesting beyond a limit. A number without fraction
 * and exponent is an int64 and kept exact; any other is a double, and refused where it overflows or vanishes to 0. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SQ_JSON_DEPTH_MAX = 64, SQ_JSON_NUMBER_BYTES = 512, SQ_JSON_PATH_BYTES = 256, SQ_JSON_MESSAGE_BYTES = 256 };

typedef struct json_t sq_json;

typedef enum sq_json_type {
    SQ_JSON_NULL, SQ_JSON_BOOLEAN, SQ_JSON_INTEGER, SQ_JSON_REAL, SQ_JSON_STRING, SQ_JSON_ARRAY, SQ_JSON_OBJECT
} sq_json_type;

typedef enum sq_json_code {
    SQ_JSON_FINE, SQ_JSON_INVALID, SQ_JSON_DUPLICATE_KEY, SQ_JSON_BAD_TEXT, SQ_JSON_BAD_NUMBER, SQ_JSON_TOO_DEEP,
    SQ_JSON_NO_MEMORY
} sq_json_code;

typedef struct sq_place {
    size_t line;    /* from 1; 0: the place is unknown */
    size_t column;  /* from 1, in characters */
    size_t byte;    /* from 0, from the start of the input */
} sq_place;

typedef struct sq_json_error {
    sq_json_code code;
    sq_place place;
    char path[SQ_JSON_PATH_BYTES];        /* as in $.data.steps[3]; cut at the end if it is longer */
    char message[SQ_JSON_MESSAGE_BYTES];
} sq_json_error;

/* Reads one value. `max_depth` counts nested objects and arrays, at most SQ_JSON_DEPTH_MAX + 1 (an envelope around a
 * document of full depth). 0, -EINVAL or -ENOMEM; on failure *error says why and *out is untouched. */
int sq_json_parse(const char *text, size_t bytes, unsigned max_depth, sq_json **out, sq_json_error *error);

/* From now on each thread keeps some of the memory of values that it frees, for those that it makes next: for who works
 * through many documents. */
void sq_json_keep_memory(void);

/* Where `path`, as errors print it, starts in a text that was read: a member's key or an element. */
bool sq_json_locate(const char *text, size_t bytes, const char *path, sq_place *out);

sq_json *sq_json_ref(sq_json *value);
void sq_json_unref(sq_json *value);                         /* NULL is fine */
sq_json *sq_json_copy(sq_json *value);                      /* deep; NULL: no memory */
sq_json_type sq_json_typeof(const sq_json *value);
const char *sq_json_type_name(sq_json_type type);           /* with its article: "an object" */

sq_json *sq_json_new_object(void);
sq_json *sq_json_new_null(void);
sq_json *sq_json_new_string(const char *utf8);              /* NULL: not UTF-8, or no memory */
sq_json *sq_json_new_integer(int64_t value);
sq_json *sq_json_new_real(double value);

const char *sq_json_string(const sq_json *value, size_t *out_bytes);   /* out_bytes may be NULL */
int64_t sq_json_integer(const sq_json *value);
double sq_json_number(const sq_json *value);                /* integer or real, as a double */
bool sq_json_true(const sq_json *value);
size_t sq_json_size(const sq_json *value);                  /* members or elements */
sq_json *sq_json_at(const sq_json *array, size_t index);    /* borrowed */
sq_json *sq_json_get(const sq_json *object, const char *key);              /* borrowed; NULL: absent */
int sq_json_set(sq_json *object, const char *key, sq_json *value);         /* consumes value; 0 or -ENOMEM */
void sq_json_remove(sq_json *object, const char *key);
int sq_json_push(sq_json *array, sq_json *value);                          /* consumes value; 0 or -ENOMEM */

/* Members in the order in which they were added: for (m = sq_json_first(o); m.key; m = sq_json_next(o, m)) */
typedef struct sq_json_member {
    const char *key;
    size_t key_bytes;
    sq_json *value;
    void *position;
} sq_json_member;

sq_json_member sq_json_first(sq_json *object);
sq_json_member sq_json_next(sq_json *object, sq_json_member member);

/* Equal as JSON values: 1 equals 1.0, members in any order. */
bool sq_json_equal(sq_json *a, sq_json *b);
