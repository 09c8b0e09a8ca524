/* SPDX-License-Identifier: MIT */
/*
 * Two-phase locking: decide under a read lock, change under a write lock, and look again in between, since others may
 * have been faster.
 *
 * Prints:
 *     8 tasks asked, 1 update
 */
#include <drey.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct index_state {
    drey_rwlock lock;
    bool stale;                  /* under lock, as the following */
    unsigned updates;
} index_state;

static DREY_ASYNC int process_data(void *arg)
{
    index_state *s = arg;
    bool should_update;
    {
        DREY_READING(&s->lock);                       /* phase 1: many readers at once */
        should_update = s->stale;
    }
    if (!should_update)
        return 0;
    DREY_WRITING(&s->lock);                           /* phase 2: alone */
    if (s->stale) {                                   /* still? another task may have come first */
        s->updates++;
        s->stale = false;
    }
    return 0;
}

static DREY_ASYNC int run(void *arg)
{
    index_state *s = arg;
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < 8 && rc == 0; i++)
        rc = drey_go(&scope, process_data, s);
    rc = drey_scope_close(&scope, rc);
    if (rc == 0)
        printf("8 tasks asked, %u update\n", s->updates);
    drey_rwlock_deinit(&s->lock);
    return rc;
}

int main(void)
{
    index_state s = {.stale = true};
    return drey_run(NULL, run, &s) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
