/* SPDX-License-Identifier: MIT */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

sq_disk_hooks sq_disk_hook;

bool sq_disk_low(const char *folder)
{
    struct statvfs stat;
    if (statvfs(folder, &stat) < 0)
        return false;
    unsigned long long bytes =
        sq_disk_hook.free_bytes ? sq_disk_hook.free_bytes : (unsigned long long)stat.f_bavail * stat.f_frsize;
    return bytes < (unsigned long long)SQ_DISK_RESERVE_MB << 20;
}

int sq_disk_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

void sq_disk_folder(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t bytes = slash ? (size_t)(slash - path) : 0;
    if (slash == path && slash)
        bytes = 1;
    memcpy(out, bytes ? path : ".", bytes ? bytes : 1);
    out[bytes ? bytes : 1] = '\0';
}
