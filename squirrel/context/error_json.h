/* SPDX-License-Identifier: MIT */
#pragma once
#include "context/error.h"
#include "json/text.h"

/* {"code", "message", "line", "column", "byte", "path"}: the place and the path only if they are known. */
void sq_error_write(sq_text *out, const sq_error *error);

/* Reads such an object; members of other names are passed over. False: it is none, or of a code not known here. */
bool sq_error_read(const sq_json *object, sq_error *out);
