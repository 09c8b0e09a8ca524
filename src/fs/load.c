/* SPDX-License-Identifier: MIT */
/*
 * Whole files in. A cached file that fits into the caller's buffer costs three system calls and no suspension: open,
 * read, close. System calls are nearly all the time that a small file takes, so the size is not asked for first:
 *
 * L1  A read by offset that does not wait is refused by whatever has no position, as pipes and terminals. Of what has
 *     one it gives less than was asked for in two cases only: the end of the file, or the end of what is cached. The
 *     cache is filled by blocks, so that an answer that ends within a block is the whole file.
 * L2  All else asks. A regular file that says its size is complete once that many bytes have come: the answer is its
 *     content as of the fstat, even if it grows meanwhile. Anything else (pipes, /proc, a file that shrinks) ends where
 *     a read returns 0.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fs/op.h"

struct target {
    char *data;
    size_t used, room; /* bytes */
    size_t max;        /* -EFBIG above */
    bool grows;        /* data is ours to reallocate; room has one byte more, for a NUL */
};

enum { FIRST_ROOM = 4096, BLOCK = 512 }; /* BLOCK: of all file systems, or a part of it */

/* Make room for `room` bytes, max at most. */
static int grow(struct target *t, size_t room)
{
    room = room < t->max ? room : t->max;
    if (room == SIZE_MAX)
        return -ENOMEM;
    char *more = drey__realloc(t->data, room + 1);
    if (more == NULL)
        return -ENOMEM;
    t->data = more;
    t->room = room;
    return 0;
}

/* All the room is used: get more, or see whether this is the end. 1: go on reading; 0: the end. */
static int at_the_brim(struct drey_task *self, int fd, struct target *t, const void *place)
{
    if (t->grows && t->room < t->max) {
        int rc = grow(t, t->room < FIRST_ROOM ? FIRST_ROOM : t->room > t->max / 2 ? t->max : t->room * 2);
        return rc < 0 ? rc : 1;
    }
    char more;
    ssize_t got = drey__fs_read(self, fd, &more, 1, -1, place);
    return got > 0 ? -EFBIG : (int)got;
}

/* size: what the file said, or 0. */
static int read_all(struct drey_task *self, int fd, size_t size, struct target *t, const void *place)
{
    while (size == 0 || t->used < size) {
        int rc = t->used > 0 ? drey__enter_at(&self, DREY__CUT_POINT, place) : 0;
        if (rc < 0)
            return rc;
        bool full = t->used == t->room;
        ssize_t got = full ? at_the_brim(self, fd, t, place)
                           : drey__fs_read(self, fd, t->data + t->used, t->room - t->used, -1, place);
        if (got <= 0)
            return (int)got;
        if (!full)
            t->used += (size_t)got;
    }
    return 0;
}

/* L1. False: t->used bytes have come, which may not be all; the file's position has not moved. */
static bool came_at_once(int fd, struct target *t)
{
    ssize_t got = t->grows ? 0 : drey__fs_read_cached(fd, t->data, t->room);
    t->used = got > 0 ? (size_t)got : 0;
    return t->used % BLOCK != 0 && t->used < t->room;
}

/* L2. */
static int load_open(struct drey_task *self, int fd, struct target *t, const void *place)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    size_t size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 0;
    if (size > t->max)
        return -EFBIG;
    t->used = S_ISREG(st.st_mode) ? t->used : 0;
    if (t->used > 0 && lseek(fd, (off_t)t->used, SEEK_SET) < 0)
        return -errno;
    int rc = t->grows ? grow(t, size != 0 ? size : FIRST_ROOM) : 0;
    return rc < 0 ? rc : read_all(self, fd, size, t, place);
}

static int load(struct drey_task *self, const char *path, struct target *t, const void *place)
{
    int fd = drey__fs_open(self, path, O_RDONLY, 0, place);
    if (fd < 0)
        return fd;
    int rc = came_at_once(fd, t) ? 0 : load_open(self, fd, t, place);
    close(fd); /* nothing was written, so nothing has to be waited for */
    return rc;
}

int drey_file_load_into(const char *path, void *buffer, size_t max_bytes, size_t *out_bytes)
{
    struct drey_task *self;
    struct target target = {.data = buffer, .room = max_bytes, .max = max_bytes};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc == 0)
        rc = load(self, path, &target, DREY__CALLER);
    if (rc == 0)
        *out_bytes = target.used;
    return rc;
}

int drey_file_load(const char *path, size_t max_bytes, void **out_data, size_t *out_bytes)
{
    struct drey_task *self;
    struct target target = {.max = max_bytes, .grows = true};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc == 0)
        rc = load(self, path, &target, DREY__CALLER);
    if (rc < 0 || target.data == NULL) {
        drey__free(target.data);
        return rc;
    }
    target.data[target.used] = '\0';
    *out_data = target.data;
    *out_bytes = target.used;
    return 0;
}
