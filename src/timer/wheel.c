/* SPDX-License-Identifier: MIT */
#include "timer/wheel.h"

#include <string.h>

#include "base/base.h"

static int64_t tick_of(int64_t when)
{
    return when >> DREY__WHEEL_TICK_SHIFT;
}

static struct drey__timer *first_timer(struct drey__link *list)
{
    return drey__container(list->next, struct drey__timer, link);
}

/* The level of the highest byte in which the ticks differ; far times share the last level and are dealt again. */
static unsigned level_of(int64_t now_tick, int64_t tick)
{
    uint64_t differ = (uint64_t)(now_tick ^ tick);
    if (differ < DREY__WHEEL_SLOTS)
        return 0;
    unsigned level = (63u - (unsigned)__builtin_clzll(differ)) / 8;
    return level < DREY__WHEEL_LEVELS ? level : DREY__WHEEL_LEVELS - 1;
}

void drey__wheel_init(struct drey__wheel *w, int64_t now)
{
    memset(w->bits, 0, sizeof w->bits);
    w->now_tick = tick_of(now);
    w->pending = 0;
    drey__list_init(&w->fresh);
    drey__list_init(&w->due);
    for (unsigned l = 0; l < DREY__WHEEL_LEVELS; l++)
        for (unsigned s = 0; s < DREY__WHEEL_SLOTS; s++)
            drey__list_init(&w->slots[l][s]);
}

/* Into the slot that is its own. */
static void deal(struct drey__wheel *w, struct drey__timer *timer)
{
    int64_t tick = tick_of(timer->when);
    if (tick < w->now_tick)
        tick = w->now_tick; /* overdue: the current slot */
    int64_t horizon = w->now_tick | (((int64_t)1 << (8 * DREY__WHEEL_LEVELS)) - 1);
    if (tick > horizon)
        tick = horizon; /* beyond the last level: looked at again when the wheel gets there */
    unsigned level = level_of(w->now_tick, tick);
    unsigned slot = (unsigned)(tick >> (8 * level)) % DREY__WHEEL_SLOTS;
    drey__list_append(&w->slots[level][slot], &timer->link);
    w->bits[level][slot / 64] |= (uint64_t)1 << (slot % 64);
}

static void deal_fresh(struct drey__wheel *w)
{
    while (!drey__list_empty(&w->fresh)) {
        struct drey__timer *t = first_timer(&w->fresh);
        drey__list_remove(&t->link);
        deal(w, t);
    }
}

/* A timer on its way to fire is on no slot's list. */
void drey__wheel_clear_slot(struct drey__wheel *w, struct drey__link *head)
{
    struct drey__link *first = &w->slots[0][0], *last = &w->slots[DREY__WHEEL_LEVELS - 1][DREY__WHEEL_SLOTS - 1];
    if (head < first || head > last)
        return;
    size_t index = (size_t)(head - first);
    unsigned slot = (unsigned)(index % DREY__WHEEL_SLOTS);
    w->bits[index / DREY__WHEEL_SLOTS][slot / 64] &= ~((uint64_t)1 << (slot % 64)); /* I2 */
}

/* The first occupied slot of a level at or after `from`, or -1. */
static int first_slot(const struct drey__wheel *w, unsigned level, unsigned from)
{
    for (unsigned word = from / 64; word < DREY__WHEEL_SLOTS / 64; word++) {
        uint64_t bits = w->bits[level][word];
        if (word == from / 64)
            bits &= ~(uint64_t)0 << (from % 64);
        if (bits != 0)
            return (int)(word * 64 + (unsigned)__builtin_ctzll(bits));
    }
    return -1;
}

/* The next occupied slot in time: its first tick, and which it is. False if the wheel is empty. */
static bool next_slot(const struct drey__wheel *w, int64_t *out_tick, unsigned *out_level, unsigned *out_slot)
{
    for (unsigned level = 0; level < DREY__WHEEL_LEVELS; level++) {
        unsigned here = (unsigned)(w->now_tick >> (8 * level)) % DREY__WHEEL_SLOTS;
        int slot = first_slot(w, level, here);
        if (slot < 0)
            continue;
        int64_t span = (int64_t)1 << (8 * (level + 1));
        int64_t tick = (w->now_tick & ~(span - 1)) | ((int64_t)slot << (8 * level));
        *out_tick = tick > w->now_tick ? tick : w->now_tick;
        *out_level = level;
        *out_slot = (unsigned)slot;
        return true;
    }
    return false;
}

