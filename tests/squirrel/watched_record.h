/* SPDX-License-Identifier: MIT */
/* Between the disks, which fill the record, watched_record.c, which keeps and plays it, and watched_state.c. */
#pragma once
#include "watched.h"

typedef enum watched_what {
    WATCHED_OP_CREATE, WATCHED_OP_WRITE, WATCHED_OP_TRUNCATE, WATCHED_OP_SYNC, WATCHED_OP_DELETE,
    WATCHED_OP_SYNC_FOLDER, WATCHED_OP_RENAME, WATCHED_OP_EXCHANGE, WATCHED_OP_LINK, WATCHED_OP_MARK
} watched_what;

typedef struct watched_operation {
    watched_what what;
    int file;                                        /* the number of its name */
    int64_t at;                                      /* offset, size, a mark's subject, the number of the other name, or
                                                        of a folder */
    size_t bytes;                                    /* or a mark's value */
    const void *data;                                /* copied */
} watched_operation;

enum { WATCHED_EVERYWHERE = -1 };                    /* instead of a folder */

typedef struct watched_switches {
    bool record, sync_for_real, ignore_folders, ignore_files;
} watched_switches;

extern watched_switches watched_state;

bool watched_fails(watched_kind kind);               /* is this the operation that fails? Counts it */
watched_fault watched_fault_now(void);

void watched_add(watched_operation operation);       /* any thread */

/* The number of the name of a file that is there; `made`: it was just made. */
int watched_name(const char *path, bool made);
int watched_number(const char *path);                /* of any name */
