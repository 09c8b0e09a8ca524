/* SPDX-License-Identifier: MIT */
/* What a watched disk is to do, whichever it is. */
#include <pthread.h>
#include <string.h>

#include "watched_record.h"

watched_switches watched_state = {.sync_for_real = true};

static struct {
    pthread_mutex_t lock;
    watched_kind kind;
    watched_fault fault;
    unsigned nth;
    bool on;
    unsigned counts[WATCHED_KINDS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool watched_fails(watched_kind kind)
{
    pthread_mutex_lock(&state.lock);
    unsigned count = ++state.counts[kind];
    bool hit = kind == state.kind && state.nth > 0 && (count == state.nth || (state.on && count > state.nth));
    pthread_mutex_unlock(&state.lock);
    return hit;
}

watched_fault watched_fault_now(void)
{
    return state.fault;
}

void watched_record(bool on)
{
    watched_state.record = on;
}

void watched_sync_for_real(bool on)
{
    watched_state.sync_for_real = on;
}

void watched_ignore_folders(bool on)
{
    watched_state.ignore_folders = on;
}

void watched_ignore_files(bool on)
{
    watched_state.ignore_files = on;
}

void watched_fail(watched_kind kind, watched_fault fault, unsigned nth, bool on)
{
    pthread_mutex_lock(&state.lock);
    state.kind = kind;
    state.fault = fault;
    state.nth = nth;
    state.on = on;
    memset(state.counts, 0, sizeof state.counts);
    pthread_mutex_unlock(&state.lock);
}

unsigned watched_count(watched_kind kind)
{
    pthread_mutex_lock(&state.lock);
    unsigned count = state.counts[kind];
    pthread_mutex_unlock(&state.lock);
    return count;
}

void watched_mark(uint32_t what, uint32_t value)
{
    if (watched_state.record)
        watched_add((watched_operation){.what = WATCHED_OP_MARK, .at = what, .bytes = value});
}
