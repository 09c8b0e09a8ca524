/* SPDX-License-Identifier: MIT */
/* What is in a drey_addr. The public header leaves it out, to keep the system's many names out of programs. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <drey/net.h>

struct drey__addr {
    socklen_t bytes; /* of what the system calls take; 0: no address */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        char room[112];
    };
} __attribute__((may_alias));

_Static_assert(sizeof(struct drey__addr) <= sizeof(drey_addr), "an address fits what is public of it");

enum { DREY__ADDR_ROOM = sizeof((struct drey__addr *)0)->room };

static inline struct drey__addr *drey__addr_of(drey_addr *addr)
{
    return (struct drey__addr *)(void *)addr;
}

static inline const struct drey__addr *drey__addr_in(const drey_addr *addr)
{
    return (const struct drey__addr *)(const void *)addr;
}
