/* SPDX-License-Identifier: MIT */
/* Addresses and their texts. Names are never looked up here. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"

enum {
    PATH_AT = offsetof(struct sockaddr_un, sun_path),
    PATH_BYTES = sizeof(struct sockaddr_un) - PATH_AT - 1, /* with room for a NUL */
};

/* 0 to 65535, in digits alone. */
static int parse_port(const char *text, uint16_t *out_port)
{
    unsigned long port = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 5 || text[digits] != '\0')
        return -EINVAL;
    port = strtoul(text, NULL, 10);
    if (port > UINT16_MAX)
        return -EINVAL;
    *out_port = (uint16_t)port;
    return 0;
}

static int parse_v4(const char *host, uint16_t port, struct drey__addr *out)
{
    out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    out->bytes = sizeof out->v4;
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? 0 : -EINVAL;
}

/* An interface by its name or its number. */
static int parse_zone(const char *zone, uint32_t *out_scope)
{
    unsigned index = if_nametoindex(zone);
    size_t digits = strspn(zone, "0123456789");
    if (index == 0 && digits > 0 && digits < 10 && zone[digits] == '\0')
        index = (unsigned)strtoul(zone, NULL, 10);
    *out_scope = index;
    return index != 0 ? 0 : -ENODEV;
}

static int parse_v6(char *host, uint16_t port, struct drey__addr *out)
{
    char *zone = strchr(host, '%');
    out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    out->bytes = sizeof out->v6;
    if (zone != NULL)
        *zone++ = '\0';
    if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) != 1)
        return -EINVAL;
    return zone != NULL ? parse_zone(zone, &out->v6.sin6_scope_id) : 0;
}

static int parse_local(const char *path, struct drey__addr *out)
{
    size_t bytes = strlen(path);
    if (bytes == 0 || bytes > PATH_BYTES)
        return bytes == 0 ? -EINVAL : -ENAMETOOLONG;
    out->local.sun_family = AF_UNIX;
    memcpy(out->local.sun_path, path, bytes + 1);
    out->bytes = (socklen_t)(PATH_AT + bytes + 1);
    if (path[0] == '@') { /* abstract: the length tells where the name ends */
        out->local.sun_path[0] = '\0';
        out->bytes--;
    }
    return 0;
}

int drey_addr_parse(const char *text, drey_addr *out_addr)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    uint16_t port = 0;
    drey_addr parsed = {{0}};
    struct drey__addr *addr = drey__addr_of(&parsed);
    if (strncmp(text, "unix:", 5) == 0) {
        int rc = parse_local(text + 5, addr);
        if (rc == 0)
            *out_addr = parsed;
        return rc;
    }
    bool brackets = text[0] == '[';
    const char *end = brackets ? strstr(text, "]:") : strchr(text, ':');
    size_t bytes = end != NULL ? (size_t)(end - text) - brackets : sizeof host;
    if (bytes >= sizeof host || parse_port(end + 1 + brackets, &port) < 0)
        return -EINVAL;
    memcpy(host, text + brackets, bytes);
    host[bytes] = '\0';
    int rc = brackets ? parse_v6(host, port, addr) : parse_v4(host, port, addr);
    if (rc == 0)
        *out_addr = parsed;
    return rc;
}

static void format_v6(const struct drey__addr *addr, char *out)
{
    char host[INET6_ADDRSTRLEN], zone[IF_NAMESIZE + 1] = "";
    inet_ntop(AF_INET6, &addr->v6.sin6_addr, host, sizeof host);
    if (addr->v6.sin6_scope_id != 0) {
        zone[0] = '%';
        if (if_indextoname(addr->v6.sin6_scope_id, zone + 1) == NULL)
            snprintf(zone + 1, sizeof zone - 1, "%u", addr->v6.sin6_scope_id);
    }
    snprintf(out, DREY_ADDR_TEXT, "[%s%s]:%u", host, zone, ntohs(addr->v6.sin6_port));
}

static void format_local(const struct drey__addr *addr, char *out)
{
    size_t bytes = addr->bytes > PATH_AT ? addr->bytes - PATH_AT : 0;
    const char *path = addr->local.sun_path;
    if (bytes > 0 && path[0] == '\0')
        snprintf(out, DREY_ADDR_TEXT, "unix:@%.*s", (int)bytes - 1, path + 1);
    else
        snprintf(out, DREY_ADDR_TEXT, "unix:%.*s", (int)strnlen(path, bytes), path);
}

const char *drey_addr_format(const drey_addr *addr, char *out_text)
{
    const struct drey__addr *a = drey__addr_in(addr);
    int family = a->bytes > 0 ? a->any.sa_family : AF_UNSPEC;
    char host[INET_ADDRSTRLEN];
    if (family == AF_INET)
        snprintf(out_text, DREY_ADDR_TEXT, "%s:%u", inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof host),
                 ntohs(a->v4.sin_port));
    else if (family == AF_INET6)
        format_v6(a, out_text);
    else if (family == AF_UNIX)
        format_local(a, out_text);
    else
        snprintf(out_text, DREY_ADDR_TEXT, "unknown");
    return out_text;
}

int drey_addr_from(const struct sockaddr *any, size_t bytes, drey_addr *out_addr)
{
    drey_addr made = {{0}};
    struct drey__addr *a = drey__addr_of(&made);
    if (bytes < sizeof any->sa_family)
        return -EINVAL;
    bool v4 = any->sa_family == AF_INET, v6 = any->sa_family == AF_INET6;
    if (!v4 && !v6 && any->sa_family != AF_UNIX)
        return -EAFNOSUPPORT;
    size_t least = v4 ? sizeof a->v4 : v6 ? sizeof a->v6 : PATH_AT;
    size_t most = v4 || v6 ? sizeof(struct sockaddr_storage) : sizeof a->local;
    if (bytes < least || bytes > most)
        return -EINVAL;
    bytes = v4 || v6 ? least : bytes;
    memcpy(a->room, any, bytes);
    a->bytes = (socklen_t)bytes;
    *out_addr = made;
    return 0;
}

const struct sockaddr *drey_addr_sockaddr(const drey_addr *addr, unsigned *out_bytes)
{
    *out_bytes = drey__addr_in(addr)->bytes;
    return &drey__addr_in(addr)->any;
}

bool drey_addr_equal(const drey_addr *first, const drey_addr *second)
{
    const struct drey__addr *a = drey__addr_in(first), *b = drey__addr_in(second);
    if (a->bytes == 0 || b->bytes == 0 || a->any.sa_family != b->any.sa_family)
        return a->bytes == b->bytes && a->bytes == 0;
    switch (a->any.sa_family) {
    case AF_INET:
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    case AF_INET6:
        return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
               memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
    default:
        return a->bytes == b->bytes && memcmp(a->room, b->room, a->bytes) == 0;
    }
}

uint16_t drey_addr_port(const drey_addr *addr)
{
    const struct drey__addr *a = drey__addr_in(addr);
    int family = a->bytes > 0 ? a->any.sa_family : AF_UNSPEC;
    return family == AF_INET ? ntohs(a->v4.sin_port) : family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}
