/* SPDX-License-Identifier: MIT */
/* What local stores ask of the disk below them. Blocking calls: for threads of a pool. */
#pragma once
#include <stdbool.h>

enum { SQ_DISK_RESERVE_MB = 64 };

/* Is less free than the reserve? Then only what frees room is written. False also if it cannot be told. */
bool sq_disk_low(const char *folder);

/* Syncs a folder, so that names in it are durable. 0 or a negative errno. */
int sq_disk_sync_folder(const char *folder);

/* The folder that `path` is in: "." if it has none. `out` has room for as many bytes as `path` and two. */
void sq_disk_folder(const char *path, char *out);

/* For tests: what the system is to have said; 0: what it says. */
typedef struct sq_disk_hooks {
    unsigned long long free_bytes;   /* of statvfs */
} sq_disk_hooks;

extern sq_disk_hooks sq_disk_hook;
