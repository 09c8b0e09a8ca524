/* SPDX-License-Identifier: MIT */
/* A doubly linked circular list of intrusive links. A link that is in no list has next == NULL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct drey__link {
    struct drey__link *next, *prev;
};

static inline void drey__list_init(struct drey__link *head)
{
    head->next = head->prev = head;
}

static inline bool drey__list_empty(const struct drey__link *head)
{
    return head->next == head;
}

static inline void drey__list_append(struct drey__link *head, struct drey__link *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

static inline void drey__list_remove(struct drey__link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
}

static inline bool drey__link_in_list(const struct drey__link *link)
{
    return link->next != NULL;
}
