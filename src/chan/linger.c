/* SPDX-License-Identifier: MIT */
/*
 * A channel between tasks of two workers is used best in series: one side sends until it is full, the other receives
 * until it is empty. Where both sides come by for every single message, each message pays for moving the channel's
 * lines between the processors, for a park, and for a wake across threads, which is ten times the work itself. So
 *
 *   - who finds the lock taken keeps away for `pauses` (spin.h), a good part of what the other side needs for a
 *     channel full;
 *   - who would park on a worker that has nothing else to do looks again a few times first, as far apart as that. The
 *     worker would only look around for work anyway (sched/idle.c), and for longer.
 *
 * `pauses` grows with the capacity: with room for one message there is no series, and a moment's delay is all loss.
 * Looking is done without the lock, by the count of messages alone, and counts for nothing: the lock decides.
 * Nobody is overtaken by it who waits: a task that lingers has not queued yet, and others queue behind nobody (I1).
 *
 * Without a place for messages there is no lingering: two tasks that both linger would never meet.
 *
 * Rejected: lingering while other tasks are ready here (their messages are what the far side waits for: 15 became 25 ns
 * a message); letting those run first and looking again before parking (no gain but where all senders share one worker
 * and all receivers another); pauses that double (two sides that answer each other wait for each other's pauses: 580
 * became 1,600 ns a round trip).
 */
#include "chan/linger.h"

enum {
    PAUSES_MAX = 32,     /* about a microsecond */
    SLOTS_A_PAUSE = 4,   /* so many messages pass during one pause, or more */
    LINGER_PAUSES = 256, /* in all, before a task parks */
};

uint8_t drey__linger_pauses(size_t capacity)
{
    size_t pauses = capacity / SLOTS_A_PAUSE;
    return (uint8_t)(pauses < 1 ? 1 : pauses < PAUSES_MAX ? pauses : PAUSES_MAX);
}

static bool nothing_else(struct drey__worker *w)
{
    return drey__ready_count(&w->ready) == 0 && drey__fresh_count(&w->fresh) == 0 && !drey__mail_waiting(&w->mail);
}

/* The lock is given up meanwhile. Whether the ring then seemed to have something to take, or room. */
static bool linger(drey_chan *c, bool for_room, unsigned *left)
{
    bool hope = false;
    drey__chan_unlock(c);
    while (!hope && *left >= c->pauses && nothing_else(drey__self)) {
        *left -= c->pauses;
        drey__relax_for(c->pauses);
        uint32_t count = drey__ring_count(&c->ring);
        hope = for_room ? count < c->ring.capacity : count > 0;
    }
    drey__chan_lock(c);
    return hope;
}

int drey__linger_to_put(drey_chan *c, const void *message, struct drey_task **woken)
{
    unsigned left = c->ring.capacity > 0 ? LINGER_PAUSES : 0;
    int rc;
    bool hope;
    do {
        hope = linger(c, true, &left);
        rc = drey__chan_put(c, message, woken); /* without hope too: the lock was given up */
    } while (rc == -EAGAIN && hope);
    return rc;
}

int drey__linger_to_take(drey_chan *c, void *out_message, struct drey_task **woken)
{
    unsigned left = c->ring.capacity > 0 ? LINGER_PAUSES : 0;
    int rc;
    bool hope;
    do {
        hope = linger(c, false, &left);
        rc = drey__chan_take(c, out_message, woken);
    } while (rc == -EAGAIN && hope);
    return rc;
}
