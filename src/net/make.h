/* SPDX-License-Identifier: MIT */
/* Steps of making a socket, as system calls: a descriptor, 0, or a negative errno. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/addr.h"

int drey__net_socket(int family, int type);
int drey__net_option(int fd, int level, int name, bool on);
int drey__net_bind(int fd, const struct drey__addr *at);

/* The end of making: the descriptor, which is drey's own from now on; or close it and return `rc`, if that is negative.
 * `tcp`: a stream that is read to its end whenever less than was asked for comes (DREY__TCP). */
int drey__net_made(int fd, int rc, bool tcp);
/* Close one that nobody has seen yet. */
void drey__net_drop(int fd);

/* See that a call without a flag for it does not block, though the socket came from elsewhere; the word of its number
 * (io/number.h). */
uint64_t drey__net_unblock(int fd);
/* Accept a connection; arg: a struct drey__addr for the peer's, or NULL. */
ssize_t drey__net_accept(int listener, void *arg);
/* It was accepted from this listener. */
int drey__net_accepted(int fd, int listener, uint64_t word);
