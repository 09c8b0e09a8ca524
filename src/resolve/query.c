/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <drey/select.h>

#include "resolve/query.h"

enum {
    NEVER_MS = INT_MAX / 2, /* for c-ares' own timeouts */
    EDNS_BYTES = 1232,      /* that fit into a packet everywhere (DNS flag day 2020) */
    SORTED_MAX = 64,        /* addresses whose order is looked into; further ones go last */
};

static bool is_lack(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* c-ares connects a socket, of UDP by name, to each address that it sorts, and counts one whose family there is not as
 * out of reach. */
static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
    struct drey__query *q = arg;
    if (protocol != 0 && q->sorted++ >= SORTED_MAX) {
        errno = EAFNOSUPPORT;
        return ARES_SOCKET_BAD;
    }
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0 && is_lack(errno))
        q->lack = -errno;
    return fd;
}

/* Nobody waits for it now: the task that waits is the one that closes. */
static int close_socket(ares_socket_t fd, void *arg)
{
    (void)arg;
    return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t bytes, void *arg)
{
    (void)arg;
    return connect(fd, to, bytes);
}

static ares_ssize_t receive(ares_socket_t fd, void *buffer, size_t bytes, int flags, struct sockaddr *from,
                            ares_socklen_t *from_bytes, void *arg)
{
    (void)arg;
    return recvfrom(fd, buffer, bytes, flags, from, from_bytes);
}

static ares_ssize_t send_parts(ares_socket_t fd, const struct iovec *parts, int count, void *arg)
{
    (void)arg;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count}; /* only read */
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions sockets = {open_socket, close_socket, connect_socket, receive, send_parts};

static int open_channel(struct drey__query *q, const char *lookups, const char *servers)
{
    struct ares_options o = {
        .flags = ARES_FLAG_EDNS | ARES_FLAG_NOCHECKRESP, /* a server that fails or refuses says so */
        .timeout = NEVER_MS,
        .tries = 1,
        .ednspsz = EDNS_BYTES,
        .lookups = (char *)(uintptr_t)lookups, /* only read, as the path */
        .resolvconf_path = (char *)(uintptr_t) "/dev/null",
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS;
    if (servers != NULL)
        mask |= ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS; /* and no domains to search */
    int status = ares_init_options(&q->channel, &o, mask);
    if (status != ARES_SUCCESS)
        return status;
    ares_set_socket_functions(q->channel, &sockets, q);
    return servers != NULL && *servers != '\0' ? ares_set_servers_ports_csv(q->channel, servers) : ARES_SUCCESS;
}

int drey__query_open(struct drey__query *q, const char *lookups, const drey_resolve_options *options)
{
    *q = (struct drey__query){.channel = NULL};
    const char *servers = *lookups == 'f'            ? ""
                          : options->servers != NULL ? options->servers
                                                     : secure_getenv("DREY_DNS");
    int status = open_channel(q, lookups, servers);
    if (status == ARES_SUCCESS)
        return 0;
    if (q->channel != NULL)
        ares_destroy(q->channel);
    return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

void drey__query_close(struct drey__query *q)
{
    ares_destroy(q->channel);
    if (q->found != NULL)
        ares_freeaddrinfo(q->found);
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct drey__query *q = arg;
    (void)timeouts;
    q->status = status;
    q->found = found;
    q->done = true;
}

void drey__query_start(struct drey__query *q, const char *host, const char *port, int family)
{
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    hints.ai_flags = ARES_AI_NUMERICSERV;
    if (secure_getenv("CARES_HOSTS") != NULL)
        hints.ai_flags |= ARES_AI_ENVHOSTS;
    if (family == AF_UNSPEC)
        hints.ai_flags |= ARES_AI_NOSORT; /* a file has its own order */
    q->done = false;
    q->lack = 0;
    errno = 0;
    ares_getaddrinfo(q->channel, host, port, &hints, answered, q);
    if (q->lack == 0 && is_lack(errno))
        q->lack = -errno; /* a file could not be opened: c-ares goes on as if there were none */
}

/* One server has a socket of each kind at most. */
enum { SOCKETS = 2 };

static size_t wanted_events(const struct drey__query *q, drey_case cases[SOCKETS])
{
    ares_socket_t fds[SOCKETS];
    unsigned wanted = (unsigned)ares_getsock(q->channel, fds, SOCKETS);
    size_t n = 0;
    for (unsigned i = 0; i < SOCKETS; i++) {
        unsigned reads = wanted >> i & 1, writes = wanted >> (i + ARES_GETSOCK_MAXNUM) & 1;
        if ((reads | writes) != 0)
            cases[n++] = drey_on_fd(fds[i], (reads ? POLLIN : 0u) | (writes ? POLLOUT : 0u));
    }
    return n;
}

int drey__query_wait(struct drey__query *q)
{
    while (!q->done) {
        drey_case cases[SOCKETS];
        size_t n = wanted_events(q, cases);
        int which = drey_select(cases, n);
        if (which < 0)
            return which;
        bool writes = (cases[which].result & POLLOUT) != 0, reads = (cases[which].result & ~POLLOUT) != 0;
        int fd = (int)cases[which].a;
        ares_process_fd(q->channel, reads ? fd : ARES_SOCKET_BAD, writes ? fd : ARES_SOCKET_BAD);
    }
    return 0;
}

void drey__query_stop(struct drey__query *q)
{
    if (!q->done)
        ares_cancel(q->channel);
}

int drey__query_result(const struct drey__query *q)
{
    switch (q->status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOTFOUND:
        return -ENXIO;
    case ARES_ENODATA:
        return -EDESTADDRREQ;
    case ARES_EREFUSED:
        return -EACCES;
    case ARES_EBADRESP:
        return -EBADMSG;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_EBADNAME:
    case ARES_EBADSTR:
        return -EINVAL;
    case ARES_ECONNREFUSED: /* no socket, or the server's machine says that there is no server */
    case ARES_ETIMEOUT:
        return q->lack != 0 ? q->lack : -ETIME;
    default: /* SERVFAIL, and whatever else it cannot do */
        return -EREMOTEIO;
    }
}
