/* SPDX-License-Identifier: MIT */
/*
 * What not to do: a lock held across a suspension point. The lock rule reports it with both places, whether or not the
 * call would really wait; DREY_LOCK_RULE says what then happens: warn goes on, abort stops, off is silent.
 *
 * Prints:
 *     updated
 */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>

/* Bad: everyone who needs the lock waits for the disk. */
DREY_ASYNC int update_value_unsafe(state *s, const char *key, const char *value);
DREY_ASYNC int update_value_unsafe(state *s, const char *key, const char *value)
{
    DREY_WRITING(&s->lock);
    int rc = state_set(s, key, value);
    return rc < 0 ? rc : state_persist(s);            /* suspends with the lock held */
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    state s = {0};
    int rc = update_value_unsafe(&s, "phase", "plan");
    if (rc == 0)
        puts("updated");
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
