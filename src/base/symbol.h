/* SPDX-License-Identifier: MIT */
/* Names of code addresses, for reports. */
#pragma once

#include <stddef.h>

/* Name a code address: "function+0x1f (program)", or "function (program)" for its start. Writes at most n bytes,
 * returns buffer. Needs little stack and no memory, so that a report of an overflow may use it. */
const char *drey__place_name(const void *place, char *buffer, size_t n);

/* What a function is called: its name alone, or as drey__place_name if that is unknown. */
const char *drey__function_name(const void *start, char *buffer, size_t n);

/* The name of the function that starts at this address, from the dynamic symbols; NULL if unknown. Static. */
const char *drey__symbol_name(const void *address);
