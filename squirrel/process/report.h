/* SPDX-License-Identifier: MIT */
/* How one input's outcome is told: a JSON line for programs, a row for people. */
#pragma once
#include "context/context.h"
#include "context/measure.h"
#include "json/text.h"
#include "manager/manager.h"

typedef struct sq_outcome {
    const char *input;        /* the path as it was given or found */
    sq_error error;           /* code SQ_OK: processed, and the rest holds */
    sq_context context;
    bool expired;
    unsigned ancestors;
    sq_measure measure;
    sq_text answer;           /* what --exec gave back, compact JSON; empty: not asked */
} sq_outcome;

/* {"input", "id", "project", ...} or {"input", "error": {"code", "message", "line", "column", "byte", "path"}}.
 * JSON is UTF-8 and file names need not be: bytes that are not become U+FFFD in "input", and then "input_hex" has the
 * exact name. */
void sq_report_json(sq_text *out, const sq_outcome *outcome);
void sq_report_row(sq_text *out, const sq_outcome *outcome);

/* The same of a context of the store: {"id", "project", "rev", ...} or {"id", "error": {...}}. */
void sq_report_stored_json(sq_text *out, const char *id, const sq_processed *item);
void sq_report_stored_row(sq_text *out, const char *id, const sq_processed *item);

/* Text that is safe on a terminal: control characters and bytes that are not UTF-8 are shown as \xNN. */
void sq_text_printable(sq_text *out, const char *text);
