/* SPDX-License-Identifier: MIT */
#include "service/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/text.h"

enum { TEXT_BYTES = 1024, TRIES = 100 };

static int fail_lock(sq_error *error, const char *path, int code)
{
    sq_code kind = code == EACCES || code == EPERM || code == EROFS ? SQ_FORBIDDEN
                   : code == ENOENT || code == ENOTDIR              ? SQ_NOT_FOUND
                   : code == ENOSPC || code == EDQUOT               ? SQ_DISK_FULL
                   : code == EMFILE || code == ENFILE               ? SQ_QUOTA
                                                                    : SQ_STORE_FAILED;
    return sq_fail(error, kind, "the lock %.150s cannot be taken: %s", path, strerror(code));
}

/* Somebody may have put another file into the place of the one that we have locked. */
static bool is_still(const char *path, int fd)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

static int take(int fd)
{
    int rc;
    do {
        rc = flock(fd, LOCK_EX | LOCK_NB);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

int sq_lock_take(const char *path, int *out_fd, sq_error *error)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0)
            return fail_lock(error, path, errno);
        int rc = take(fd);
        if (rc == 0 && is_still(path, fd)) {
            *out_fd = fd;
            return 0;
        }
        close(fd);
        if (rc == -EWOULDBLOCK)
            return -EAGAIN;
        if (rc < 0)
            return fail_lock(error, path, -rc);
    }
    return sq_fail(error, SQ_STORE_FAILED, "the lock %.150s is replaced again and again: something deletes it", path);
}

int sq_lock_write(int fd, const sq_lock_info *info)
{
    sq_text text = {0};
    sq_text_format(&text, "{\"pid\":%lld,\"started\":\"%s\",\"version\":", (long long)info->pid, info->started);
    sq_text_quote(&text, info->version, strlen(info->version));
    sq_text_string(&text, ",\"socket\":");
    sq_text_quote(&text, info->socket, strlen(info->socket));
    sq_text_string(&text, info->changing ? ",\"changing\":true}\n" : "}\n");
    int rc = text.failed ? -ENOMEM : 0;
    errno = 0; /* a write that is short sets none */
    if (rc == 0 && pwrite(fd, text.data, text.bytes, 0) != (ssize_t)text.bytes)
        rc = errno ? -errno : -EIO;
    if (rc == 0 && ftruncate(fd, (off_t)text.bytes) < 0)
        rc = -errno;
    sq_text_free(&text);
    return rc;
}

static bool copy_member(sq_json *object, const char *key, char *out, size_t room)
{
    sq_json *value = sq_json_get(object, key);
    size_t bytes;
    if (!value || sq_json_typeof(value) != SQ_JSON_STRING)
        return false;
    const char *text = sq_json_string(value, &bytes);
    if (bytes >= room)
        return false;
    memcpy(out, text, bytes + 1);
    return true;
}

static int read_info(const char *text, size_t bytes, sq_lock_info *out)
{
    sq_lock_info info = {0};
    sq_json *object, *pid;
    sq_json_error refused;
    int rc = sq_json_parse(text, bytes, 1, &object, &refused);
    if (rc < 0)
        return -ENODATA;
    bool good = sq_json_typeof(object) == SQ_JSON_OBJECT && (pid = sq_json_get(object, "pid")) &&
                sq_json_typeof(pid) == SQ_JSON_INTEGER &&
                copy_member(object, "started", info.started, sizeof info.started) &&
                copy_member(object, "version", info.version, sizeof info.version) &&
                copy_member(object, "socket", info.socket, sizeof info.socket);
    if (good) {
        sq_json *changing = sq_json_get(object, "changing");
        info.changing = changing && sq_json_typeof(changing) == SQ_JSON_BOOLEAN && sq_json_true(changing);
        info.pid = (pid_t)sq_json_integer(sq_json_get(object, "pid"));
        *out = info;
    }
    sq_json_unref(object);
    return good ? 0 : -ENODATA;
}

int sq_lock_read(const char *path, sq_lock_info *out)
{
    char text[TEXT_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    ssize_t bytes = pread(fd, text, sizeof text, 0);
    close(fd);
    return bytes <= 0 ? -ENODATA : read_info(text, (size_t)bytes, out);
}
