/* SPDX-License-Identifier: MIT */
/* What there is in the folders: names and what stat(2) says, many at a time, on a thread. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/dir/keeper.h"

enum { NS_PER_S = 1000000000 };

static int grow(void **items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return 0;
    size_t more = *room ? 2 * *room : 16;
    void *moved = realloc(*items, more * size);
    if (!moved)
        return -ENOMEM;
    *items = moved;
    *room = more;
    return 0;
}

/* A sheet's name without ".json", if it is an id. */
static bool id_of(const char *name, char out[SQ_ID_BYTES + 1])
{
    size_t bytes = strlen(name);
    if (bytes <= 5 || bytes > SQ_ID_BYTES + 5 || strcmp(name + bytes - 5, ".json") != 0)
        return false;
    memcpy(out, name, bytes - 5);
    out[bytes - 5] = '\0';
    return sq_id_valid(out, bytes - 5);
}

static int see(sq_seen_folder *folder, int fd, const char *name)
{
    struct stat stat_;
    char id[SQ_ID_BYTES + 1];
    if (strstr(name, ".json.conflict-"))
        folder->conflicts += !id_of(name, id);
    if (!id_of(name, id) || fstatat(fd, name, &stat_, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (grow((void **)&folder->items, &folder->room, folder->count, sizeof *folder->items) < 0)
        return -ENOMEM;
    sq_seen *seen = &folder->items[folder->count++];
    *seen = (sq_seen){
        .regular = S_ISREG(stat_.st_mode),
        .sheet = {.there = true,
                  .inode = (int64_t)stat_.st_ino,
                  .bytes = stat_.st_size,
                  .changed = stat_.st_mtim.tv_sec * NS_PER_S + stat_.st_mtim.tv_nsec},
    };
    memcpy(seen->id, id, sizeof id);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const sq_seen *)a)->id, ((const sq_seen *)b)->id);
}

int sq_folder_see(void *arg)
{
    sq_seen_folder *folder = arg;
    DIR *dir = opendir(folder->path);
    if (!dir)
        return -errno;
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && (errno = 0, entry = readdir(dir));)
        rc = see(folder, dirfd(dir), entry->d_name);
    if (rc == 0)
        rc = -errno;
    closedir(dir);
    if (rc == 0 && folder->count > 0)
        qsort(folder->items, folder->count, sizeof *folder->items, compare);
    return rc;
}

int sq_projects_see(void *arg)
{
    sq_seen_projects *projects = arg;
    DIR *dir = opendir(projects->path);
    if (!dir)
        return -errno;
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && (errno = 0, entry = readdir(dir));) {
        struct stat stat_;
        size_t bytes = strlen(entry->d_name);
        if (!sq_id_valid(entry->d_name, bytes) || fstatat(dirfd(dir), entry->d_name, &stat_, 0) < 0 ||
            !S_ISDIR(stat_.st_mode))
            continue;
        rc = grow((void **)&projects->items, &projects->room, projects->count, sizeof *projects->items);
        if (rc == 0)
            memcpy(projects->items[projects->count++], entry->d_name, bytes + 1);
    }
    if (rc == 0)
        rc = -errno;
    closedir(dir);
    return rc;
}
