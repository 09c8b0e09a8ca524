/* SPDX-License-Identifier: MIT */
/*
 * Operations on files. Each one first tries what the kernel can answer from its caches without waiting, on the spot;
 * what it cannot goes to the worker's backend (io/io.h), and what that refuses to the default pool.
 *
 * The task has entered before each of these functions; those that may park more than once enter again by themselves.
 * `place` is the caller of the public function, for reports.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <drey/fs.h>

#include "io/io.h"
#include "wait/wait.h"

enum { DREY__FS_CHUNK = 1 << 20 }; /* bytes that one read or write moves at most: copying occupies the worker */

/* Let the backend or a pool do it: the system call's result. */
int drey__fs_run(struct drey_task *self, struct drey__io_op *op, bool uncut);

/* As open(2), with O_CLOEXEC and O_NONBLOCK, which has no effect on files and keeps pipes from blocking the worker. */
int drey__fs_open(struct drey_task *self, const char *path, int flags, mode_t mode, const void *place);
/* Open what is cached: a descriptor, or a negative errno, of which only -ENOENT is final. */
int drey__fs_open_cached(const char *path, int flags);

/* Read the beginning of what is cached, without moving the file's position: as pread(2), -EAGAIN if nothing is. */
ssize_t drey__fs_read_cached(int fd, void *buffer, size_t bytes);
/* Close; who waits for the descriptor gets -EBADF. Uncut. */
int drey__fs_close(struct drey_task *self, int fd);

/* offset -1: the file's position. */
ssize_t drey__fs_read(struct drey_task *self, int fd, void *buffer, size_t bytes, off_t offset, const void *place);
ssize_t drey__fs_write(struct drey_task *self, int fd, const void *data, size_t bytes, off_t offset, const void *place);
