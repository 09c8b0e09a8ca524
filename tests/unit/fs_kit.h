/* SPDX-License-Identifier: MIT */
/* Files in the test's own directory. */
#pragma once
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The path of a name in the test's directory; four at a time. */
static inline const char *path_of(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", drey_test_dir(), name);
    return path;
}

static inline int make_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    if (file == NULL)
        return -errno;
    fputs(text, file);
    return fclose(file);
}

static DREY_ASYNC inline size_t count_names(void)
{
    drey_dir_entry *entries;
    size_t count;
    if (drey_dir_list(drey_test_dir(), 100, &entries, &count) < 0)
        return 1000;
    free(entries);
    return count;
}
