/* SPDX-License-Identifier: MIT */
/* What can be known of a write without the store: its fields are checked, its JSON is read, its text and fingerprint
 * are made. It is done by the task that asks, so that the writer has less to do, and owns all that it keeps. */
#pragma once
#include "json/json.h"
#include "store/write.h"

typedef struct sq_prepared {
    sq_write write;                  /* its texts point into `memory`, `text` and `metadata` */
    char *memory;
    sq_json *value;                  /* patch and append: the patch; else NULL */
    sq_text text;                    /* the compact form of data */
    sq_text metadata;
    sq_text source;                  /* the JSON of who asks */
    uint8_t fingerprint[SQ_DIGEST_BYTES];   /* of data, unless it is a patch */
    uint8_t request[SQ_REQUEST_BYTES];      /* with a key: hash of what is asked for, not of who asks (S19) */
    size_t bytes;                    /* of memory that it holds, about */
} sq_prepared;

/* 0, -EINVAL or -ENOMEM. Needs 64 KiB of stack: call it by drey_call_deep from a task. */
int sq_prepare(const sq_write *write, const sq_limits *limits, sq_prepared *out, sq_error *error);
void sq_prepared_free(sq_prepared *prepared);

/* SHA-256 of the canonical form. False: no memory. */
bool sq_fingerprint(sq_json *data, uint8_t out[SQ_DIGEST_BYTES]);
