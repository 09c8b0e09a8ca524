/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *state_find(const state *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->keys[i], key) == 0)
            return s->values[i];
    return NULL;
}

int state_set(state *s, const char *key, const char *value)
{
    size_t i = 0;
    if (strlen(key) > STATE_TEXT_MAX || strlen(value) > STATE_TEXT_MAX)
        return -E2BIG;
    while (i < s->count && strcmp(s->keys[i], key) != 0)
        i++;
    if (i == STATE_VALUES)
        return -ENOSPC;
    if (i == s->count)
        snprintf(s->keys[s->count++], sizeof s->keys[0], "%s", key);
    snprintf(s->values[i], sizeof s->values[0], "%s", value);
    return 0;
}

/* Stands for writing a file. */
DREY_ASYNC int state_persist(state *s)
{
    (void)s;
    return drey_sleep(DREY_MS(1));
}
