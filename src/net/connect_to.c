/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <drey/time.h>

#include "net/make.h"
#include "net/net.h"

enum { RETRY_FIRST_MS = 1, RETRY_LAST_MS = 64 };

static int prepare(const struct drey__addr *to, const drey_connect_options *o)
{
    int family = to->any.sa_family;
    int fd = drey__net_socket(family, SOCK_STREAM);
    if (fd < 0)
        return fd;
    int rc = family == AF_UNIX || o->delay ? 0 : drey__net_option(fd, IPPROTO_TCP, TCP_NODELAY, true);
    if (rc == 0 && o->from != NULL)
        rc = drey__net_bind(fd, drey__addr_in(o->from));
    return drey__net_made(fd, rc, family != AF_UNIX);
}

/* Begin to connect, or ask what has become of it; the first time both, since a connection within the machine is made at
 * once. */
static ssize_t go_on(int fd, void *arg)
{
    const struct drey__addr *to = arg;
    int rc = connect(fd, &to->any, to->bytes);
    if (rc < 0 && errno == EINPROGRESS)
        rc = connect(fd, &to->any, to->bytes);
    if (rc == 0 || errno == EISCONN)
        return 0;
    return errno == EALREADY || errno == EINPROGRESS ? -EAGAIN : -errno;
}

/* A Unix listener whose backlog is full refuses, and nothing tells when it has room. */
static int connect_local(struct drey_task *self, int fd, const struct drey__addr *to, const void *place)
{
    int rc = 0;
    for (int64_t pause = DREY_MS(RETRY_FIRST_MS); rc == 0; pause = pause < DREY_MS(RETRY_LAST_MS) ? pause * 2 : pause) {
        if (connect(fd, &to->any, to->bytes) == 0)
            return 0;
        if (errno != EAGAIN)
            return -errno;
        rc = drey_sleep(pause);
        if (rc == 0)
            rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    }
    return rc;
}

int drey_connect_to(const drey_addr *to, drey_connect_options options)
{
    struct drey_task *self;
    drey_addr copy = *to;
    struct drey__addr *target = drey__addr_of(&copy);
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0 || target->bytes == 0)
        return rc < 0 ? rc : -EINVAL;
    int fd = prepare(target, &options);
    if (fd < 0)
        return fd;
    if (target->any.sa_family == AF_UNIX)
        rc = connect_local(self, fd, target, DREY__CALLER);
    else
        rc = (int)drey__net_do(self, fd, POLLOUT, go_on, target, DREY__CALLER);
    if (rc < 0)
        drey__net_drop(fd);
    return rc < 0 ? rc : fd;
}
