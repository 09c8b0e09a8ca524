/* SPDX-License-Identifier: MIT */
/* The addresses of a name: from a file, or from name servers, asked for each family in a task of its own. */
#pragma once

#include <ares.h>
#include <stdbool.h>

#include <drey/resolve.h>

enum { DREY__V6, DREY__V4, DREY__FAMILIES };

struct drey__lookup;

/* Addresses of one family. Written by the task that asks, read when it has ended. */
struct drey__answers {
    struct drey__lookup *lookup;
    int family;
    int rc;                                /* 0: there are some. Or why there are none */
    struct ares_addrinfo *list;            /* owned; NULL if it is the other family's as well, or there is none */
    const struct ares_addrinfo_node *next; /* the first that was not taken */
};

struct drey__lookup {
    const char *host;
    char port[8];
    const drey_resolve_options *options;
    struct drey__answers of[DREY__FAMILIES];
};

/* The port that a service means: 0 to 65535, or -EINVAL. NULL is 0. */
int drey__port_of(const char *service);
/* A numeric address; false if the host is a name. */
bool drey__numeric(const char *host, int port, drey_addr *out_addr);

/* Prepare, and take what needs no name server: 0 if that was enough; DREY__ASK; or a negative errno, and nothing has to
 * be ended. */
enum { DREY__ASK = 1 };
int drey__lookup_init(struct drey__lookup *l, const char *host, int port, const drey_resolve_options *options);
void drey__lookup_deinit(struct drey__lookup *l);

/* Whether this family is to be asked for. */
bool drey__lookup_wants(const struct drey__lookup *l, int which);
/* A task: ask for the family. arg: its struct drey__answers. Returns 0; the outcome is in its rc. */
DREY_ASYNC int drey__lookup_ask(void *arg);
/* When all have been asked and there is no address: why. */
int drey__lookup_error(const struct drey__lookup *l);

/* The next address; false if there is none left. */
bool drey__answers_take(struct drey__answers *a, drey_addr *out_addr);
