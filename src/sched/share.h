/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct drey__worker;

/* An idle worker's search for somebody's fresh tasks. */
struct drey__search {
    struct drey__worker *victim; /* whom it has asked; NULL: nobody */
    int64_t asked_at;
};

/* The owner: send half of the fresh tasks to whoever asks. */
void drey__share_answer(struct drey__worker *w);

/* One step of the search; true if tasks were taken. An answer arrives by mail. */
bool drey__share_search(struct drey__worker *w, struct drey__search *s);
void drey__share_give_up(struct drey__worker *w, struct drey__search *s);
