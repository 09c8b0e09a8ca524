/* SPDX-License-Identifier: MIT */
/* Whoever can write into a directory can put another socket into the place of ours, so a socket lives only where
 * nobody else can. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/site.h"

enum { HASH_BYTES = 8 };

/* Ours alone, and a directory, not a link to one. */
static bool is_private(const char *folder)
{
    struct stat stat;
    return lstat(folder, &stat) == 0 && S_ISDIR(stat.st_mode) && stat.st_uid == geteuid() &&
           (stat.st_mode & 077) == 0 && access(folder, W_OK | X_OK) == 0;
}

/* The folder is that of a socket's path. */
static bool fits_beside(const char *socket)
{
    char folder[SQ_SOCKET_BYTES + 1];
    if (strlen(socket) > SQ_SOCKET_BYTES)
        return false;
    strcpy(folder, socket);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return false;
    *slash = '\0';
    return is_private(folder);
}

/* A name for each store, since many share the folder. */
static bool fits_in(const char *folder, const sq_site *site, char out[SQ_SOCKET_BYTES + 1])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char name[2 * HASH_BYTES + 1];
    SHA256((const unsigned char *)site->url, strlen(site->url), hash);
    for (int i = 0; i < HASH_BYTES; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    if (snprintf(out, SQ_SOCKET_BYTES + 1, "%s/%s.sock", folder, name) > SQ_SOCKET_BYTES)
        return false;
    return (mkdir(folder, 0700) == 0 || errno == EEXIST) && is_private(folder);
}

int sq_site_socket(const sq_site *site, char out[SQ_SOCKET_BYTES + 1], sq_error *error)
{
    char folder[SQ_SOCKET_BYTES + 1];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (site->socket && fits_beside(site->socket)) {
        strcpy(out, site->socket);
        return 0;
    }
    if (runtime && runtime[0] == '/' && is_private(runtime) &&
        snprintf(folder, sizeof folder, "%s/squirrel", runtime) < (int)sizeof folder && fits_in(folder, site, out))
        return 0;
    snprintf(folder, sizeof folder, "/tmp/squirrel-%u", (unsigned)geteuid());
    if (fits_in(folder, site, out))
        return 0;
    return sq_fail(error, SQ_STORE_UNREACHABLE,
                   "there is no private directory for a socket: %s belongs to another or is open to others; remove it, "
                   "or set XDG_RUNTIME_DIR",
                   folder);
}
