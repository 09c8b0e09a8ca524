/* SPDX-License-Identifier: MIT */
#pragma once
#include "json/json.h"

enum { SQ_FINGERPRINT_BYTES = 72 };   /* "sha256:", 64 hex digits and the NUL */

typedef struct sq_measure {
    size_t bytes;     /* of the canonical form */
    size_t keys;      /* members of all objects */
    size_t depth;     /* nesting: {} is 1 */
    size_t tokens;    /* estimate: a token for every four bytes of the canonical form, rounded up */
    char fingerprint[SQ_FINGERPRINT_BYTES];   /* SHA-256 of the canonical form */
} sq_measure;

int sq_measure_take(sq_json *data, sq_measure *out);   /* 0 or -ENOMEM */
