/* SPDX-License-Identifier: MIT */
/* Records: what a journal is made of, as bytes. All numbers are little-endian; a record starts at a multiple of 8.
 *
 *     offset  bytes  what
 *     0       4      of the payload
 *     4       1      type
 *     5       3      zeros
 *     8       8      number of its group, from 1
 *     16      16     check: the first half of SHA-256 over the journal's salt, the 16 bytes before, and the payload
 *     32             payload, then zeros up to a multiple of 8
 *
 * A text in a payload is its length in 4 bytes, its bytes and a NUL; none at all is the length 0xffffffff alone.
 * The salt is random and of one file, so what an older file left on the disk is never taken for a record of it. */
#pragma once
#include "store/txn.h"

enum { SQ_RECORD_HEAD = 32, SQ_SALT_BYTES = 16, SQ_CHECK_BYTES = 16 };

typedef enum sq_record_type {        /* on disk */
    SQ_RECORD_SECRET = 1,            /* of the store */
    SQ_RECORD_PROJECT = 2,           /* a project's row, as it is from now on */
    SQ_RECORD_REVISION = 3,
    SQ_RECORD_DROP = 4,              /* a revision leaves the history */
    SQ_RECORD_OPERATION = 5,         /* an operation key */
    SQ_RECORD_NOTE = 6,              /* what is known of a context's file */
    SQ_RECORD_COMMIT = 7,            /* the end of a group: it counts as a whole or not at all */
    SQ_RECORD_RESTORED = 8,          /* a backup was put here, when; 0: and sheets say the same since */
} sq_record_type;

/* A record that was read; the payload is borrowed. */
typedef struct sq_record {
    sq_record_type type;
    int64_t group;
    const char *payload;
    size_t bytes;
} sq_record;

/* Writing: begin, add fields, end. A failed allocation shows in text->failed. */
size_t sq_record_start(sq_text *text, sq_record_type type);                  /* where it starts in the text */
void sq_record_finish(sq_text *text, size_t start, int64_t group, const uint8_t salt[SQ_SALT_BYTES]);
void sq_put_integer(sq_text *text, int64_t value);
void sq_put_text(sq_text *text, const char *value);                          /* NULL: none */
void sq_put_texts(sq_text *text, const char *value, size_t bytes);

/* How many bytes a record takes. */
size_t sq_record_room(size_t payload);

/* The record at `data`, of which `bytes` are there. 1; 0: more bytes are needed, *out_needed in all; -1: this is no
 * record. */
int sq_record_read(const char *data, size_t bytes, const uint8_t salt[SQ_SALT_BYTES], sq_record *out,
                   size_t *out_needed);

/* Reading fields: `failed` sticks, and what is read then is 0 or NULL. */
typedef struct sq_fields {
    const char *at, *end;
    bool failed;
} sq_fields;

int64_t sq_take_integer(sq_fields *fields);
const char *sq_take_text(sq_fields *fields, size_t *out_bytes);              /* borrowed; out_bytes may be NULL */
void sq_take_bytes(sq_fields *fields, void *out, size_t bytes);
bool sq_take_id(sq_fields *fields, char out[SQ_ID_BYTES + 1]);               /* false: it is none */

/* Payloads. Texts of what is read are borrowed from the payload. False: damaged. */
void sq_put_project(sq_text *text, const sq_project *project);
bool sq_take_project(const sq_record *record, sq_project *out);
void sq_put_revision(sq_text *text, const sq_revision *revision);
bool sq_take_revision(const sq_record *record, sq_revision *out);
size_t sq_revision_record(const sq_revision *revision);      /* the bytes of its record, by its texts and data_bytes */

typedef struct sq_dropped {
    const char *project, *id;
    int64_t rev;
    bool purge;
} sq_dropped;

void sq_put_drop(sq_text *text, const sq_dropped *dropped);
bool sq_take_drop(const sq_record *record, sq_dropped *out);

typedef struct sq_kept_operation {
    const char *project, *principal, *key;
    sq_operation operation;
} sq_kept_operation;

void sq_put_operation(sq_text *text, const sq_kept_operation *kept);
bool sq_take_operation(const sq_record *record, sq_kept_operation *out);
