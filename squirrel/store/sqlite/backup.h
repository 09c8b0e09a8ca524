/* SPDX-License-Identifier: MIT */
#pragma once
#include "store/sqlite/db.h"

/* A copy of what the connection sees, in a file of its own that is on the disk when this returns. With `replace` a file
 * of that name makes way; without, it is refused. On failure nothing is left. */
int sq_sqlite_copy(sq_db *db, const char *path, bool replace, sq_error *error);
