/* SPDX-License-Identifier: MIT */
/*
 * Mail to a worker: an intrusive stack that any thread pushes onto and the owner empties at once.
 *
 * What is sent is a pointer to something whose first word is the link, tagged in its low three bits with what to do.
 * push: a release CAS publishes the contents; take: an acquire exchange. Reversing a batch gives the order in which the
 * pushes took effect, so two messages of one thread, or of two threads that synchronised, arrive in order.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct drey__mailbox {
    _Atomic uintptr_t head;
} drey__mailbox;

enum drey__mail {
    DREY__MAIL_READY,      /* a task to resume */
    DREY__MAIL_FRESH,      /* a task to start */
    DREY__MAIL_DONE,       /* a child of a scope of this worker has ended elsewhere */
    DREY__MAIL_JOINED,     /* the handle of such a child was consumed elsewhere */
    DREY__MAIL_VISIT,      /* a scope of this worker was cancelled: wake what it holds */
    DREY__MAIL_TOUR,       /* a scope of another worker was cancelled: wake its children here, send it on */
    DREY__MAIL_CALL,       /* a drey__call: to be run on this worker's thread */
    DREY__MAIL_CANCEL = 7, /* a task here was cancelled by its handle */
};

#define DREY__MAIL_MASK ((uintptr_t)7)

/* What observers and tests have a worker run, in no task's context; it must not suspend. */
struct drey__worker;
struct drey__call {
    uintptr_t next; /* the mail's link */
    void (*fn)(struct drey__worker *w, struct drey__call *self);
};

/* True if the box was empty: the receiver may have to be woken. */
static inline bool drey__mail_push(drey__mailbox *box, void *item, enum drey__mail what)
{
    uintptr_t head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        *(uintptr_t *)item = head;
    } while (!atomic_compare_exchange_weak_explicit(&box->head, &head, (uintptr_t)item | (uintptr_t)what,
                                                    memory_order_seq_cst, memory_order_relaxed));
    return head == 0;
}

/* Several items for one receiver, linked in order by who sends them: a single atomic operation then shows it all. */
struct drey__letters {
    void *first;
    uintptr_t last; /* tagged; 0: there are none */
};

static inline void drey__letters_add(struct drey__letters *l, void *item, enum drey__mail what)
{
    if (l->last == 0)
        l->first = item;
    *(uintptr_t *)item = l->last;
    l->last = (uintptr_t)item | (uintptr_t)what;
}

static inline void drey__mail_push_letters(drey__mailbox *box, const struct drey__letters *l)
{
    uintptr_t head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        *(uintptr_t *)l->first = head;
    } while (
        !atomic_compare_exchange_weak_explicit(&box->head, &head, l->last, memory_order_seq_cst, memory_order_relaxed));
}

static inline bool drey__mail_waiting(drey__mailbox *box)
{
    return atomic_load_explicit(&box->head, memory_order_relaxed) != 0;
}

/* Everything sent so far, oldest first, linked through the first words. */
static inline uintptr_t drey__mail_take(drey__mailbox *box)
{
    uintptr_t batch = atomic_exchange_explicit(&box->head, 0, memory_order_acquire);
    uintptr_t oldest_first = 0;
    while (batch != 0) {
        uintptr_t *item = (uintptr_t *)(batch & ~DREY__MAIL_MASK);
        uintptr_t next = *item;
        *item = oldest_first;
        oldest_first = batch;
        batch = next;
    }
    return oldest_first;
}
