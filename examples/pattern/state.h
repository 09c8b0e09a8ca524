/* SPDX-License-Identifier: MIT */
/* A small table of texts under a rwlock, made durable after each change. For safe_state.c and bad_locking.c. */
#pragma once

#include <drey.h>

enum { STATE_VALUES = 16, STATE_TEXT_MAX = 31 };

typedef struct state {
    drey_rwlock lock;
    size_t count;                                     /* under lock, as the following */
    char keys[STATE_VALUES][STATE_TEXT_MAX + 1];
    char values[STATE_VALUES][STATE_TEXT_MAX + 1];
} state;

/* Both with the lock held, for reading and for writing. set: 0, -E2BIG or -ENOSPC. */
const char *state_find(const state *s, const char *key);
int state_set(state *s, const char *key, const char *value);

/* Make the present state durable. */
DREY_ASYNC int state_persist(state *s);
