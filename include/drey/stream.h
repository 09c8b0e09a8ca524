/* SPDX-License-Identifier: MIT */
/**
 * Reading and writing: plain descriptors of every kind (sockets, pipes, files, terminals), and streams, which may be
 * anything that has a read and a write.
 *
 * When to use: instead of read(2), write(2), poll(2) and close(2).
 * Order: several tasks may read or write one descriptor at a time; which of them gets what is not said.
 * Memory: buffers are borrowed until the call returns, and the kernel has let go of them by then, so one on the stack
 * is always safe. Threads: task only.
 * Errors: the system call's own, negated, beside those that are named; -EBADF also if somebody closes the descriptor by
 * drey_close while the call waits. A write to what nobody reads any more is -EPIPE and no signal.
 * Suspends: while there is nothing to read, or no room to write.
 * Cancel:   a call that moves bytes once had no effect if it returns -ECANCELED; those that go on until all is done say
 *           in out_done how far they got, whatever they return.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 * A descriptor that drey made (drey/net.h) is closed by drey_close or drey_file_close, not by close(2): drey keeps it
 * registered with the kernel. One that is given away, to a library that closes it, is announced by drey_forget.
 *
 *     char request[512];
 *     ssize_t n = drey_read(fd, request, sizeof request);
 *     if (n > 0)
 *         rc = drey_write_all(fd, request, (size_t)n, NULL);
 */
#pragma once

#include <drey/base.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read what there is, at least one byte.
 *
 * @return bytes read, fewer than asked for perhaps; 0 at the end, or if bytes is 0; or a negative errno.
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_read(int fd, void *buffer, size_t bytes);

/**
 * Write what there is room for, at least one byte.
 *
 * @return bytes written, fewer than asked for perhaps; or a negative errno.
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_write(int fd, const void *data, size_t bytes);

/**
 * As drey_write, from several places in one go: a message's head and body, say.
 *
 * @param parts  borrowed until the call returns, and not changed
 * @param count  1 to 1024
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_writev(int fd, const struct iovec *parts, int count);

/**
 * Read until the buffer is full.
 *
 * @param out_done  how many bytes came, in any case; may be NULL
 * @return 0: all of them came.
 *         -ENODATA  the end came first
 *         or another negative errno
 *
 * Suspends: as above, several times.
 * Cancel:   -ECANCELED between two reads; out_done bytes are in the buffer, and nowhere else any more.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_read_exact(int fd, void *buffer, size_t bytes, size_t *out_done);

/**
 * Write everything.
 *
 * @param out_done  how many bytes were written, in any case; may be NULL
 * @return 0: all of them, or a negative errno.
 *
 * Suspends: as above, several times.
 * Cancel:   -ECANCELED between two writes; out_done bytes are on their way.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_write_all(int fd, const void *data, size_t bytes, size_t *out_done);

/**
 * As drey_write_all, from several places.
 *
 * @param parts     borrowed until the call returns, and used as scratch: what they hold then is not said
 * @param count     1 to 1024
 *
 * Suspends: as above, several times.
 * Cancel:   as drey_write_all.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_writev_all(int fd, struct iovec *parts, int count, size_t *out_done);

/**
 * Wait until a descriptor is ready, as poll(2): for libraries that bring their own descriptors.
 *
 * @param fd      any descriptor that can be polled; what cannot, such as a regular file, is always ready
 * @param events  POLLIN, POLLOUT, POLLPRI, POLLRDHUP; POLLERR and POLLHUP always count
 * @return the events that are there, above 0.
 *         -EBADF  it is not open, or was closed by drey_close meanwhile
 *         or another negative errno
 *
 * Suspends: when it is not ready.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_wait_fd(int fd, unsigned events);

/**
 * Close a descriptor of any kind. Whoever waits for it, on any worker, gets -EBADF before its number can be used again.
 *
 * @param fd  consumed, whatever is returned
 * @return 0, or a negative errno: an earlier write failed.
 *
 * Suspends: while the system takes time to close it.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC
int drey_close(int fd);

/**
 * Make a descriptor a stranger to drey without closing it, since somebody else will. Whoever waits for it gets -EBADF.
 * It can be used with drey as before, at the price of a system call for each wait.
 *
 * @return 0, or -EPERM outside a task.
 */
DREY_API
int drey_forget(int fd);

/** What a stream can do. `self` is the stream's own; each function has the contract of the one that is named. */
typedef struct drey_stream_ops {
    DREY_ASYNC ssize_t (*read)(void *self, void *buffer, size_t bytes);             /* drey_read */
    DREY_ASYNC ssize_t (*writev)(void *self, const struct iovec *parts, int count); /* drey_writev */
    DREY_ASYNC int (*shutdown)(void *self);                                         /* drey_stream_shutdown */
    DREY_ASYNC int (*close)(void *self);                                            /* drey_close; uncut */
    size_t (*pending)(void *self); /* bytes that it has ready in memory; NULL: it never has */
} drey_stream_ops;

/** Something to read from and write to; passed by value. */
typedef struct drey_stream {
    const drey_stream_ops *ops; /* borrowed as long as the stream is used */
    void *self;
} drey_stream;

/** The stream of a descriptor, which stays the caller's until the stream is closed. @return the stream. */
DREY_API DREY_MUST_USE
drey_stream drey_stream_of(int fd);

/** As drey_read. Suspends: as above. Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_stream_read(drey_stream stream, void *buffer, size_t bytes);

/** As drey_read_exact. Suspends: as above. Cancel: as there. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_stream_read_exact(drey_stream stream, void *buffer, size_t bytes, size_t *out_done);

/** As drey_write. Suspends: as above. Cancel: as above. */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_stream_write(drey_stream stream, const void *data, size_t bytes);

/** As drey_write_all. Suspends: as above. Cancel: as there. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_stream_write_all(drey_stream stream, const void *data, size_t bytes, size_t *out_done);

/** As drey_writev_all. Suspends: as above. Cancel: as there. */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_stream_writev_all(drey_stream stream, struct iovec *parts, int count, size_t *out_done);

/**
 * Say that no more will be written: the peer reads what is under way, and then the end. Reading goes on.
 *
 * @return 0, or a negative errno.
 *
 * Suspends: if the stream has to write something for it; a descriptor never does.
 * Cancel:   as above, where it writes; a descriptor's is never refused.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_stream_shutdown(drey_stream stream);

/** As drey_close. Suspends: as there. Cancel: uncut. */
DREY_API DREY_ASYNC
int drey_stream_close(drey_stream stream);

#ifdef __cplusplus
}
#endif
