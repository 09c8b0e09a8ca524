/* SPDX-License-Identifier: MIT */
#include <drey/reader.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "wait/wait.h"

enum { LIMIT = 64 << 10, FIRST_ROOM = 4 << 10, HEAD_MAX = 8 };

/*
 *     buffer          start        seen          end               room
 *       |  given out    |  looked at | not yet     |  free           |
 */
struct reader {
    drey_stream stream;
    char *buffer; /* NULL: none */
    size_t room, start, end;
    size_t seen; /* bytes after start that hold no line's end */
    size_t max;
};

_Static_assert(sizeof(struct reader) <= sizeof(drey_reader), "a reader fits what is public of it");

static struct reader *reader_of(drey_reader *reader)
{
    return (struct reader *)(void *)reader;
}

void drey_reader_init(drey_reader *reader, drey_stream stream, size_t max_bytes)
{
    *reader_of(reader) = (struct reader){.stream = stream, .max = max_bytes != 0 ? max_bytes : LIMIT};
}

static void give_back(struct reader *r)
{
    drey__free(r->buffer);
    r->buffer = NULL;
    r->room = r->start = r->end = r->seen = 0;
}

void drey_reader_deinit(drey_reader *reader)
{
    give_back(reader_of(reader));
}

/* See to room for `wanted` bytes after start, and for at least one more than there are. */
static int make_room(struct reader *r, size_t wanted)
{
    size_t have = r->end - r->start, room = r->room > 0 ? r->room : FIRST_ROOM;
    if (wanted <= have)
        wanted = have + 1;
    if (r->buffer != NULL && r->start > 0 && (have == 0 || r->start + wanted > r->room)) {
        memmove(r->buffer, r->buffer + r->start, have);
        r->start = 0;
        r->end = have;
    }
    while (room < wanted)
        room = room <= SIZE_MAX / 2 ? room * 2 : wanted;
    if (r->buffer == NULL || room > r->room) {
        char *buffer = drey__realloc(r->buffer, room);
        if (buffer == NULL)
            return -ENOMEM;
        r->buffer = buffer;
        r->room = room;
    }
    return 0;
}

/* One read: bytes, 0 at the end, or a negative errno. */
static ssize_t fill(struct reader *r, size_t wanted)
{
    int rc = make_room(r, wanted);
    if (rc < 0)
        return rc;
    ssize_t n = r->stream.ops->read(r->stream.self, r->buffer + r->end, r->room - r->end);
    if (n > 0)
        r->end += (size_t)n;
    return n;
}

/* Have `wanted` bytes: 1, or 0 if the stream ends before the first, or a negative errno. */
static int have(struct reader *r, size_t wanted)
{
    while (r->end - r->start < wanted) {
        ssize_t n = fill(r, wanted);
        if (n == 0)
            return r->end == r->start ? 0 : -ENODATA;
        if (n < 0)
            return (int)n;
    }
    return 1;
}

/* The line's end, or NULL. */
static char *find_end(struct reader *r)
{
    size_t bytes = r->end - r->start;
    char *found = bytes > r->seen ? memchr(r->buffer + r->start + r->seen, '\n', bytes - r->seen) : NULL;
    r->seen = found != NULL ? 0 : bytes;
    return found;
}

int drey_reader_line(drey_reader *reader, char **out_line, size_t *out_bytes)
{
    struct reader *r = reader_of(reader);
    struct drey_task *self;
    char *end;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    while ((end = find_end(r)) == NULL) {
        if (r->end - r->start >= r->max)
            return -EMSGSIZE;
        rc = have(r, r->end - r->start + 1);
        if (rc <= 0)
            return rc;
    }
    char *line = r->buffer + r->start;
    size_t bytes = (size_t)(end - line);
    if (bytes + 1 > r->max)
        return -EMSGSIZE;
    r->start += bytes + 1;
    bytes -= bytes > 0 && line[bytes - 1] == '\r';
    line[bytes] = '\0';
    *out_line = line;
    if (out_bytes != NULL)
        *out_bytes = bytes;
    return 1;
}

static uint64_t number_at(const char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

int drey_reader_frame(drey_reader *reader, unsigned head_bytes, void **out_data, size_t *out_bytes)
{
    struct reader *r = reader_of(reader);
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (head_bytes == 0 || head_bytes > HEAD_MAX || (head_bytes & (head_bytes - 1)) != 0)
        return -EINVAL;
    rc = have(r, head_bytes);
    if (rc <= 0)
        return rc;
    uint64_t bytes = number_at(r->buffer + r->start, head_bytes);
    if (bytes > r->max)
        return -EMSGSIZE;
    rc = have(r, head_bytes + (size_t)bytes);
    if (rc <= 0)
        return rc;
    *out_data = r->buffer + r->start + head_bytes;
    *out_bytes = (size_t)bytes;
    r->start += head_bytes + (size_t)bytes;
    r->seen = 0;
    return 1;
}

/* The caller has entered, where nothing is buffered the stream enters itself. */
static ssize_t read_some(struct reader *r, void *buffer, size_t bytes)
{
    size_t buffered = r->end - r->start;
    if (buffered == 0)
        return r->stream.ops->read(r->stream.self, buffer, bytes);
    bytes = bytes < buffered ? bytes : buffered;
    if (bytes > 0)
        memcpy(buffer, r->buffer + r->start, bytes);
    r->start += bytes;
    r->seen = 0;
    return (ssize_t)bytes;
}

ssize_t drey_reader_read(drey_reader *reader, void *buffer, size_t bytes)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : read_some(reader_of(reader), buffer, bytes);
}

int drey_reader_read_exact(drey_reader *reader, void *buffer, size_t bytes, size_t *out_done)
{
    struct drey_task *self;
    size_t done = 0;
    ssize_t n = drey__enter(&self, DREY__CUT_POINT);
    while (n >= 0 && done < bytes) {
        n = read_some(reader_of(reader), (char *)buffer + done, bytes - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            n = -ENODATA;
    }
    if (out_done != NULL)
        *out_done = done;
    return n < 0 ? (int)n : 0;
}

size_t drey_reader_rest(drey_reader *reader)
{
    struct reader *r = reader_of(reader);
    size_t bytes = r->end - r->start;
    if (bytes == 0)
        give_back(r);
    return bytes + (r->stream.ops->pending != NULL ? r->stream.ops->pending(r->stream.self) : 0);
}
