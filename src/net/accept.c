/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "net/make.h"
#include "net/net.h"

/* What has become of that one connection; the next may be fine (accept(2)). */
static bool concerns_connection(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM: /* a firewall's rule */
    case EINTR:
        return true;
    default:
        return false;
    }
}

ssize_t drey__net_accept(int fd, void *arg)
{
    struct drey__addr *peer = arg;
    int made;
    do {
        if (peer != NULL)
            peer->bytes = DREY__ADDR_ROOM;
        made = accept4(fd, peer != NULL ? &peer->any : NULL, peer != NULL ? &peer->bytes : NULL,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (made < 0 && concerns_connection(errno));
    return made < 0 ? -errno : made;
}

static bool is_tcp(int listener, uint64_t word)
{
    if ((word & DREY__OWNED) != 0)
        return (word & DREY__TCP) != 0;
    int family = AF_UNIX;
    socklen_t bytes = sizeof family;
    return getsockopt(listener, SOL_SOCKET, SO_DOMAIN, &family, &bytes) == 0 && family != AF_UNIX;
}

int drey__net_accepted(int fd, int listener, uint64_t word)
{
    return drey__net_made(fd, 0, is_tcp(listener, word));
}

uint64_t drey__net_unblock(int fd)
{
    uint64_t word = drey__number_look(fd);
    int flags = (word & DREY__OWNED) != 0 ? O_NONBLOCK : fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return word;
}

int drey_accept(int listener, drey_addr *out_peer)
{
    struct drey_task *self;
    drey_addr peer = {{0}};
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    uint64_t word = drey__net_unblock(listener);
    int fd = (int)drey__net_do(self, listener, POLLIN, drey__net_accept, out_peer != NULL ? drey__addr_of(&peer) : NULL,
                               DREY__CALLER);
    if (fd < 0)
        return fd;
    if (out_peer != NULL)
        *out_peer = peer;
    return drey__net_accepted(fd, listener, word);
}
