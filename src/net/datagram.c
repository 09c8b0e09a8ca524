/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>

#include <drey/time.h>

#include "net/addr.h"
#include "net/net.h"

enum { RETRY_MS = 1 };

struct datagram {
    struct iovec part;
    drey_addr addr;
    bool addressed;
};

static ssize_t receive(int fd, void *arg)
{
    struct datagram *d = arg;
    struct drey__addr *from = drey__addr_of(&d->addr);
    struct msghdr message = {.msg_iov = &d->part, .msg_iovlen = 1};
    if (d->addressed) {
        message.msg_name = &from->any;
        message.msg_namelen = DREY__ADDR_ROOM;
    }
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    if (n < 0)
        return -errno;
    from->bytes = message.msg_namelen;
    return (message.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : n;
}

ssize_t drey_recv_from(int fd, void *buffer, size_t bytes, drey_addr *out_from)
{
    struct drey_task *self;
    struct datagram d = {.part = {buffer, bytes}, .addressed = out_from != NULL};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    ssize_t n = drey__net_do(self, fd, POLLIN, receive, &d, DREY__CALLER);
    if (n >= 0 && out_from != NULL)
        *out_from = d.addr;
    return n;
}

static ssize_t transmit(int fd, void *arg)
{
    const struct datagram *d = arg;
    const struct drey__addr *to = drey__addr_in(&d->addr);
    ssize_t n = sendto(fd, d->part.iov_base, d->part.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL,
                       d->addressed ? &to->any : NULL, d->addressed ? to->bytes : 0);
    return n < 0 ? -errno : 0;
}

/* A Unix receiver's queue that is full refuses, while poll looks at the sender's own room and finds some. */
static int transmit_local(struct drey_task *self, int fd, struct datagram *d, const void *place)
{
    for (;;) {
        int rc = (int)transmit(fd, d);
        if (rc != -EAGAIN)
            return rc;
        rc = drey_sleep(DREY_MS(RETRY_MS));
        if (rc == 0)
            rc = drey__enter_at(&self, DREY__CUT_POINT, place);
        if (rc < 0)
            return rc;
    }
}

int drey_send_to(int fd, const void *data, size_t bytes, const drey_addr *to)
{
    struct drey_task *self;
    struct datagram d = {.part = {(void *)(uintptr_t)data, bytes}, .addressed = to != NULL}; /* only read */
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (to != NULL)
        d.addr = *to;
    if (to != NULL && drey__addr_in(to)->any.sa_family == AF_UNIX)
        return transmit_local(self, fd, &d, DREY__CALLER);
    return (int)drey__net_do(self, fd, POLLOUT, transmit, &d, DREY__CALLER);
}
