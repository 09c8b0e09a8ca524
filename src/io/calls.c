/* SPDX-License-Identifier: MIT */
#include "io/calls.h"

#include <errno.h>

#include "io/io.h"
#include "io/number.h"
#include "stack/announce.h"
#include "wait/wait.h"

enum {
    WORTH = 4,    /* tasks that are ready, and calls: fewer are not worth a switch */
    TOGETHER = 3, /* calls that are worth the ring */
    AT_MOST = 32,
    BYTES_MAX = 16 << 10, /* copying more costs more than what is saved, and the lock is held meanwhile */
    LATER_NS = 100000,
};

static int64_t make_here(const struct drey__io_call *c)
{
    ssize_t n;
    if (c->parts != NULL)
        n = sendmsg(c->fd, c->parts, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (c->sends)
        n = send(c->fd, c->data, c->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        n = recv(c->fd, c->data, c->bytes, MSG_DONTWAIT);
    return n < 0 ? -errno : n;
}

/* C6 */
static void note(const struct drey__io_call *c)
{
    bool drained =
        c->result == -EAGAIN || (c->result > 0 && (uint64_t)c->result < c->bytes && (c->word & DREY__TCP) != 0);
    if (!c->sends && drained)
        drey__fd_set_drained(c->word, c->fd);
}

static bool worth_putting_off(const struct drey__worker *w, const struct drey__io_call *c)
{
    return w->io->calls.gathers && (c->word & DREY__OWNED) != 0 && c->bytes <= BYTES_MAX &&
           w->io->calls.count + drey__ready_count(&w->ready) + drey__fresh_count(&w->fresh) >= WORTH;
}

/* C1: whether the number still names the file. */
static bool is_meant(const struct drey__io_call *c)
{
    return drey__number_generation(drey__number_look(c->fd)) == drey__number_generation(c->word);
}

/* C1: closing this generation will visit our table. */
static bool join(const struct drey__io *io, const struct drey__io_call *c)
{
    if (!drey__multi || (c->word & io->fds.bit) != 0)
        return true;
    return drey__number_generation(drey__number_join(c->fd, io->fds.bit)) == drey__number_generation(c->word);
}

/* True if it is time to make them all (C4). */
static bool put_off(struct drey__worker *w, struct drey__io_call *c)
{
    struct drey__io_calls *calls = &w->io->calls;
    int64_t now = drey__clock_about(&w->reading);
    if (calls->count++ == 0) {
        calls->end = &calls->first;
        calls->since = now;
    }
    c->next = NULL;
    *calls->end = c;
    calls->end = &c->next;
    return calls->count >= AT_MOST || now - calls->since >= LATER_NS;
}

/* With the lock of the table: what was put off is made. */
static void make_all(struct drey__io *io, struct drey__io_call *first, bool together)
{
    for (struct drey__io_call *c = first; c != NULL; c = c->next) {
        if (!is_meant(c))
            c->result = -EBADF;
        else if (!together || !io->backend->prepare(io, c))
            c->result = make_here(c);
    }
    if (together)
        io->backend->make(io);
}

/* C5. The first one put off goes first. */
static void resume_all(struct drey__worker *w, struct drey__io_call *first, const struct drey_task *running)
{
    struct drey__io_call *last = NULL, *next;
    for (struct drey__io_call *c = first; c != NULL; c = next) {
        next = c->next;
        c->next = last;
        last = c;
    }
    for (struct drey__io_call *c = last; c != NULL; c = next) {
        next = c->next; /* it lies in a frame */
        note(c);
        if (c->task == running || !drey__claim_task(c->task, 0))
            continue;
        c->task->state = DREY__READY;
        drey__ready_push_front(&w->ready, c->task);
    }
}

/* `running`: the task that is not parked, or NULL. */
static bool make(struct drey__worker *w, const struct drey_task *running)
{
    struct drey__io *io = w->io;
    struct drey__io_call *first = io->calls.first;
    bool together = io->calls.count >= TOGETHER && !DREY__KNOWN_CALLS_ONLY;
    if (first == NULL)
        return false;
    io->calls.first = NULL;
    io->calls.count = 0;
    drey__spin_lock(&io->fds.lock);
    make_all(io, first, together);
    drey__spin_unlock(&io->fds.lock);
    resume_all(w, first, running);
    return true;
}

static int64_t make_at_once(struct drey__io_call *c)
{
    c->result = make_here(c);
    note(c);
    return c->result;
}

int64_t drey__io_call(struct drey_task *self, struct drey__io_call *call, const void *place)
{
    struct drey__worker *w = self->worker;
    if (!worth_putting_off(w, call))
        return make_at_once(call);
    if (!join(w->io, call))
        return -EBADF;
    call->task = self;
    if (put_off(w, call)) {
        make(w, self);
        return call->result;
    }
    int32_t budget = w->budget;
    drey__arm(self, DREY__UNCUT);
    drey__park_at(self, "a call that is made with others", NULL, place);
    w->budget = budget;
    if (call->result != -EAGAIN && call->result != -ENOTSOCK)
        return call->result;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place); /* C8 */
    if (rc < 0 || call->result != -EAGAIN)
        return rc < 0 ? rc : call->result;
    return is_meant(call) ? make_at_once(call) : -EBADF; /* C7 */
}

bool drey__io_hurry(struct drey__worker *w)
{
    return make(w, NULL);
}
