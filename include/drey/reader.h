/* SPDX-License-Identifier: MIT */
/**
 * A buffered reader: lines and frames from a stream, each with a limit.
 *
 * When to use: for protocols of lines or of messages with their length in front.
 * Memory: the buffer is made when something is read, grows up to the limit, and is given back by drey_reader_rest, so
 * that an idle connection has none. What a call returns a pointer to is in it, and valid until the next call.
 * Threads: task only; one task at a time.
 * Suspends: while the stream has too little.
 * Cancel:   nothing is lost: what has come stays in the buffer, and the same call again goes on.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 *     drey_reader reader;
 *     char *line;
 *     size_t bytes;
 *     drey_reader_init(&reader, drey_stream_of(fd), 1024);
 *     while ((rc = drey_reader_line(&reader, &line, &bytes)) > 0)
 *         puts(line);
 *     drey_reader_deinit(&reader);
 */
#pragma once

#include <drey/base.h>
#include <drey/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drey_reader {
    DREY_INTERNAL(8);
} drey_reader;

/**
 * Begin to read from a stream.
 *
 * @param stream     borrowed until drey_reader_deinit; reading past the reader loses what it has buffered
 * @param max_bytes  of a line with its end, or of a frame without its head; 0 for 64 KB
 */
DREY_API
void drey_reader_init(drey_reader *reader, drey_stream stream, size_t max_bytes);

/** Give the buffer back, with what is in it. The stream stays open. */
DREY_API
void drey_reader_deinit(drey_reader *reader);

/**
 * The next line.
 *
 * @param out_line   the line without its "\n" or "\r\n", with a NUL after it; valid until the next call
 * @param out_bytes  its length, since it may hold a NUL itself; may be NULL
 * @return 1: there is a line.
 *         0: the stream has ended.
 *         -EMSGSIZE  it is longer than the limit; the reader is of no more use
 *         -ENODATA   the stream has ended within a line; drey_reader_read gives what there is of it
 *         -ENOMEM    no memory; nothing is lost
 *         or another negative errno of the stream's
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_reader_line(drey_reader *reader, char **out_line, size_t *out_bytes);

/**
 * The next frame: a length, as an unsigned integer in network byte order, and so many bytes.
 *
 * @param head_bytes  of the length: 1, 2, 4 or 8
 * @param out_data    valid until the next call
 * @return 1: there is a frame.
 *         0: the stream has ended.
 *         -EMSGSIZE  its length is above the limit; the reader is of no more use
 *         -ENODATA   the stream has ended within a frame
 *         -EINVAL    head_bytes is something else
 *         -ENOMEM    no memory; nothing is lost
 *         or another negative errno of the stream's
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_reader_frame(drey_reader *reader, unsigned head_bytes, void **out_data, size_t *out_bytes);

/**
 * Bytes as they come: first what is buffered, then from the stream.
 *
 * @return bytes read, fewer than asked for perhaps; 0 at the end; or a negative errno.
 *
 * Suspends: when nothing is buffered.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_reader_read(drey_reader *reader, void *buffer, size_t bytes);

/**
 * As drey_read_exact, through the reader: the body after a head, say.
 *
 * Suspends: as above.
 * Cancel:   -ECANCELED between two reads; out_done bytes are in your buffer, and not in the reader's any more.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_reader_read_exact(drey_reader *reader, void *buffer, size_t bytes, size_t *out_done);

/**
 * Give the buffer back if nothing is in it: before a dormant task goes to sleep.
 *
 * @return bytes that are still buffered, here or in the stream: if it is not 0, go on reading, since the descriptor
 *         need not become ready for them.
 */
DREY_API
size_t drey_reader_rest(drey_reader *reader);

#ifdef __cplusplus
}
#endif
