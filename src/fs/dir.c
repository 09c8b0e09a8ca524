/* SPDX-License-Identifier: MIT */
/* Listing a directory, by a thread of the pool: readdir has no form that does not wait. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fs/op.h"
#include "offload/offload.h"

struct listing {
    const char *path;
    size_t max;
    char *names;       /* for each entry its type, then its name with its NUL */
    size_t used, room; /* bytes */
    size_t count;
    drey_dir_entry *entries; /* the result */
};

static int add(struct listing *l, const struct dirent *d)
{
    size_t bytes = strlen(d->d_name) + 2;
    if (l->count == l->max)
        return -E2BIG;
    if (l->room - l->used < bytes) {
        size_t room = l->room * 2 + 4096;
        char *more = drey__realloc(l->names, room);
        if (more == NULL)
            return -ENOMEM;
        l->names = more;
        l->room = room;
    }
    l->names[l->used] = (char)d->d_type;
    memcpy(l->names + l->used + 1, d->d_name, bytes - 1);
    l->used += bytes;
    l->count++;
    return 0;
}

static int read_names(struct listing *l, DIR *dir)
{
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL)
            return -errno;
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = add(l, d);
    }
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const drey_dir_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The entries and behind them the names, in one allocation. */
static int assemble(struct listing *l)
{
    drey_dir_entry *entries = drey__alloc(l->count * sizeof *entries + l->used + 1); /* + 1: never of size 0 */
    if (entries == NULL)
        return -ENOMEM;
    char *name = (char *)&entries[l->count];
    if (l->used > 0)
        memcpy(name, l->names, l->used);
    for (size_t i = 0; i < l->count; i++) {
        entries[i] = (drey_dir_entry){.name = name + 1, .type = (unsigned char)name[0]};
        name += strlen(name + 1) + 2;
    }
    qsort(entries, l->count, sizeof *entries, by_name);
    l->entries = entries;
    return 0;
}

static int list_blocking(void *arg)
{
    struct listing *l = arg;
    DIR *dir = opendir(l->path);
    if (dir == NULL)
        return -errno;
    int rc = read_names(l, dir);
    closedir(dir);
    if (rc == 0)
        rc = assemble(l);
    drey__free(l->names);
    return rc;
}

int drey_dir_list(const char *path, size_t max_entries, drey_dir_entry **out_entries, size_t *out_count)
{
    struct drey_task *self;
    struct listing listing = {.path = path, .max = max_entries};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc == 0)
        rc = drey__offload_run(self, list_blocking, &listing, false);
    if (rc == 0) {
        *out_entries = listing.entries;
        *out_count = listing.count;
    }
    return rc;
}
