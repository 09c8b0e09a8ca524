/* SPDX-License-Identifier: MIT */
/* Waiting for a descriptor: the case of a select, and the waits of calls that do nothing else. */
#include <errno.h>
#include <poll.h>

#include "io/io.h"
#include "io/number.h"
#include "wait/case.h"

/* By what is remembered, if that is enough; else poll says. */
static bool attempt(drey_case *c)
{
    struct drey__fds *fds = &drey__self->io->fds;
    struct pollfd ask = {.fd = (int)c->a, .events = (short)c->b};
    if (ask.fd < 0) {
        c->result = -EBADF;
        return true;
    }
    if (unlikely(fds->refused_fd == ask.fd)) {
        fds->refused_fd = -1;
        c->result = fds->refused == -EPERM ? (int)c->b : fds->refused; /* what epoll refuses is always ready */
        return true;
    }
    uint64_t word = drey__number_look(ask.fd);
    bool reads = (ask.events & ~(POLLIN | POLLRDHUP)) == 0;
    if (reads && drey__fd_is_drained(word, ask.fd))
        return false;
    int n;
    while ((n = poll(&ask, 1, 0)) < 0 && errno == EINTR) {
    }
    if (n == 0) {
        if ((ask.events & POLLIN) != 0)
            drey__fd_set_drained(word, ask.fd);
        return false;
    }
    c->result = n < 0 ? -errno : (ask.revents & POLLNVAL) != 0 ? -EBADF : ask.revents;
    return true;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct drey__fds *fds = &drey__self->io->fds;
    drey__spin_lock(&fds->lock);
    int rc = drey__fds_join(fds, (int)c->a, NULL, (uint16_t)c->b, w);
    drey__spin_unlock(&fds->lock);
    if (rc == 0)
        return false;
    fds->refused_fd = (int)c->a;
    fds->refused = rc;
    return true;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    struct drey__fds *fds = w->data;
    if (fds == NULL)
        return; /* it never was enlisted */
    drey__spin_lock(&fds->lock);
    if (w->queued)
        drey__fds_leave(fds, (int)c->a, w);
    drey__spin_unlock(&fds->lock);
}

const struct drey__case_ops drey__case_fd = {
    .what = "a descriptor", .attempt = attempt, .enlist = enlist, .withdraw = withdraw};

/* Its number, as dumps show objects. */
static const void *shown(int fd)
{
    return (const void *)(uintptr_t)(unsigned)fd;
}

int drey__fd_wait(struct drey_task *self, int fd, unsigned events, const void *place)
{
    drey_case c = drey_on_fd(fd, events);
    struct drey__waiter waiter;
    while (!attempt(&c)) {
        drey__waiter_init(&waiter, self, NULL, 0);
        drey__arm(self, 0);
        if (enlist(&c, &waiter)) {
            atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
            continue;
        }
        if (drey__park_at(self, "a descriptor", shown(fd), place))
            return waiter.result;
        withdraw(&c, &waiter);
        return -ECANCELED;
    }
    return c.result;
}

int drey__fd_wait_next(struct drey_task *self, int fd, uint32_t generation, unsigned events, const void *place)
{
    struct drey__fds *fds = &self->worker->io->fds;
    struct drey__waiter waiter;
    drey__waiter_init(&waiter, self, NULL, 0);
    drey__arm(self, 0);
    drey__spin_lock(&fds->lock);
    int rc = drey__fds_join(fds, fd, &generation, events, &waiter);
    drey__spin_unlock(&fds->lock);
    if (rc < 0) {
        atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
        return rc == -EPERM ? (int)events : rc; /* what epoll refuses is always ready */
    }
    if (drey__park_at(self, "a descriptor", shown(fd), place))
        return waiter.result;
    drey_case c = drey_on_fd(fd, events);
    withdraw(&c, &waiter);
    return -ECANCELED;
}
