/* SPDX-License-Identifier: MIT */
#include "cli/project.h"

#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_DIGITS = 6, BASE_BYTES = 100 };

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void sq_project_of_path(const char *path, char out[SQ_ID_BYTES + 1])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t bytes = 0;
    for (; base[bytes] && bytes < BASE_BYTES; bytes++) {
        char c = base[bytes];
        out[bytes] = is_plain(c) || (bytes > 0 && (c == '.' || c == '-')) ? c : '_';
    }
    if (bytes == 0)
        out[bytes++] = '_';
    SHA256((const unsigned char *)path, strlen(path), hash);
    snprintf(out + bytes, SQ_ID_BYTES + 1 - bytes, "-%02x%02x%02x", hash[0], hash[1], hash[2]);
}

/* The directory, here or above, that has a .git: a directory, or in a worktree a file. */
static bool find_repository(char path[PATH_MAX])
{
    char mark[PATH_MAX + 8];
    if (!getcwd(path, PATH_MAX))
        return false;
    for (;;) {
        snprintf(mark, sizeof mark, "%s/.git", path);
        if (access(mark, F_OK) == 0)
            return true;
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return false;
        *slash = '\0';
    }
}

static int take_name(const char *name, const char *from, sq_project_choice *out, sq_error *error)
{
    if (!sq_id_valid(name, strlen(name)))
        return sq_fail(error, SQ_BAD_ID, "%s: '%.60s' is no project: " SQ_ID_RULE, from, name);
    strcpy(out->name, name);
    out->from = from;
    return 0;
}

int sq_project_choose(const char *option, sq_project_choice *out, sq_error *error)
{
    char path[PATH_MAX];
    const char *variable = getenv("SQUIRREL_PROJECT");
    if (option)
        return take_name(option, "--project", out, error);
    if (variable && variable[0])
        return take_name(variable, "SQUIRREL_PROJECT", out, error);
    out->from = "git";
    if (find_repository(path)) {
        sq_project_of_path(path, out->name);
        return 0;
    }
    return take_name(SQ_PROJECT_DEFAULT, "default", out, error);
}
