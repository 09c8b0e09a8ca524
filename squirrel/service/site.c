/* SPDX-License-Identifier: MIT */
#include "service/site.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/filesystem.h"

static const struct {
    const char *prefix;
    sq_site_kind kind;
} schemes[] = {
    {"sqlite:", SQ_SITE_SQLITE},
    {"dir:", SQ_SITE_DIR},
    {"memory:", SQ_SITE_MEMORY},
};

enum { SCHEMES = sizeof schemes / sizeof *schemes };

void sq_site_free(sq_site *site)
{
    free(site->url);
    free(site->path);
    free(site->lock);
    free(site->log);
    free(site->socket);
    *site = (sq_site){0};
}

static int fail_path(sq_error *error, int code, const char *path, const char *what)
{
    sq_code kind = code == ENOENT || code == ENOTDIR ? SQ_NOT_FOUND
                   : code == EACCES || code == EPERM ? SQ_FORBIDDEN
                   : code == ENAMETOOLONG            ? SQ_TOO_LARGE
                   : code == ENOMEM                  ? SQ_QUOTA
                                                     : SQ_STORE_FAILED;
    return sq_fail(error, kind, "the store %.120s: %s: %s", path, what, strerror(code));
}

/* Makes a directory and those above it; one that is there is fine. */
static int make_directories(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t bytes = strlen(path);
    if (bytes >= sizeof part)
        return ENAMETOOLONG;
    for (size_t i = 1; i <= bytes; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST && errno != EISDIR)
            return errno;
    }
    return 0;
}

/* "HOME" of the environment, else of the password file; NULL: none. Only absolute paths count (XDG). */
static const char *home(void)
{
    const char *path = getenv("HOME");
    if (path && path[0] == '/')
        return path;
    const struct passwd *user = getpwuid(getuid());
    return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

/* sqlite:…/squirrel.db in the data directory, with the directory made. */
static int default_url(char **out, sq_error *error)
{
    const char *data = getenv("XDG_DATA_HOME"), *rest = "/squirrel";
    if (!data || data[0] != '/') {
        data = home();
        rest = "/.local/share/squirrel";
    }
    if (!data)
        return sq_fail(error, SQ_NOT_FOUND, "there is no home directory to keep a store in: name one by --store");
    char folder[PATH_MAX];
    if ((size_t)snprintf(folder, sizeof folder, "%s%s", data, rest) >= sizeof folder)
        return sq_fail(error, SQ_TOO_LARGE, "the path of the data directory is too long: name a store by --store");
    int code = make_directories(folder, 0700);
    if (code)
        return fail_path(error, code, folder, "its directory cannot be made");
    if (asprintf(out, "sqlite:%s/squirrel.db", folder) < 0)
        return sq_fail_memory(error);
    return 0;
}

/* The absolute path without links of what is there, or of what can be made in a directory that is there. */
static int resolve(const char *path, char out[PATH_MAX], sq_error *error)
{
    char folder[PATH_MAX];
    if (realpath(path, out))
        return 0;
    if (errno != ENOENT)
        return fail_path(error, errno, path, "its path leads nowhere");
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/')
        bytes--;
    size_t slash = bytes;
    while (slash > 0 && path[slash - 1] != '/')
        slash--;
    if (slash >= sizeof folder)
        return fail_path(error, ENAMETOOLONG, path, "its path");
    memcpy(folder, slash > 0 ? path : ".", slash > 0 ? slash : 1);
    folder[slash > 0 ? slash : 1] = '\0';
    char real[PATH_MAX];
    if (!realpath(folder, real))
        return fail_path(error, errno, path, "its directory must exist; make it first");
    int length =
        snprintf(out, PATH_MAX, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, (int)(bytes - slash), path + slash);
    return length < PATH_MAX ? 0 : fail_path(error, ENAMETOOLONG, path, "its path");
}

static int check_kind(sq_site_kind kind, const char *path, sq_error *error)
{
    struct stat stat_;
    if (stat(path, &stat_) < 0)
        return errno == ENOENT ? 0 : fail_path(error, errno, path, "it cannot be looked at");
    if (kind == SQ_SITE_SQLITE && S_ISDIR(stat_.st_mode))
        return sq_fail(error, SQ_INVALID, "the store %.120s is a directory: say dir:PATH, or name a file in it", path);
    if (kind == SQ_SITE_DIR && !S_ISDIR(stat_.st_mode))
        return sq_fail(error, SQ_INVALID, "the store %.120s is no directory: say sqlite:PATH for a file", path);
    return 0;
}

/* dir:PATH keeps what is squirrel's own in PATH/.squirrel/. */
static int make_store_directory(const char *path, sq_error *error)
{
    char own[PATH_MAX];
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return fail_path(error, errno, path, "it cannot be made");
    if ((size_t)snprintf(own, sizeof own, "%s/.squirrel", path) >= sizeof own)
        return fail_path(error, ENAMETOOLONG, path, "its path");
    if (mkdir(own, 0700) < 0 && errno != EEXIST)
        return fail_path(error, errno, own, "it cannot be made");
    return 0;
}

static int fill(sq_site *site, const char *prefix, const char *path, sq_error *error)
{
    const char *rest = site->kind == SQ_SITE_DIR ? "/.squirrel/store" : "";
    site->path = strdup(path);
    if (!site->path || asprintf(&site->url, "%s%s", prefix, path) < 0 ||
        asprintf(&site->lock, "%s%s.lock", path, rest) < 0 || asprintf(&site->log, "%s%s.log", path, rest) < 0 ||
        asprintf(&site->socket, "%s%s.sock", path, rest) < 0)
        return sq_fail_memory(error);
    return 0;
}

static int find(const char *url, sq_site *site, sq_error *error)
{
    for (int i = 0; i < SCHEMES; i++) {
        size_t bytes = strlen(schemes[i].prefix);
        if (strncmp(url, schemes[i].prefix, bytes) != 0)
            continue;
        const char *path = url + bytes;
        char real[PATH_MAX];
        site->kind = schemes[i].kind;
        if (site->kind == SQ_SITE_MEMORY) {
            site->url = strdup(schemes[i].prefix);
            return site->url ? 0 : sq_fail_memory(error);
        }
        if (path[0] == '\0')
            return sq_fail(error, SQ_USAGE, "the store '%.60s' lacks its path", url);
        int rc = resolve(path, real, error);
        if (rc == 0)
            rc = check_kind(site->kind, real, error);
        if (rc == 0 && site->kind == SQ_SITE_DIR)
            rc = make_store_directory(real, error);
        return rc < 0 ? rc : fill(site, schemes[i].prefix, real, error);
    }
    return sq_fail(error, SQ_USAGE, "'%.120s' is no store: say sqlite:PATH, dir:PATH or memory:", url);
}

/* The directory that holds the lock: what the file system is asked of. */
static int check_filesystem(const sq_site *site, sq_error *error)
{
    if (!site->lock)
        return 0;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", site->lock);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    return sq_filesystem_check(folder, error);
}

int sq_site_find(const char *url, sq_site *out, sq_error *error)
{
    sq_site site = {0};
    char *made = NULL;
    int rc = 0;
    if (!url)
        url = getenv("SQUIRREL_STORE");
    if (!url || url[0] == '\0')
        rc = default_url(&made, error);
    if (rc == 0)
        rc = find(made ? made : url, &site, error);
    if (rc == 0)
        rc = check_filesystem(&site, error);
    free(made);
    if (rc < 0)
        sq_site_free(&site);
    else
        *out = site;
    return rc;
}
