/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testkit/testkit.h"

void drey__open_fds_take(struct drey__open_fds *out)
{
    *out = (struct drey__open_fds){{0}};
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < DREY__FDS_MAX)
            out->open[fd / 8] |= (uint8_t)(1u << fd % 8);
    }
    closedir(dir);
}

static void say(const char *what, int fd, bool now_open)
{
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = now_open ? readlink(link, target, sizeof target - 1) : 0;
    target[n > 0 ? n : 0] = '\0';
    if (now_open)
        fprintf(stderr, "%s left descriptor %d open: %s\n", what, fd, target);
    else
        fprintf(stderr, "%s closed descriptor %d, which it had not opened\n", what, fd);
}

bool drey__open_fds_same(const struct drey__open_fds *before, const char *what)
{
    struct drey__open_fds now;
    drey__open_fds_take(&now);
    if (memcmp(before, &now, sizeof now) == 0)
        return true;
    for (int fd = 0; fd < DREY__FDS_MAX; fd++)
        if (((before->open[fd / 8] ^ now.open[fd / 8]) >> fd % 8 & 1) != 0)
            say(what, fd, (now.open[fd / 8] >> fd % 8 & 1) != 0);
    return false;
}
