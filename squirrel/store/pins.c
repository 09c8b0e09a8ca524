/* SPDX-License-Identifier: MIT */
#include "store/pins.h"

#include <stddef.h>

void sq_pins_init(sq_pins *pins)
{
    pins->count = 0;
    pins->starts = NULL;
    pthread_mutex_init(&pins->lock, NULL);
}

void sq_pins_deinit(sq_pins *pins)
{
    pthread_mutex_destroy(&pins->lock);
}

static void drop_old(sq_pins *pins, sq_time now)
{
    for (unsigned i = 0; i < pins->count;) {
        if (pins->items[i].until <= now)
            pins->items[i] = pins->items[--pins->count];
        else
            i++;
    }
}

/* The place for a pin: its own, a free one, or that of the one that would end first. */
static unsigned find_place(const sq_pins *pins, int64_t project, int64_t seq)
{
    unsigned first = 0;
    for (unsigned i = 0; i < pins->count; i++) {
        if (pins->items[i].project == project && pins->items[i].seq == seq)
            return i;
        if (pins->items[i].until < pins->items[first].until)
            first = i;
    }
    return pins->count < SQ_PINS_MAX ? pins->count : first;
}

void sq_pin(sq_pins *pins, int64_t project, int64_t seq, sq_time now)
{
    pthread_mutex_lock(&pins->lock);
    drop_old(pins, now);
    unsigned i = find_place(pins, project, seq);
    if (i == pins->count)
        pins->count++;
    pins->items[i].project = project;
    pins->items[i].seq = seq;
    pins->items[i].until = now + SQ_PIN_MS;
    pthread_mutex_unlock(&pins->lock);
}

void sq_pin_begin(sq_pins *pins, sq_pin_start *start, int64_t project, int64_t seq)
{
    pthread_mutex_lock(&pins->lock);
    *start = (sq_pin_start){project, seq, pins->starts};
    pins->starts = start;
    pthread_mutex_unlock(&pins->lock);
}

void sq_pin_end(sq_pins *pins, sq_pin_start *start)
{
    pthread_mutex_lock(&pins->lock);
    sq_pin_start **at = &pins->starts;
    while (*at != start)
        at = &(*at)->next;
    *at = start->next;
    pthread_mutex_unlock(&pins->lock);
}

bool sq_pinned(sq_pins *pins, int64_t project, int64_t from, int64_t before, sq_time now)
{
    bool found = false;
    pthread_mutex_lock(&pins->lock);
    drop_old(pins, now);
    for (const sq_pin_start *start = pins->starts; start && !found; start = start->next)
        found = start->project == project && start->seq < before;
    for (unsigned i = 0; i < pins->count && !found; i++)
        found = pins->items[i].project == project && pins->items[i].seq >= from && pins->items[i].seq < before;
    pthread_mutex_unlock(&pins->lock);
    return found;
}
