/* SPDX-License-Identifier: MIT */
/*
 * The smallest program: drey_run runs a function as the first task.
 *
 * Prints:
 *     hello
 *     and good bye
 */
#include <drey.h>

#include <stdio.h>
#include <stdlib.h>

static DREY_ASYNC int hello(void *arg)
{
    puts(arg);
    int rc = drey_sleep(DREY_MS(10));                 /* only this task waits */
    if (rc < 0)
        return rc;
    puts("and good bye");
    return 0;
}

int main(void)
{
    return drey_run(NULL, hello, "hello") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
