/* SPDX-License-Identifier: MIT */
#include "service/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context/error_json.h"

enum { LOG_BYTES = 1 << 20 };

static bool is_lock(const sq_site *site, int fd)
{
    struct stat given, named;
    return fstat(fd, &given) == 0 && stat(site->lock, &named) == 0 && given.st_dev == named.st_dev &&
           given.st_ino == named.st_ino && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool is_pipe(int fd)
{
    struct stat given;
    return fstat(fd, &given) == 0 && S_ISFIFO(given.st_mode);
}

/* The log of owners before this one is kept up to a size. */
static void bound_log(void)
{
    struct stat log;
    if (fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode) && log.st_size > LOG_BYTES)
        (void)!ftruncate(STDERR_FILENO, 0);
}

int sq_owned_adopt(const sq_site *site, int *out_lock, int *out_ready)
{
    if (!is_lock(site, SQ_OWNED_LOCK))
        return 0;
    fcntl(SQ_OWNED_LOCK, F_SETFD, FD_CLOEXEC);
    *out_lock = SQ_OWNED_LOCK;
    bound_log();
    if (!is_pipe(SQ_OWNED_READY))
        return 0;
    fcntl(SQ_OWNED_READY, F_SETFD, FD_CLOEXEC);
    *out_ready = SQ_OWNED_READY;
    pid_t pid = fork();
    if (pid > 0)
        _exit(0);
    return pid < 0 ? -errno : 0;
}

void sq_owned_hand_over(const char *program, const sq_site *site, int64_t idle_ms, int lock)
{
    char idle[32];
    snprintf(idle, sizeof idle, "%lldms", (long long)idle_ms);
    const char *argv[] = {"squirrel", "serve", "--owned", "--store", site->url, idle_ms > 0 ? "--idle" : NULL,
                          idle,       NULL};
    if (lock != SQ_OWNED_LOCK && dup2(lock, SQ_OWNED_LOCK) < 0)
        return;
    fcntl(SQ_OWNED_LOCK, F_SETFD, 0);
    execv(program, (char *const *)(uintptr_t)argv);
    perror(program);
}

void sq_owned_report(int fd, const char *socket, const sq_error *error)
{
    sq_text line = {0};
    if (error) {
        sq_text_string(&line, "{\"error\":");
        sq_error_write(&line, error);
    } else {
        sq_text_string(&line, "{\"socket\":");
        sq_text_quote(&line, socket, strlen(socket));
    }
    sq_text_string(&line, "}\n");
    /* Less than a pipe holds; a starter that has gone away needs no answer. */
    ssize_t ignored = line.failed ? 0 : write(fd, line.data, line.bytes);
    (void)ignored;
    close(fd);
    sq_text_free(&line);
}

static int fail_silent(const sq_site *site, sq_error *error)
{
    sq_fail(error, SQ_STORE_FAILED, "the owner of the store ended before it served: see %.150s", site->log);
    return -ENODATA;
}

int sq_owned_read(const char *line, size_t bytes, const sq_site *site, char out_socket[SQ_SOCKET_BYTES + 1],
                  sq_error *error)
{
    sq_json *object;
    sq_json_error refused;
    if (sq_json_parse(line, bytes, 2, &object, &refused) < 0)
        return fail_silent(site, error);
    int rc = -EINVAL;
    sq_json *socket = sq_json_typeof(object) == SQ_JSON_OBJECT ? sq_json_get(object, "socket") : NULL;
    size_t length = 0;
    const char *path = socket && sq_json_typeof(socket) == SQ_JSON_STRING ? sq_json_string(socket, &length) : NULL;
    if (path && length <= SQ_SOCKET_BYTES) {
        memcpy(out_socket, path, length + 1);
        rc = 0;
    } else if (sq_json_typeof(object) != SQ_JSON_OBJECT || !sq_error_read(sq_json_get(object, "error"), error)) {
        rc = fail_silent(site, error);
    }
    sq_json_unref(object);
    return rc;
}
