/* SPDX-License-Identifier: MIT */
#include "process/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sq_walk_open(sq_walk *walk, char *const *paths, size_t path_count)
{
    *walk = (sq_walk){.paths = paths, .path_count = path_count};
}

static void leave(sq_walk *walk)
{
    sq_walk_level *level = &walk->levels[--walk->depth];
    free(level->path);
    free(level->entries);
}

void sq_walk_close(sq_walk *walk)
{
    while (walk->depth > 0)
        leave(walk);
}

/* Consumes path. 0: entered. 1: it is an input of its own, a directory that failed. */
static DREY_ASYNC int enter(sq_walk *walk, char *path, char **out_path, int *out_failure)
{
    sq_walk_level level = {.path = path};
    int rc = -ELOOP;
    if (walk->depth < SQ_WALK_DEPTH)
        rc = drey_dir_list(path, SQ_WALK_ENTRIES, &level.entries, &level.count);
    if (rc == 0) {
        walk->levels[walk->depth++] = level;
        return 0;
    }
    if (rc == -ECANCELED || rc == -ENOMEM) {
        free(path);
        return rc;
    }
    *out_path = path;
    *out_failure = rc;
    return 1;
}

static char *join(const char *directory, const char *name)
{
    size_t bytes = strlen(directory);
    const char *slash = bytes > 0 && directory[bytes - 1] == '/' ? "" : "/";
    char *path;
    return asprintf(&path, "%s%s%s", directory, slash, name) < 0 ? NULL : path;
}

static bool named_json(const char *name)
{
    size_t bytes = strlen(name);
    return bytes > 5 && strcmp(name + bytes - 5, ".json") == 0;
}

/* A link counts as the file that it leads to; it stays a link if that is none, so that no walk goes in circles, and if
 * it leads nowhere, which is told. */
static DREY_ASYNC unsigned char entry_type(const drey_dir_entry *entry, const char *path)
{
    struct stat stat;
    unsigned char type = entry->type;
    if (type == DT_UNKNOWN && drey_file_lstat(path, &stat) == 0)
        type = IFTODT(stat.st_mode);
    if (type != DT_LNK || !named_json(entry->name) || drey_file_stat(path, &stat) < 0)
        return type;
    return S_ISREG(stat.st_mode) ? DT_REG : DT_FIFO;
}

static DREY_ASYNC int next_entry(sq_walk *walk, char **out_path, int *out_failure)
{
    sq_walk_level *level = &walk->levels[walk->depth - 1];
    if (level->next == level->count) {
        leave(walk);
        return 0;
    }
    const drey_dir_entry *entry = &level->entries[level->next++];
    if (entry->name[0] == '.')
        return 0;
    char *path = join(level->path, entry->name);
    if (!path)
        return -ENOMEM;
    unsigned char type = entry_type(entry, path);
    if (type == DT_DIR)
        return enter(walk, path, out_path, out_failure);
    if ((type == DT_REG || type == DT_LNK || type == DT_UNKNOWN) && named_json(entry->name)) {
        *out_path = path;
        *out_failure = 0;
        return 1;
    }
    free(path);
    return 0;
}

static DREY_ASYNC int next_given(sq_walk *walk, char **out_path, int *out_failure)
{
    char *path = strdup(walk->paths[walk->next]);
    struct stat stat;
    if (!path)
        return -ENOMEM;
    int rc = drey_file_stat(path, &stat);
    if (rc == -ECANCELED) {
        free(path);
        return rc;
    }
    walk->next++;
    if (rc == 0 && S_ISDIR(stat.st_mode))
        return enter(walk, path, out_path, out_failure); /* NOLINT(clang-analyzer-unix.Malloc): a level keeps it */
    *out_path = path;
    *out_failure = 0;
    return 1;
}

int sq_walk_next(sq_walk *walk, char **out_path, int *out_failure)
{
    int rc = 0;
    while (rc == 0) {
        if (walk->depth > 0)
            rc = next_entry(walk, out_path, out_failure);
        else if (walk->next < walk->path_count)
            rc = next_given(walk, out_path, out_failure);
        else
            break;
    }
    return rc;
}
