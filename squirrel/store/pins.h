/* SPDX-License-Identifier: MIT */
/* Lists in progress. A page shows contexts as of the seq of its list's first page (S18), so the revision that was the
 * newest then must stay in the history while the list goes on, however often its context changes. A pin is such a seq;
 * pruning passes over what a pin needs. They are kept in memory only: after a restart, or with more lists at once than
 * there is room for, a context that left its history behind may be missing from later pages. Any thread.
 *
 * Between reading a seq and setting its pin, writers may go on, and drop what the list needs. So either nothing can be
 * committed meanwhile, as the reader holds the lock that a commit takes; or a start is announced beforehand, which
 * keeps what was the newest at any seq from its own on. A writer that decided before it saw either has kept what was
 * the newest before itself (record.c), and there is one writer. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "context/time.h"

enum { SQ_PINS_MAX = 256, SQ_PIN_MS = 600000 };

/* The list's, until it ends. */
typedef struct sq_pin_start {
    int64_t project, seq;
    struct sq_pin_start *next;
} sq_pin_start;

typedef struct sq_pins {
    pthread_mutex_t lock;
    sq_pin_start *starts;
    struct { int64_t project, seq; sq_time until; } items[SQ_PINS_MAX];
    unsigned count;
} sq_pins;

void sq_pins_init(sq_pins *pins);
void sq_pins_deinit(sq_pins *pins);

/* From now on, and ten minutes more with each page: what was the newest at `seq` of the project with that num. */
void sq_pin(sq_pins *pins, int64_t project, int64_t seq, sq_time now);

/* A list is about to read the project's seq, which is at least `seq`, and then to set its pin. Each start is ended. */
void sq_pin_begin(sq_pins *pins, sq_pin_start *start, int64_t project, int64_t seq);
void sq_pin_end(sq_pins *pins, sq_pin_start *start);

/* Is there a pin in [from, before): does a list need the revision with seq `from` that was followed by `before`? */
bool sq_pinned(sq_pins *pins, int64_t project, int64_t from, int64_t before, sq_time now);
