/* SPDX-License-Identifier: MIT */
/* The scan that every text passes before values are made of it. It checks all that json.h promises and builds nothing,
 * so hostile input costs no more than its own size. Places are worked out only for the one error. */
#pragma once
#include "json/json.h"

/* A key as it stands in the text, between its quotes. */
typedef struct sq_key {
    const unsigned char *text;
    size_t bytes;
    bool escaped;           /* contains a backslash */
} sq_key;

/* One level of nesting on the way to the current value. */
typedef struct sq_step {
    sq_key key;             /* in an object; text is NULL in an array and before the first key */
    size_t index;           /* in an array */
} sq_step;

typedef struct sq_scan {
    const unsigned char *start, *at, *end;
    unsigned depth, max_depth;
    sq_step steps[SQ_JSON_DEPTH_MAX + 2];
    sq_key *keys;           /* of all objects that are open, innermost last */
    size_t key_count, key_room;
    const char *wanted;     /* a path to look for, or NULL */
    const unsigned char *found;
    sq_json_error *error;
} sq_scan;

/* All return false after an error was recorded. */
bool sq_scan_text(sq_scan *scan);                                     /* the whole input: scan.c */
bool sq_scan_string(sq_scan *scan, sq_key *out);                      /* at the opening quote: literal.c */
bool sq_scan_number(sq_scan *scan);                                   /* literal.c */
bool sq_scan_key_add(sq_scan *scan, const sq_key *key);               /* keys.c */
bool sq_scan_keys_differ(sq_scan *scan, size_t first);                /* keys.c: the keys from `first` on */

/* Of what the scan has accepted. */
unsigned sq_scan_character(const unsigned char **at);                 /* keys.c: a code point, after its escape */
/* real.c; out_vanished: the number is not 0, and its double is. */
double sq_real_read(const unsigned char *at, const unsigned char *end, bool *out_vanished);
sq_json *sq_scan_build(const unsigned char *start, const unsigned char *end);   /* build.c; NULL: no memory, stopped */

__attribute__((format(printf, 4, 5)))
bool sq_scan_fail(sq_scan *scan, sq_json_code code, const unsigned char *at, const char *format, ...);   /* place.c */
bool sq_scan_stop(sq_scan *scan);                                     /* place.c: as if memory had run out */
void sq_scan_reached(sq_scan *scan, const unsigned char *at);         /* place.c: is this the wanted place? */
