/* SPDX-License-Identifier: MIT */
/**
 * Names: looking up addresses, and connecting by name. In a library of its own (pkg-config drey-resolve), by c-ares;
 * not part of <drey.h>.
 *
 * When to use: drey_connect for a client of TCP; drey_resolve if you want the addresses themselves.
 * Order: addresses alternate between IPv6 and IPv4, IPv6 first, each family as RFC 6724 orders it.
 * Whom it asks: numeric addresses are taken as they are. Then /etc/hosts; names in `localhost` mean this machine; then
 * the name servers of /etc/resolv.conf, IPv6 and IPv4 at once, UDP first and TCP for what does not fit. Nothing is
 * cached. The files are read by the worker, for each call; nothing runs on a thread of a pool.
 * Limits: DREY_RESOLVE_QUERIES_MAX queries at a time in the process, further ones wait in line; DREY_CONNECT_MAX
 * attempts to connect at a time, further addresses wait for one of them to fail.
 * Memory: texts are borrowed until the call returns. Threads: task only; the tasks that a call starts end with it.
 * Errors: beside those that are named, the system's own; drey_resolve_text has a text for each.
 *         -ENXIO      there is no such name
 *         -EDESTADDRREQ  the name has no address, or none of the family that is asked for
 *         -EREMOTEIO  the name server failed
 *         -EBADMSG    the name server's answer makes no sense
 *         -EACCES     the name server refused to answer
 *         -ETIME      no name server answered
 *         -EINVAL     the host is no name, the service neither a port nor known, or an option is out of range
 * Suspends: while name servers or peers take their time.
 * Cancel:   -ECANCELED; queries and attempts are broken off, and no descriptor is left.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 *     DREY_SCOPE(scope, .timeout = DREY_SEC(10));
 *     int fd = drey_connect("example.org", "443", (drey_connect_name_options){0});
 *     return drey_scope_close(&scope, fd < 0 ? fd : talk(fd));   // the deadline is the scope's, as everywhere
 */
#pragma once

#include <drey/base.h>
#include <drey/net.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DREY_RESOLVE_QUERIES_MAX = 128, /* lookups of one family in flight, in the process */
    DREY_RESOLVE_SERVERS_MAX = 8,   /* name servers that are asked; further ones are not used */
    DREY_CONNECT_MAX = 8,           /* attempts of one drey_connect in flight */
};

/** Zero in any field means its default. In C++ designators follow this order. Borrowed until the call returns. */
typedef struct drey_resolve_options {
    int family;          /* AF_INET or AF_INET6: that one alone; default both */
    const char *servers; /* "127.0.0.1:5353,[::1]:53": ask these, and do not read /etc/resolv.conf; default DREY_DNS */
    drey_duration timeout; /* that a server has to answer before the next is asked; default 2 s */
    unsigned tries;        /* how often each server is asked; default 2 */
} drey_resolve_options;

/**
 * Look the addresses of a host up.
 *
 * @param host       a name or a numeric address, as "example.org", "127.0.0.1", "::1"
 * @param service    a port, or the name of one in /etc/services; NULL leaves the port 0
 * @param out_addrs  the first max addresses, in the order in which drey_connect tries them
 * @return how many addresses there are, above 0; of more than max the rest is left out.
 *         as above
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_resolve(const char *host, const char *service, drey_addr *out_addrs, size_t max, drey_resolve_options options);

/** Zero in any field means its default. In C++ designators follow this order. Borrowed until the call returns. */
typedef struct drey_connect_name_options {
    drey_resolve_options resolve;
    drey_connect_options connect; /* .from leaves only addresses of its family */
    drey_duration attempt_delay;  /* before the next address is tried beside those under way; default 250 ms */
    drey_duration resolve_delay;  /* that IPv4 waits for IPv6 when its addresses come first; default 50 ms */
} drey_connect_name_options;

/**
 * Connect to a host by TCP, as RFC 8305 says: as soon as there are addresses they are tried, one after the other
 * without waiting for long, and the first connection wins. The others are broken off.
 *
 * @param host, service  as drey_resolve; the service may not be NULL
 * @return a descriptor, which the caller owns; drey_addr_of_peer has the address.
 *         -ECONNREFUSED, -ENETUNREACH, and other negative errnos of drey_connect_to's  no address could be connected
 *                       to; of several reasons the last, but for those that say that there is no way to it
 *         as above
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_connect(const char *host, const char *service, drey_connect_name_options options);

/** A text for a negative result, as "there is no such name"; for others the system's. @return a static text. */
DREY_API DREY_MUST_USE
const char *drey_resolve_text(int error);

#ifdef __cplusplus
}
#endif
