/* SPDX-License-Identifier: MIT */
/* What tests and the benchmark change in the store of SQLite, before it is opened. */
#pragma once
#include <stdbool.h>

typedef struct sq_sqlite_migration {
    int version;                         /* that it leads to, from the one before */
    const char *sql;
} sq_sqlite_migration;

typedef struct sq_sqlite_hooks {
    const char *vfs;                     /* a VFS that was registered with SQLite; NULL: the default */
    bool without_sync;                   /* the mutant: commits do not wait for the disk */
    bool without_index;                  /* nothing is indexed until it must be (Q3) */
    void (*list_starts)(void);           /* on the reader's thread, with its snapshot, before it sets its pin */
    unsigned wal_pages;                  /* that come together before a checkpoint; 0: the usual number */
    const sq_sqlite_migration *migrations;        /* after version 1, in order */
    unsigned migration_count;
} sq_sqlite_hooks;

extern sq_sqlite_hooks sq_sqlite_hook;
