/* SPDX-License-Identifier: MIT */
/* A host to connect to by name: a name server, and addresses of this machine. */
#pragma once

#include <sys/socket.h>

#include "dns_kit.h"

/* A host of several addresses in this machine. Each of them listens at the same port, and may be full: then nobody
 * answers who connects. */
enum { ADDRESSES_MAX = 12, FILLERS = 2 };

struct host {
    struct dns dns;
    char port[8];
    int listeners[ADDRESSES_MAX], fillers[ADDRESSES_MAX * FILLERS];
    int listener_count, filler_count;
};

static inline int port_of(int fd)
{
    drey_addr at;
    return drey_addr_of(fd, &at) == 0 ? drey_addr_port(&at) : -1;
}

/* Listen at an address, at the host's port. `full`: with a queue that has no room any more. */
static inline DREY_ASYNC int host_listens(struct host *h, const char *address, bool full)
{
    drey_addr at;
    char text[DREY_ADDR_TEXT];
    snprintf(text, sizeof text, strchr(address, ':') != NULL ? "[%s]:%s" : "%s:%s", address, h->port);
    int rc = drey_addr_parse(text, &at);
    int fd = rc < 0 ? rc : drey_listen(&at, (drey_listen_options){.backlog = full ? 1 : 16});
    if (fd < 0)
        return fd;
    h->listeners[h->listener_count++] = fd;
    snprintf(h->port, sizeof h->port, "%d", port_of(fd));
    for (int i = 0; full && i < FILLERS; i++) {
        rc = drey_addr_of(fd, &at);
        int filler = rc < 0 ? rc : drey_connect_to(&at, (drey_connect_options){0});
        if (filler < 0)
            return filler;
        h->fillers[h->filler_count++] = filler;
    }
    return 0;
}

static inline DREY_ASYNC int host_open(struct host *h, drey_scope *scope, struct dns_reply *replies, size_t count)
{
    memset(h, 0, sizeof *h);
    snprintf(h->port, sizeof h->port, "0");
    return dns_open(&h->dns, scope, replies, count);
}

static inline DREY_ASYNC int host_close(struct host *h, drey_scope *scope, int rc)
{
    rc = dns_close(&h->dns, scope, rc); /* whoever serves a listener has ended */
    for (int i = 0; i < h->filler_count; i++)
        drey_close(h->fillers[i]);
    for (int i = 0; i < h->listener_count; i++)
        drey_close(h->listeners[i]);
    return rc;
}

static inline drey_connect_name_options by(const struct host *h)
{
    return (drey_connect_name_options){.resolve = ask_it(&h->dns)};
}

/* Connect: which address it is, after how many milliseconds; or the error. */
static inline DREY_ASYNC int host_expect_with(const struct host *h, drey_connect_name_options options,
                                              const char *wanted, int ms)
{
    drey_addr peer;
    char text[DREY_ADDR_TEXT];
    drey_time before = drey_now();
    int fd = drey_connect("host.test", h->port, options);
    drey_time taken = drey_now() - before;
    if (fd >= 0) {
        DREY_CHECK_EQ(drey_addr_of_peer(fd, &peer), 0);
        DREY_CHECK_EQ(drey_addr_port(&peer), atoi(h->port));
        drey_addr_format(&peer, text);
        *strrchr(text, ':') = '\0';
        drey_close(fd);
    }
    DREY_CHECK_STR(fd < 0 ? drey_resolve_text(fd) : text, wanted);
    DREY_CHECK_EQ(taken / DREY_MS(1), ms);
    return 0;
}

static inline DREY_ASYNC int host_expect(const struct host *h, const char *wanted, int ms)
{
    return host_expect_with(h, by(h), wanted, ms);
}
