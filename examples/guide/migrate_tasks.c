/* SPDX-License-Identifier: MIT */
/*
 * After the migration of migrate_threads.c: the same, with a limit, a timeout, and an end of all at the first failure.
 *
 * Prints:
 *     5 contexts, 25 bytes
 */
#include <drey.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXTS = 5 };

typedef struct totals {
    drey_mutex lock;
    size_t count, bytes;                              /* under lock */
} totals;

static totals all;
static char ids[CONTEXTS][6] = {"alpha", "bravo", "delta", "gamma", "omega"};

static DREY_ASYNC int process(void *arg)
{
    const char *id = arg;
    int rc = drey_sleep(DREY_MS(1));                  /* stands for reading a file */
    if (rc < 0)
        return rc;
    DREY_LOCKED(&all.lock);
    all.count++;
    all.bytes += strlen(id);
    return 0;
}

static DREY_ASYNC int process_all(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope, .limit = 4, .timeout = DREY_SEC(10));
    int rc = 0;
    for (int i = 0; i < CONTEXTS && rc == 0; i++)
        rc = drey_go_copy(&scope, process, &ids[i], sizeof ids[i]);   /* the task has its own copy */
    return drey_scope_close(&scope, rc);
}

int main(void)
{
    int rc = drey_run(NULL, process_all, NULL);
    printf("%zu contexts, %zu bytes\n", all.count, all.bytes);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
