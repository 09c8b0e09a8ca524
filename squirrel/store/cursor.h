/* SPDX-License-Identifier: MIT */
/* Cursors: where a list goes on, in a text that clients hand back and cannot make or change (S18). */
#pragma once
#include "store/store.h"

typedef struct sq_cursor {
    int64_t upper;                   /* the project's seq when the first page was made */
    uint32_t phase;                  /* the store's own */
    int64_t last;                    /* the last key: a seq, a rev, or the number of ranked items */
    char last_id[SQ_ID_BYTES + 1];   /* the last key of SQ_BY_ID; else empty */
} sq_cursor;

/* `secret` is the store's, `list` says what the cursor is good for: another query, another order or another principal
 * and it is refused. Limits of the page may differ from one to the next. */
int sq_cursor_write(const uint8_t secret[SQ_DIGEST_BYTES], const sq_list *list, const sq_cursor *cursor,
                    char out[SQ_CURSOR_BYTES]);   /* 0 or -ENOMEM */
int sq_cursor_read(const uint8_t secret[SQ_DIGEST_BYTES], const sq_list *list, sq_cursor *out,
                   sq_error *error);              /* -EINVAL: bad_cursor */

/* The same for a history: `last` is a rev, `upper` unused. */
int sq_cursor_write_history(const uint8_t secret[SQ_DIGEST_BYTES], const sq_history *history, const sq_cursor *cursor,
                            char out[SQ_CURSOR_BYTES]);
int sq_cursor_read_history(const uint8_t secret[SQ_DIGEST_BYTES], const sq_history *history, sq_cursor *out,
                           sq_error *error);