static int64_t time_of(const struct drey__link *link)
{
    return drey__container(link, struct drey__timer, link)->when;
}

int64_t drey__wheel_next(struct drey__wheel *w)
{
    int64_t tick;
    unsigned level, slot;
    deal_fresh(w);
    if (!drey__list_empty(&w->due))
        return time_of(w->due.next);
    if (w->pending == 0 || !next_slot(w, &tick, &level, &slot))
        return INT64_MAX;
    if (level > 0)
        return tick << DREY__WHEEL_TICK_SHIFT;
    int64_t earliest = INT64_MAX;
    const struct drey__link *head = &w->slots[0][slot];
    for (const struct drey__link *l = head->next; l != head; l = l->next) {
        const struct drey__timer *t = drey__container(l, struct drey__timer, link);
        if (t->when < earliest)
            earliest = t->when;
    }
    return earliest;
}

/* Move a slot's timers to `out`, leaving the slot empty. */
static void take_slot(struct drey__wheel *w, unsigned level, unsigned slot, struct drey__link *out)
{
    struct drey__link *head = &w->slots[level][slot];
    drey__list_init(out);
    if (!drey__list_empty(head)) {
        *out = *head;
        out->next->prev = out;
        out->prev->next = out;
        drey__list_init(head);
    }
    w->bits[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
}

/* Chains through `next`, ended by NULL. Of equals `a` comes first. */
static struct drey__link *merge(struct drey__link *a, struct drey__link *b)
{
    struct drey__link *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct drey__link **least = time_of(b) < time_of(a) ? &b : &a;
        *end = *least;
        end = &(*end)->next;
        *least = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Sort by time, keeping the order of equals: a merge sort from the bottom, chain i holding 2^i timers or none. */
static void sort(struct drey__link *list)
{
    struct drey__link *chains[64] = {NULL}, *sorted = NULL, *rest = list->next;
    list->prev->next = NULL;
    while (rest != NULL) {
        struct drey__link *carry = rest;
        unsigned i = 0;
        rest = rest->next;
        carry->next = NULL;
        for (; chains[i] != NULL; chains[i++] = NULL)
            carry = merge(chains[i], carry);
        chains[i] = carry;
    }
    for (unsigned i = 0; i < 64; i++)
        sorted = merge(chains[i], sorted);
    drey__list_init(list);
    while (sorted != NULL) {
        struct drey__link *next = sorted->next;
        drey__list_append(list, sorted);
        sorted = next;
    }
}

/* Part what one slot held: due timers in the order of their times, the others back into the wheel. */
static void sort_due(struct drey__wheel *w, struct drey__link *from, int64_t now, struct drey__link *due)
{
    bool ordered = true;
    while (!drey__list_empty(from)) {
        struct drey__timer *t = first_timer(from);
        drey__list_remove(&t->link);
        if (t->when <= now) {
            ordered = ordered && (drey__list_empty(due) || time_of(due->prev) <= t->when);
            drey__list_append(due, &t->link);
        } else {
            deal(w, t);
        }
    }
    if (!ordered)
        sort(due);
}

/* Make `due` the timers of the next slot that has some; false if nothing is due. */
static bool find_due(struct drey__wheel *w, int64_t now)
{
    int64_t target = tick_of(now), tick;
    unsigned level, slot;
    deal_fresh(w);
    while (w->pending > 0 && next_slot(w, &tick, &level, &slot) && tick <= target) {
        struct drey__link taken;
        w->now_tick = tick;
        take_slot(w, level, slot, &taken);
        sort_due(w, &taken, now, &w->due);
        if (!drey__list_empty(&w->due))
            return true;
        if (level == 0)
            return false; /* all that is left in this slot is later within the tick */
    }
    if (target > w->now_tick)
        w->now_tick = target; /* no slot up to there */
    return false;
}

unsigned drey__wheel_advance(struct drey__wheel *w, int64_t now)
{
    unsigned fired = 0;
    while (fired < DREY__WHEEL_BURST && (!drey__list_empty(&w->due) || find_due(w, now))) {
        struct drey__timer *t = first_timer(&w->due);
        drey__list_remove(&t->link);
        w->pending--;
        fired++;
        t->fire(t);
    }
    return fired;
}
