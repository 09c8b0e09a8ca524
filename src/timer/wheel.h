/* SPDX-License-Identifier: MIT */
/*
 * A timing wheel: levels of 256 slots with a bitmap of the occupied ones each, after Varghese and Lauck (1987).
 *
 * One tick is 2^16 ns (66 us). A timer goes to the level of the highest byte in which its tick differs from the
 * wheel's; when the wheel reaches a slot of a higher level, that slot's timers are dealt out to the levels below.
 * The wheel never steps tick by tick: it jumps to the next occupied slot by the bitmaps. A timer never fires early:
 * slots are only a coarse order, and what is taken out of a slot too soon is put back.
 *
 * Most timers are the deadlines of what ends long before them. So a timer that is added only joins a list, `fresh`, and
 * is dealt to its slot when the wheel is next looked at: one that is gone by then has never touched the wheel.
 *
 * I1  A timer in a slot is in the one that its tick and `now_tick` name.
 * I2  A bit is set exactly when its slot is not empty.
 * Timers that are due come out in the order of their times, and of insertion where these are equal.
 *
 * A wheel belongs to one worker and is touched by it alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum {
    DREY__WHEEL_LEVELS = 6,
    DREY__WHEEL_SLOTS = 256,
    DREY__WHEEL_TICK_SHIFT = 16,
    DREY__WHEEL_BURST = 4096,
};

struct drey__timer {
    struct drey__link link; /* not in a list: not set */
    int64_t when;           /* ns on the runtime's clock */
    void (*fire)(struct drey__timer *timer);
};

struct drey__wheel {
    int64_t now_tick;
    uint64_t pending;        /* wherever they are */
    struct drey__link fresh; /* in the order of adding, still to be dealt */
    struct drey__link due;   /* taken out of their slot, in order, still to be fired */
    uint64_t bits[DREY__WHEEL_LEVELS][DREY__WHEEL_SLOTS / 64];
    struct drey__link slots[DREY__WHEEL_LEVELS][DREY__WHEEL_SLOTS];
};

void drey__wheel_init(struct drey__wheel *w, int64_t now);
void drey__wheel_clear_slot(struct drey__wheel *w, struct drey__link *head); /* a link that may be an empty slot's */

static inline void drey__wheel_add(struct drey__wheel *w, struct drey__timer *timer)
{
    drey__list_append(&w->fresh, &timer->link);
    w->pending++;
}

/* Nothing if it is not set. */
static inline void drey__wheel_remove(struct drey__wheel *w, struct drey__timer *timer)
{
    struct drey__link *next = timer->link.next, *prev = timer->link.prev;
    if (next == NULL)
        return;
    drey__list_remove(&timer->link);
    w->pending--;
    if (next == prev && next != &w->fresh) /* it was alone: what is left is the list's head */
        drey__wheel_clear_slot(w, next);
}

/* Fire what is due at `now`, up to DREY__WHEEL_BURST timers; a firing function may add and remove some. Returns how
 * many fired: if as many as that, there may be more, which drey__wheel_next tells. */
unsigned drey__wheel_advance(struct drey__wheel *w, int64_t now);

/* No timer fires before this; INT64_MAX if there is none. May be early, by less than the slot's width. */
int64_t drey__wheel_next(struct drey__wheel *w);
