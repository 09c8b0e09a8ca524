/* SPDX-License-Identifier: MIT */
/* Making sockets, and what can be asked of them without waiting. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/make.h"
#include "net/net.h"

enum { BACKLOG = 1024 };

int drey__net_option(int fd, int level, int name, bool on)
{
    int value = on;
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int drey__net_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int drey__net_bind(int fd, const struct drey__addr *at)
{
    return bind(fd, &at->any, at->bytes) < 0 ? -errno : 0;
}

int drey__net_made(int fd, int rc, bool tcp)
{
    if (rc < 0) {
        close(fd);
        return rc;
    }
    drey__fd_own(fd, DREY__SOCKET | (tcp ? DREY__TCP : 0));
    return fd;
}

void drey__net_drop(int fd)
{
    drey__fd_end(fd);
    close(fd);
}

static int set_ip_options(int fd, const struct drey__addr *at, bool reuse_port, bool v6_only)
{
    int rc = reuse_port ? drey__net_option(fd, SOL_SOCKET, SO_REUSEPORT, true) : 0;
    if (rc == 0 && at->any.sa_family == AF_INET6)
        rc = drey__net_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
    return rc;
}

/* A socket's file that nobody listens at: the one that listened has ended without removing it. */
static bool is_left_over(const struct drey__addr *at)
{
    struct stat st;
    if (at->bytes <= offsetof(struct sockaddr_un, sun_path) || at->local.sun_path[0] == '\0' ||
        lstat(at->local.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = drey__net_socket(AF_UNIX, SOCK_STREAM);
    if (fd < 0)
        return false;
    bool refused = connect(fd, &at->any, at->bytes) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_local(int fd, const struct drey__addr *at, const drey_listen_options *o)
{
    /* The file gets the permissions that the socket has when it is bound. */
    if (o->mode != 0 && fchmod(fd, o->mode & 0777) < 0)
        return -errno;
    int rc = drey__net_bind(fd, at);
    if (rc == -EADDRINUSE && o->replace && is_left_over(at) && unlink(at->local.sun_path) == 0)
        rc = drey__net_bind(fd, at);
    return rc;
}

static int bind_tcp(int fd, const struct drey__addr *at, const drey_listen_options *o)
{
    int rc = drey__net_option(fd, SOL_SOCKET, SO_REUSEADDR, true);
    if (rc == 0)
        rc = set_ip_options(fd, at, o->reuse_port, o->v6_only);
    if (rc == 0 && !o->delay)
        rc = drey__net_option(fd, IPPROTO_TCP, TCP_NODELAY, true); /* what is accepted inherits it */
    return rc < 0 ? rc : drey__net_bind(fd, at);
}

int drey_listen(const drey_addr *at, drey_listen_options options)
{
    const struct drey__addr *a = drey__addr_in(at);
    if (a->bytes == 0 || options.backlog < 0)
        return -EINVAL;
    bool local = a->any.sa_family == AF_UNIX;
    int fd = drey__net_socket(a->any.sa_family, SOCK_STREAM);
    if (fd < 0)
        return fd;
    int rc = local ? bind_local(fd, a, &options) : bind_tcp(fd, a, &options);
    if (rc == 0 && listen(fd, options.backlog != 0 ? options.backlog : BACKLOG) < 0)
        rc = -errno;
    return drey__net_made(fd, rc, !local);
}

/* `at` or `to` may be NULL; `named` is one that is not. */
static int set_up_datagrams(int fd, const struct drey__addr *named, const struct drey__addr *at,
                            const struct drey__addr *to, drey_datagram_options o)
{
    int rc = named->any.sa_family == AF_UNIX ? 0 : set_ip_options(fd, named, o.reuse_port, o.v6_only);
    if (rc == 0 && o.broadcast)
        rc = drey__net_option(fd, SOL_SOCKET, SO_BROADCAST, true);
    if (rc == 0 && at != NULL)
        rc = drey__net_bind(fd, at);
    if (rc == 0 && to != NULL && connect(fd, &to->any, to->bytes) < 0)
        rc = -errno;
    return rc;
}

int drey_datagram_open(const drey_addr *at, drey_datagram_options options)
{
    const struct drey__addr *a = at != NULL ? drey__addr_in(at) : NULL;
    const struct drey__addr *to = options.to != NULL ? drey__addr_in(options.to) : NULL;
    const struct drey__addr *named = a != NULL ? a : to;
    if (named == NULL || named->bytes == 0 || (to != NULL && to->bytes == 0))
        return -EINVAL;
    int fd = drey__net_socket(named->any.sa_family, SOCK_DGRAM);
    return fd < 0 ? fd : drey__net_made(fd, set_up_datagrams(fd, named, a, to, options), false);
}

int drey_socket_pair(int out_fds[2])
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        out_fds[i] = drey__net_made(fds[i], 0, false);
    return 0;
}

int drey_shutdown(int fd, int how)
{
    return shutdown(fd, how) < 0 ? -errno : 0;
}

typedef int name_call(int fd, struct sockaddr *any, socklen_t *bytes);

static int name(name_call *call, int fd, drey_addr *out_addr)
{
    drey_addr made = {{0}};
    struct drey__addr *a = drey__addr_of(&made);
    a->bytes = DREY__ADDR_ROOM;
    if (call(fd, &a->any, &a->bytes) < 0)
        return -errno;
    *out_addr = made;
    return 0;
}

int drey_addr_of(int fd, drey_addr *out_addr)
{
    return name(getsockname, fd, out_addr);
}

int drey_addr_of_peer(int fd, drey_addr *out_addr)
{
    return name(getpeername, fd, out_addr);
}

int drey_peer_credentials(int fd, drey_credentials *out_credentials)
{
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
        return -errno;
    if (peer.pid == 0 && peer.uid == (uid_t)-1) /* no Unix socket, or one that is not connected */
        return -ENOTCONN;
    *out_credentials = (drey_credentials){peer.pid, peer.uid, peer.gid};
    return 0;
}
