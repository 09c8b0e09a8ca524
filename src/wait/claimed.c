/* SPDX-License-Identifier: MIT */
/*
 * Dormant tasks that one release wakes. A worker that got their mail one by one could begin a long task by the first
 * letter, and the second would lie in its mailbox, where no idle worker takes anything: an unstarted task that waits
 * behind a running one (R8). So each worker gets all of its letters at once, and they are in its queue of fresh tasks
 * before it begins any of them.
 */
#include "wait/claimed.h"

/* A pass for each worker that any of them sleeps on. */
void drey__claimed_wake_dormant(struct drey__queue *dormant)
{
    while (dormant->first != NULL) {
        struct drey__worker *to = dormant->first->task->worker;
        struct drey__letters letters = {0};
        for (struct drey__waiter *w = dormant->first, *next; w != NULL; w = next) {
            next = w->next;
            if (w->task->worker != to)
                continue;
            drey__queue_remove(dormant, w);
            drey__letters_add(&letters, w->task, DREY__MAIL_FRESH);
        }
        drey__send_letters(to, &letters);
    }
}
