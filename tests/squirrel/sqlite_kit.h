/* SPDX-License-Identifier: MIT */
/* What the tests of SQLite's store share. */
#pragma once
#define KIT_SCHEME "sqlite:"
#include <sqlite3.h>

#include "store/disk.h"
#include "store/sqlite/hooks.h"
#include "store_kit.h"

/* SQL on a store that nobody has open: 0, or SQLite's code. */
static inline int kit_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    int code = sqlite3_open(path, &db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql, NULL, NULL, &message);
    if (code != SQLITE_OK)
        printf("# %s\n", message ? message : "cannot be opened");
    sqlite3_free(message);
    sqlite3_close(db);
    return code;
}
