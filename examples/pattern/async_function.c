/* SPDX-License-Identifier: MIT */
/*
 * An async function: it reads like blocking code, and while it waits its worker runs other tasks.
 * context_load itself is in context.c.
 *
 * Prints:
 *     charter: 7 members
 *     no such context: No such file or directory
 */
#include "context.h"

#include <stdio.h>
#include <string.h>

typedef struct program {
    const char *path;
} program;

static DREY_ASYNC int show(const char *path)
{
    context c;
    int rc = context_load(path, &c);
    if (rc < 0)
        return rc;
    printf("%s: %zu members\n", c.id, json_object_size(c.data));
    context_deinit(&c);
    return 0;
}

static DREY_ASYNC int run(void *arg)
{
    program *p = arg;
    int rc = show(p->path);
    if (rc < 0)
        return rc;
    rc = show("no/such/context.json");
    printf("no such context: %s\n", strerror(-rc));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONTEXT.json\n", argv[0]);
        return 2;
    }
    int rc = drey_run(NULL, run, &(program){argv[1]});
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
