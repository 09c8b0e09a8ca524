/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sched/mail.h"

struct drey__worker;
struct drey_task;

enum { DREY__SHARE_MAX = 256 };

/*
 * Tasks on their way from who has them to who asked. Its place is in the worker that asked. An array and not a chain of
 * letters: who receives it can fetch several records at once, each of them from another processor's cache.
 *
 * From a successful drey__fresh_ask to the receipt of the letter, or to the withdrawal of the request, it is the asked
 * worker's to write, and no other is asked.
 */
struct drey__handout {
    struct drey__call letter;
    bool due;           /* the receiver only, as are the next two: asked for, and neither received nor withdrawn */
    int64_t since;      /* when the last ones came; 0: they have been judged */
    int64_t rest_until; /* nobody is asked before */
    uint32_t n;         /* may be 0 */
    struct drey_task *tasks[DREY__SHARE_MAX];
};

/* An idle worker's search for somebody's fresh tasks. */
struct drey__search {
    struct drey__worker *victim; /* whom it has asked; NULL: nobody */
    int64_t asked_at;
    unsigned looks; /* since then */
};

/* The owner: send half of the fresh tasks to whoever asks. */
void drey__share_answer(struct drey__worker *w);

/* One step of the search; true if tasks were taken. An answer arrives by mail. */
bool drey__share_search(struct drey__worker *w, struct drey__search *s);
void drey__share_give_up(struct drey__worker *w, struct drey__search *s);
