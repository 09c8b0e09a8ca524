/* SPDX-License-Identifier: MIT */
/* What a store of files asks of the system: one seam, which tests replace to record what reaches the disk and to fail
 * it. Each function returns what drey's or the system's of that name does, with a negative errno for a failure. */
#pragma once
#include <drey.h>

typedef struct sq_files {
    DREY_ASYNC int (*open)(const char *path, int flags, mode_t mode);
    DREY_ASYNC ssize_t (*read)(int fd, void *buffer, size_t bytes, off_t at);
    DREY_ASYNC ssize_t (*write)(int fd, const void *data, size_t bytes, off_t at);
    DREY_ASYNC int (*truncate)(int fd, off_t bytes);
    DREY_ASYNC int (*sync)(int fd);                          /* data, and what is needed to find it */
    DREY_ASYNC int (*close)(int fd);
    DREY_ASYNC int (*rename)(const char *from, const char *to, unsigned flags);   /* as renameat2(2) */
    DREY_ASYNC int (*link)(const char *from, const char *to);
    DREY_ASYNC int (*unlink)(const char *path);
    DREY_ASYNC int (*make_folder)(const char *path, mode_t mode);
    DREY_ASYNC int (*sync_folder)(const char *path);         /* names in it become durable */
    ssize_t (*read_here)(int fd, void *buffer, size_t bytes, off_t at);   /* blocks: for threads of a pool */
} sq_files;

extern const sq_files sq_files_system;
extern const sq_files *sq_files_used;                        /* sq_files_system, but in tests */

/* The whole, in as many steps as it takes. 0 or a negative errno; a write that gets nowhere is -ENOSPC. */
DREY_ASYNC int sq_files_write_all(int fd, const void *data, size_t bytes, off_t at);

/* As many bytes as there are. */
DREY_ASYNC ssize_t sq_files_read_all(int fd, void *buffer, size_t bytes, off_t at);
