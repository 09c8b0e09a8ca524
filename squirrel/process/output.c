/* SPDX-License-Identifier: MIT */
#include "process/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/load.h"

void sq_output_use(sq_output *output, int fd)
{
    struct stat stat;
    *output = (sq_output){.fd = fd};
    if (fstat(fd, &stat) == 0)
        output->pollable = S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode) || isatty(fd);
}

/* The place of the temporary: in the directory of what `path` leads to, so that a link stays a link. */
static int choose_paths(sq_output *output, const char *path)
{
    char *target = realpath(path, NULL);
    output->path = target ? target : strdup(path);
    if (!output->path)
        return -ENOMEM;
    const char *slash = strrchr(output->path, '/');
    const char *name = slash ? slash + 1 : output->path;
    int folder = (int)(name - output->path);
    if (asprintf(&output->temporary, "%.*s.%s.%d.part", folder, output->path, name, (int)getpid()) < 0) {
        output->temporary = NULL;
        return -ENOMEM;
    }
    return 0;
}

static DREY_ASYNC int open_for(sq_output *output, const char *path)
{
    struct stat stat;
    int rc = drey_file_stat(path, &stat);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (rc == 0 && S_ISDIR(stat.st_mode))
        return -EISDIR;
    if (rc == 0 && !S_ISREG(stat.st_mode)) {
        int fd = drey_file_open(path, O_WRONLY | O_NOCTTY, 0);
        if (fd >= 0)
            sq_output_use(output, fd);
        return fd;
    }
    mode_t mode = rc == 0 ? stat.st_mode & 0777 : 0666;
    rc = choose_paths(output, path);
    return rc < 0 ? rc : drey_file_open(output->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
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
