/* SPDX-License-Identifier: MIT */
/* Filling a page within its limits. */
#pragma once
#include "store/store.h"

enum { SQ_PAGE_FULL = 1 };

typedef struct sq_filling {
    sq_page *page;
    size_t limit, max_bytes, room;
    size_t bytes, texts;             /* of data so far; and of all that the revisions say */
} sq_filling;

/* limit and max_bytes as in sq_list; 0: the defaults. `page` is empty. */
sq_filling sq_filling_start(sq_page *page, uint32_t limit, size_t max_bytes);

/* Adds a revision, whose reference is consumed. SQ_PAGE_FULL: it was not added, as the page is full. -ENOMEM. */
int sq_filling_add(sq_filling *filling, const sq_revision *revision, sq_error *error);

/* Has the list another page, or may it have one after this? Then what it shows is to be pinned. */
bool sq_list_goes_on(const sq_list *list, const sq_project *project);
