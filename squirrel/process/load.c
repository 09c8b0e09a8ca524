/* SPDX-License-Identifier: MIT */
#include "process/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/compute.h"
#include "process/walk.h"

int sq_fail_errno(sq_error *error, int rc, const char *doing)
{
    switch (-rc) {
    case ENOENT:
    case ENOTDIR:
        sq_fail(error, SQ_NOT_FOUND, "%s: there is no such file", doing);
        break;
    case EACCES:
    case EPERM:
        sq_fail(error, SQ_FORBIDDEN, "%s: permission denied", doing);
        break;
    case EROFS:
        sq_fail(error, SQ_FORBIDDEN, "%s: the file system is read-only", doing);
        break;
    case ENAMETOOLONG:
        sq_fail(error, SQ_TOO_LARGE, "%s: the name is too long", doing);
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        sq_fail(error, SQ_DISK_FULL, "%s: the disk is full (%s)", doing, strerror(-rc));
        break;
    case E2BIG:
        sq_fail(error, SQ_TOO_LARGE, "%s: over 1000000 entries in one directory; divide it", doing);
        break;
    case ELOOP:
        sq_fail(error, SQ_TOO_LARGE, "%s: too many links, or directories nested over %d deep: name one further down",
                doing, SQ_WALK_DEPTH);
        break;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
        sq_fail(error, SQ_QUOTA, "%s: %s; use a lower --limit", doing, strerror(-rc));
        break;
    default:
        sq_fail(error, SQ_INTERNAL, "%s: %s", doing, strerror(-rc));
    }
    return rc;
}

/* Reads `size` bytes and tries one more, to see that the file still ends there. */
static DREY_ASYNC int read_exactly(int fd, char *text, size_t size, sq_error *error)
{
    size_t done = 0;
    ssize_t got = 1;
    while (done <= size && got > 0) {
        got = drey_file_read(fd, text + done, size + 1 - done);
        if (got == -ECANCELED)
            return -ECANCELED;
        if (got < 0)
            return sq_fail_errno(error, (int)got, "reading the file");
        done += (size_t)got;
        if (done == size && got > 0)
            break; /* a short read of a regular file is its end */
    }
    text[size] = '\0';
    if (done == size)
        return 0;
    if (size == 0)
        return sq_fail(error, SQ_CONFLICT,
                       "the file says that it has 0 bytes and has more: process it again, or, if "
                       "the system makes it up as those of /proc, process a copy");
    return sq_fail(error, SQ_CONFLICT, "the file %s while it was being read: process it again",
                   done > size ? "grew" : "shrank");
}

static int fail_kind(sq_error *error)
{
    return sq_fail(error, SQ_INVALID, "this is a pipe, socket or device: only regular files are read");
}

static int check_kind(const struct stat *stat, size_t max_bytes, sq_error *error)
{
    if (S_ISDIR(stat->st_mode))
        return sq_fail(error, SQ_INVALID, "this is a directory behind a link: name it as an input of its own");
    if (!S_ISREG(stat->st_mode))
        return fail_kind(error);
    if ((uint64_t)stat->st_size > max_bytes)
        return sq_fail(error, SQ_TOO_LARGE, "the file has %lld bytes: at most %zu are accepted, see --max-bytes",
                       (long long)stat->st_size, max_bytes);
    return 0;
}

static DREY_ASYNC int load_open(int fd, size_t max_bytes, char **out_text, size_t *out_bytes, sq_error *error)
{
    struct stat stat;
    int rc = drey_file_fstat(fd, &stat);
    if (rc < 0)
        return rc == -ECANCELED ? rc : sq_fail_errno(error, rc, "looking at the file");
    rc = check_kind(&stat, max_bytes, error);
    if (rc < 0)
        return rc;
    size_t size = (size_t)stat.st_size;
    char *text = malloc(size + 1);
    if (!text)
        return sq_fail_memory(error);
    rc = read_exactly(fd, text, size, error);
    if (rc < 0) {
        free(text);
        return rc;
    }
    *out_text = text;
    *out_bytes = size;
    return 0;
}

int sq_load_text(const char *path, size_t max_bytes, char **out_text, size_t *out_bytes, sq_error *error)
{
    /* Non-blocking, or opening a named pipe would wait for a writer. */
    int fd = drey_file_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd == -ENXIO)
        return fail_kind(error);
    if (fd < 0)
        return fd == -ECANCELED ? fd : sq_fail_errno(error, fd, "opening the file");
    int rc = load_open(fd, max_bytes, out_text, out_bytes, error);
    close(fd); /* nothing was written, so there is nothing to wait for */
    return rc;
}

typedef struct parse_job {
    const char *text;
    size_t bytes;
    const char *default_id;
    sq_context *out;
    sq_error *error;
} parse_job;

static int parse(void *arg)
{
    const parse_job *job = arg;
    return sq_context_read(job->text, job->bytes, job->default_id, job->out, job->error);
}

int sq_load_context(drey_pool *compute, const char *path, size_t max_bytes, sq_context *out, sq_error *error)
{
    char *text = NULL, id[SQ_ID_BYTES + 1];
    size_t bytes = 0;
    int rc = sq_load_text(path, max_bytes, &text, &bytes, error);
    if (rc < 0)
        return rc;
    parse_job job = {text, bytes, sq_id_from_path(path, id) ? id : NULL, out, error};
    rc = sq_compute(compute, bytes, parse, &job);
    free(text);
    return rc;
}

static int free_context(void *context)
{
    sq_context_free(context);
    return 0;
}

void sq_load_free(drey_pool *compute, sq_context *context)
{
    sq_compute_uncut(compute, context->bytes, free_context, context);
}
