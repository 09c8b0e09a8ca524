/* SPDX-License-Identifier: MIT */
#pragma once
#include "json/json.h"

/* One place where two values differ. */
typedef struct sq_change {
    const char *path;       /* a JSON pointer, RFC 6901: "/data/steps/2"; "": the values themselves */
    size_t path_bytes;
    sq_json *old, *new;     /* borrowed; NULL: not there */
} sq_change;

/* False ends the walk. */
typedef bool sq_change_fn(void *arg, const sq_change *change);

/* Calls `fn` for each place where `new` differs from `old`, in the order of their members: old ones first, then those
 * that were added. Arrays are compared from both ends, and what differs between them element by element; the index of
 * an element that is gone is that in `old`. NULL stands for an absent value. Recurses as deep as the values are nested.
 * False: `fn` ended it, or there was no memory. */
bool sq_diff(sq_json *old, sq_json *new, sq_change_fn *fn, void *arg);
