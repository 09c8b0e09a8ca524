/* SPDX-License-Identifier: MIT */
/* Finding the owner of a store, or starting one (S21):
 *
 *     connect to the socket that the lock's text names       it answers the hello: done
 *     else take the lock                                     taken: start an owner with it, and connect
 *     else wait a little, and again                          after 5 s: store_busy; after a minute, if who has the lock
 *                                                            says that it is an owner that starts or ends
 *
 * The lock goes from the starter to the owner without being free in between, so however many clients start at once,
 * there is one owner. An owner that is older than we are is asked to hand over to our program (S25). */
#pragma once
#include <drey.h>

#include "service/site.h"
#include "transport/version.h"

typedef struct sq_discovery {
    const sq_site *site;        /* borrowed; not memory: */
    const char *program;        /* to start an owner with; NULL: this very program */
    int64_t idle_ms;            /* of an owner that is started; 0: its default */
    bool no_start;              /* only look: no owner is started, none asked to hand over */
} sq_discovery;

/* 0: *out_fd is connected and its hello answered; out_hello may be NULL. -EINVAL or -ENOMEM with *error set:
 * store_busy, version_skew, store_unreachable (.no_start, and there is none), or why the owner did not start.
 * -ECANCELED. Suspends: until there is an owner. */
DREY_ASYNC DREY_MUST_USE
int sq_discover(const sq_discovery *discovery, int *out_fd, sq_hello *out_hello, sq_error *error);

/* The same as an sq_connect: arg is an sq_discovery. */
DREY_ASYNC DREY_MUST_USE int sq_discover_connect(void *arg, int *out_fd, sq_error *error);

/* The path of this program, if that can be executed again; else NULL. Free it. */
char *sq_own_program(void);
