/* SPDX-License-Identifier: MIT */
/* Validation by a stated subset of JSON Schema:
 *   type (a name or an array of names), enum, const; minimum, maximum; minLength, maxLength (in characters);
 *   items (one schema), minItems, maxItems; properties, required, additionalProperties (a boolean or a schema);
 *   and the annotations $schema, $id, $comment, title, description, default, examples, which say nothing.
 * A schema with any other keyword is refused rather than half obeyed. */
#pragma once
#include "context/error.h"

/* Is this a schema of the subset? -EINVAL with the path of what is not. */
int sq_schema_check(sq_json *schema, sq_error *error);

/* Does `value` satisfy a checked schema? -EINVAL: code invalid, path of the first member that does not. */
int sq_schema_validate(sq_json *schema, sq_json *value, sq_error *error);
