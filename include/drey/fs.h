/* SPDX-License-Identifier: MIT */
/**
 * Files and directories.
 *
 * When to use: instead of the system's blocking calls. Descriptors are plain file descriptors.
 * Errors: the system call's own, negated, beside those that are named. Paths and buffers are borrowed until the call
 * returns, and the kernel has let go of a buffer by then, so one on the stack is always safe.
 * Suspends: every call here, while the kernel or a thread of the default pool does it.
 * Cancel:   what has not started is withdrawn and -ECANCELED returned; what has started is waited for, so an operation
 *           on a file may outlast a deadline. An operation that moved bytes returns their count.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 *     void *text;
 *     size_t bytes;
 *     int rc = drey_file_load("settings.json", 1 << 20, &text, &bytes);
 *     if (rc == 0)
 *         rc = parse(text, bytes);
 */
#pragma once

#include <drey/base.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One name in a directory. */
typedef struct drey_dir_entry {
    const char *name;
    unsigned char type; /* DT_REG, DT_DIR, ... of <dirent.h>; DT_UNKNOWN where the file system does not tell */
} drey_dir_entry;

/**
 * Open a file.
 *
 * @param flags  as open(2); O_CLOEXEC is always added
 * @param mode   permissions of a file that is created, less the umask
 * @return a descriptor, which the caller owns, or a negative errno.
 *
 * Suspends: as above.
 * Cancel:   as above; if a descriptor was made, it is returned.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_open(const char *path, int flags, mode_t mode);

/**
 * Read at the file's position, which moves.
 *
 * @return bytes read, fewer than asked for perhaps; 0 at the end; or a negative errno.
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_file_read(int fd, void *buffer, size_t bytes);

/**
 * Write at the file's position, which moves.
 *
 * @return bytes written, fewer than asked for perhaps; or a negative errno.
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_file_write(int fd, const void *data, size_t bytes);

/** As drey_file_read, at an offset in bytes; the position stays. Suspends: as above. Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_file_pread(int fd, void *buffer, size_t bytes, off_t offset);

/** As drey_file_write, at an offset in bytes; the position stays. Suspends: as above. Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_file_pwrite(int fd, const void *data, size_t bytes, off_t offset);

/** Bring data and metadata to the disk, as fsync(2). @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_sync(int fd);

/** Bring data to the disk, as fdatasync(2). @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_sync_data(int fd);

/**
 * Close a descriptor.
 *
 * @param fd  consumed, whatever is returned
 * @return 0, or a negative errno: an earlier write failed.
 *
 * Suspends: as above.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_close(int fd);

/** What a path leads to, following links. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_stat(const char *path, struct stat *out_stat);

/** What a path names, a link itself if it is one. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_lstat(const char *path, struct stat *out_stat);

/** What a descriptor refers to. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_fstat(int fd, struct stat *out_stat);

/** Rename, replacing what has the new name. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_rename(const char *from, const char *to);

/** Remove a name that is no directory. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_unlink(const char *path);

/** Make a directory; mode less the umask. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_dir_make(const char *path, mode_t mode);

/** Remove an empty directory. @return 0 or a negative errno. Suspends, Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_dir_remove(const char *path);

/**
 * List a directory, without "." and "..", sorted by name, bytewise.
 *
 * @param max_entries  entries at most
 * @param out_entries  one allocation, names included, which the caller ends by free()
 * @return 0.
 *         -E2BIG      more than max_entries
 *         -ENOMEM     no memory
 *         or another negative errno; nothing is allocated then
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_dir_list(const char *path, size_t max_entries, drey_dir_entry **out_entries, size_t *out_count);

/**
 * Read a whole file or pipe into new memory.
 *
 * @param max_bytes  its size at most
 * @param out_data   allocated; the caller ends it by free(). A NUL follows the last byte, not counted in out_bytes
 * @return 0.
 *         -EFBIG   more than max_bytes
 *         -EISDIR  a directory
 *         -ENOMEM  no memory
 *         or another negative errno; nothing is allocated then
 *
 * Suspends: as above, several times.
 * Cancel:   -ECANCELED between two reads; nothing is allocated then.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_load(const char *path, size_t max_bytes, void **out_data, size_t *out_bytes);

/**
 * Read a whole file or pipe into your memory.
 *
 * @param buffer  max_bytes of room; no NUL is added; its content is undefined on failure
 * @return as drey_file_load, without -ENOMEM.
 *
 * Suspends: as above, several times.
 * Cancel:   -ECANCELED between two reads.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_load_into(const char *path, void *buffer, size_t max_bytes, size_t *out_bytes);

/**
 * Replace a file's content, or make the file, so that after a crash either the old or the new content is there: writes
 * a temporary file beside it, syncs it, renames it, and syncs the directory.
 *
 * @param mode  permissions of the file, less the umask
 * @return 0: the new content is on the disk.
 *         a negative errno: the old file is untouched, and the temporary one removed
 *
 * Suspends: as above, several times.
 * Cancel:   -ECANCELED up to the rename, with the old file untouched; uncut from there on.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_file_store(const char *path, const void *data, size_t bytes, mode_t mode);

#ifdef __cplusplus
}
#endif
