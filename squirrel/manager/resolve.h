/* SPDX-License-Identifier: MIT */
#pragma once
#include "manager/manager.h"

/* Merges a line of revisions, the context first (S15), measures the result, and checks it against `schema`, if any.
 * The result has at most `max_bytes`. Takes the references of `line` over, whatever the result: 0, -EINVAL, -ENOMEM, or
 * -ECANCELED. */
DREY_ASYNC int sq_resolve_line(const sq_revision **line, size_t count, sq_json *schema, size_t max_bytes,
                               sq_resolved *out, sq_error *error);

/* A schema's text; needs a deep stack, too. */
int sq_resolve_schema(const char *text, sq_json **out, sq_error *error);
