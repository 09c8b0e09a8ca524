/* SPDX-License-Identifier: MIT */
/*
 * Async-safe state: a lock is held for a short section, and never across a suspension point.
 *
 * Prints:
 *     phase: build
 *     owner: (none)
 */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>

/* Good: the lock is held only while the value is copied. */
static DREY_ASYNC bool get_value(state *s, const char *key, char out[STATE_TEXT_MAX + 1])
{
    DREY_READING(&s->lock);
    const char *value = state_find(s, key);
    if (value == NULL)
        return false;
    snprintf(out, STATE_TEXT_MAX + 1, "%s", value);
    return true;
}

/* Good: the lock is released before anything suspends. */
static DREY_ASYNC int update_value(state *s, const char *key, const char *value)
{
    int rc;
    {
        DREY_WRITING(&s->lock);                       /* held to the end of this block */
        rc = state_set(s, key, value);
    }
    return rc < 0 ? rc : state_persist(s);            /* suspends: no lock is held here */
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    state s = {0};
    char value[STATE_TEXT_MAX + 1];
    int rc = update_value(&s, "phase", "plan");
    if (rc == 0)
        rc = update_value(&s, "phase", "build");
    if (rc == 0) {
        printf("phase: %s\n", get_value(&s, "phase", value) ? value : "(none)");
        printf("owner: %s\n", get_value(&s, "owner", value) ? value : "(none)");
    }
    drey_rwlock_deinit(&s.lock);
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
