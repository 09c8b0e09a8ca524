/* SPDX-License-Identifier: MIT */
/* The sheet of a context: the file PATH/<project>/<id>.json that people read and edit. It has what people may set, as
 * indented JSON: name, parent_id, expires_at, metadata, data. No I/O. */
#pragma once
#include "context/context.h"
#include "store/dir/record.h"

/* What is known of the file: what it was when it was last written or taken over. */
typedef struct sq_sheet {
    int64_t rev;                     /* that it shows; 0: nothing is known */
    bool there;                      /* false: it was removed, as rev says */
    int64_t inode, bytes, changed;   /* changed: when its text was written, in ns */
    int64_t noted;                   /* when this was found to be so, in ns */
    uint8_t digest[SQ_DIGEST_BYTES]; /* SHA-256 of its text */
} sq_sheet;

typedef struct sq_note {
    const char *project, *id;        /* of the tables, which keep them */
    sq_sheet sheet;
} sq_note;

void sq_put_note(sq_text *text, const sq_note *note);
bool sq_take_note(const sq_record *record, sq_note *out);    /* its texts are borrowed */

bool sq_sheet_digest(const void *text, size_t bytes, uint8_t out[SQ_DIGEST_BYTES]);

/* The text of a sheet. 0, or -ENOMEM or -EINVAL with *error set. On a deep stack. */
int sq_sheet_write(const sq_revision *revision, sq_text *out, sq_error *error);

/* What a text says. Free with sq_sheet_said_free. */
typedef struct sq_sheet_said {
    sq_context context;
    sq_text data, metadata;          /* compact */
    uint8_t fingerprint[SQ_DIGEST_BYTES];
    sq_write write;                  /* the verb external, without principal; borrows the rest */
} sq_sheet_said;

/* `id` and `project` are those of the file's place; the text may repeat them, no more. 0, -ENOMEM, or -EINVAL with
 * *error set. On a deep stack. */
int sq_sheet_read(const char *text, size_t bytes, const char *project, const char *id, sq_sheet_said *out,
                  sq_error *error);
void sq_sheet_said_free(sq_sheet_said *said);

/* Does the revision say the same, but for the order of members? */
bool sq_sheet_same(const sq_sheet_said *said, const sq_revision *revision);
