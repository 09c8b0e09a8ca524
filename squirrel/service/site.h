/* SPDX-License-Identifier: MIT */
/* Where a store is, and what lies beside it: the lock, the log, the socket. */
#pragma once
#include "context/error.h"

enum { SQ_SOCKET_BYTES = 100 };   /* of a socket's path; the system takes 107 */

typedef enum sq_site_kind { SQ_SITE_SQLITE, SQ_SITE_DIR, SQ_SITE_MEMORY } sq_site_kind;

/* One store has one place, whichever way its path was written. Free with sq_site_free. */
typedef struct sq_site {
    sq_site_kind kind;
    char *url;      /* with an absolute path without links: what an owner is started with */
    char *path;     /* of the store: a file (sqlite), a directory (dir); NULL: memory */
    char *lock;     /* NULL: memory, which no other process can reach */
    char *log;      /* of its owner */
    char *socket;   /* the one beside the store, if it was to be that one */
} sq_site;

/* `url` is sqlite:PATH, dir:PATH or memory:. NULL: SQUIRREL_STORE of the environment, else the default, squirrel.db in
 * the XDG data directory, which is made. The directory of a store must exist. 0, or -EINVAL or -ENOMEM with *error set.
 * Blocks; any thread. */
int sq_site_find(const char *url, sq_site *out, sq_error *error);
void sq_site_free(sq_site *site);

/* The path that its owner is to bind (S22): the first that is private, writable and short enough of: beside the store,
 * in $XDG_RUNTIME_DIR/squirrel/, in /tmp/squirrel-<uid>/; these two are made. 0, or -EINVAL with *error set. Blocks. */
int sq_site_socket(const sq_site *site, char out[SQ_SOCKET_BYTES + 1], sq_error *error);
