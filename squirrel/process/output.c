/* SPDX-License-Identifier: MIT */
#include "process/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "process/load.h"

enum { LINKS_MAX = 40, TRIES_MAX = 16, READER_TRIES = 50 };

void sq_output_use(sq_output *output, int fd)
{
    struct stat stat;
    *output = (sq_output){.fd = fd};
    if (fstat(fd, &stat) == 0)
        output->pollable = S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode) || isatty(fd);
}

/* What a link that leads nowhere would lead to; consumes `path`. NULL: no memory, or not to be told. */
static char *follow(char *path)
{
    char target[PATH_MAX];
    for (int i = 0; path && i < LINKS_MAX; i++) {
        ssize_t bytes = readlink(path, target, sizeof target - 1);
        if (bytes < 0)
            return path;
        target[bytes] = '\0';
        const char *slash = strrchr(path, '/');
        int folder = slash && target[0] != '/' ? (int)(slash + 1 - path) : 0;
        char *next;
        if (asprintf(&next, "%.*s%s", folder, path, target) < 0)
            next = NULL;
        free(path);
        path = next;
    }
    free(path);
    return NULL;
}

/* The file to replace is what `path` leads to, so that a link stays a link. */
static int choose_path(sq_output *output, const char *path)
{
    output->path = realpath(path, NULL);
    if (!output->path && errno == ENOENT)
        output->path = follow(strdup(path));
    return output->path ? 0 : errno == ENOMEM ? -ENOMEM : -ELOOP;
}

/* Beside its place and with a name that nobody can guess, so that nobody can put a file or link there before. */
static DREY_ASYNC int open_temporary(sq_output *output, mode_t mode)
{
    const char *slash = strrchr(output->path, '/');
    int folder = slash ? (int)(slash + 1 - output->path) : 0, rc = -EEXIST;
    for (int i = 0; i < TRIES_MAX && rc == -EEXIST; i++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return -EIO;
        free(output->temporary);
        if (asprintf(&output->temporary, "%.*s.%016" PRIx64 ".part", folder, output->path, number) < 0) {
            output->temporary = NULL;
            return -ENOMEM;
        }
        rc = drey_file_open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    }
    return rc;
}

/* A file that is replaced keeps its owner, where that is allowed, and its mode. */
static DREY_ASYNC int open_replacement(sq_output *output, const struct stat *old)
{
    int fd = open_temporary(output, 0600);
    if (fd < 0)
        return fd;
    bool kept = fchown(fd, old->st_uid, old->st_gid) == 0;
    int ignored = fchmod(fd, old->st_mode & (kept ? 07777 : 0777));
    (void)ignored; /* a file system without modes */
    return fd;
}

/* A pipe without a reader gets a second to find one: who starts both at once may be a little early. */
static DREY_ASYNC int open_direct(sq_output *output, const char *path)
{
    int fd = -ENXIO;
    for (int i = 0; i < READER_TRIES && fd == -ENXIO; i++) {
        int rc = i > 0 ? drey_sleep(DREY_MS(20)) : 0;
        fd = rc < 0 ? rc : drey_file_open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK, 0);
    }
    if (fd < 0)
        return fd;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    sq_output_use(output, fd);
    return fd;
}

static DREY_ASYNC int open_for(sq_output *output, const char *path)
{
    struct stat stat;
    int rc = drey_file_stat(path, &stat);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    bool exists = rc == 0;
    if (exists && S_ISDIR(stat.st_mode))
        return -EISDIR;
    if (exists && !S_ISREG(stat.st_mode))
        return open_direct(output, path);
    rc = choose_path(output, path);
    if (rc < 0)
        return rc;
    return exists ? open_replacement(output, &stat) : open_temporary(output, 0666);
}

static void forget(sq_output *output)
{
    free(output->path);
    free(output->temporary);
    *output = (sq_output){.fd = -1};
}

int sq_output_open(sq_output *output, const char *path, sq_error *error)
{
    *output = (sq_output){.fd = -1};
    int rc = open_for(output, path);
    if (rc < 0) {
        forget(output);
        if (rc == -EISDIR)
            return sq_fail(error, SQ_USAGE, "--out %.150s is a directory: name a file", path);
        if (rc == -ENXIO)
            return sq_fail(error, SQ_NOT_FOUND, "--out %.150s: nobody reads this pipe; start its reader first", path);
        return sq_fail_errno(error, rc, "opening the file of --out");
    }
    output->fd = rc;
    return 0;
}

static DREY_ASYNC ssize_t write_some(sq_output *output, const char *data, size_t bytes)
{
    if (output->temporary) {
        ssize_t done = drey_file_pwrite(output->fd, data, bytes, output->at);
        output->at += done > 0 ? done : 0;
        return done;
    }
    if (!output->pollable)
        return drey_file_write(output->fd, data, bytes);
    drey_case room = drey_on_fd(output->fd, POLLOUT);
    int rc = drey_select(&room, 1);
    if (rc < 0)
        return rc;
    /* As much as a ready pipe takes without blocking. */
    ssize_t done = write(output->fd, data, bytes < PIPE_BUF ? bytes : PIPE_BUF);
    return done >= 0 ? done : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int sq_output_write(sq_output *output, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write_some(output, data, bytes);
        if (done < 0)
            return (int)done;
        data += done;
        bytes -= (size_t)done;
    }
    return 0;
}

static DREY_ASYNC int sync_directory(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    char *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    int fd = drey_file_open(slash ? copy : ".", O_RDONLY | O_DIRECTORY, 0);
    free(copy);
    if (fd < 0)
        return fd;
    int rc = drey_file_sync(fd), closed = drey_file_close(fd);
    return rc < 0 ? rc : closed;
}

int sq_output_commit(sq_output *output)
{
    int rc = output->path ? drey_file_sync(output->fd) : 0;
    int closed = drey_file_close(output->fd);
    output->fd = -1;
    if (rc == 0)
        rc = closed;
    if (rc == 0 && output->path)
        rc = drey_file_rename(output->temporary, output->path);
    if (rc < 0) {
        sq_output_discard(output);
        return rc;
    }
    rc = output->path ? sync_directory(output->path) : 0;
    forget(output);
    return rc;
}

void sq_output_discard(sq_output *output)
{
    int ignored = output->fd >= 0 ? drey_file_close(output->fd) : 0;
    if (output->temporary)
        ignored = drey_file_unlink(output->temporary);
    (void)ignored;
    forget(output);
}
