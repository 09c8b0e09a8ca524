/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <drey/scope.h>

#include "resolve/lookup.h"

static bool is_of(const drey_addr *addr, int family)
{
    unsigned bytes;
    return family == AF_UNSPEC || drey_addr_sockaddr(addr, &bytes)->sa_family == family;
}

/* Ask for both families at once, and wait for both answers. */
static DREY_ASYNC int ask_all(struct drey__lookup *l)
{
    DREY_SCOPE(scope, .name = "drey_resolve");
    int rc = 0;
    for (int i = 0; i < DREY__FAMILIES && rc == 0; i++)
        if (drey__lookup_wants(l, i))
            rc = drey_go(&scope, drey__lookup_ask, &l->of[i]);
    rc = drey_scope_close(&scope, rc);
    bool cut = l->of[DREY__V6].rc == -ECANCELED || l->of[DREY__V4].rc == -ECANCELED;
    return rc == 0 && cut ? -ECANCELED : rc;
}

static int take_all(struct drey__lookup *l, drey_addr *out_addrs, size_t max)
{
    size_t count = 0;
    drey_addr addr;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < DREY__FAMILIES; i++) {
            if (!drey__answers_take(&l->of[i], &addr))
                continue;
            more = true;
            if (count < max)
                out_addrs[count] = addr;
            count++;
        }
    }
    return count > 0 ? (int)count : drey__lookup_error(l);
}

int drey_resolve(const char *host, const char *service, drey_addr *out_addrs, size_t max, drey_resolve_options options)
{
    drey_addr numeric;
    struct drey__lookup l;
    int rc = drey_check(), port = rc < 0 ? rc : drey__port_of(service);
    if (port < 0)
        return port;
    if (drey__numeric(host, port, &numeric)) {
        if (!is_of(&numeric, options.family))
            return -EDESTADDRREQ;
        if (max > 0)
            *out_addrs = numeric;
        return 1;
    }
    rc = drey__lookup_init(&l, host, port, &options);
    if (rc < 0)
        return rc;
    if (rc == DREY__ASK)
        rc = ask_all(&l);
    if (rc == 0)
        rc = take_all(&l, out_addrs, max);
    drey__lookup_deinit(&l);
    return rc;
}

const char *drey_resolve_text(int error)
{
    switch (error) {
    case -ENXIO:
        return "there is no such name";
    case -EDESTADDRREQ:
        return "the name has no address";
    case -EREMOTEIO:
        return "the name server failed";
    case -EBADMSG:
        return "the name server's answer makes no sense";
    case -EACCES:
        return "the name server refused to answer";
    case -ETIME:
        return "no name server answered";
    default: {
        const char *text = strerrordesc_np(-error);
        return text != NULL ? text : "unknown error";
    }
    }
}
