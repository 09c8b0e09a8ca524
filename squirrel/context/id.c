/* SPDX-License-Identifier: MIT */
#include "context/id.h"

#include <string.h>

static bool letter_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool sq_id_valid(const char *id, size_t bytes)
{
    if (bytes == 0 || bytes > SQ_ID_BYTES || !letter_or_digit(id[0]))
        return false;
    for (size_t i = 1; i < bytes; i++) {
        if (!letter_or_digit(id[i]) && id[i] != '.' && id[i] != '-')
            return false;
    }
    return true;
}

bool sq_id_from_path(const char *path, char out[SQ_ID_BYTES + 1])
{
    static const char suffix[] = ".json";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t bytes = strlen(name), tail = sizeof suffix - 1;
    if (bytes > tail && strcmp(name + bytes - tail, suffix) == 0)
        bytes -= tail;
    if (!sq_id_valid(name, bytes))
        return false;
    memcpy(out, name, bytes);
    out[bytes] = '\0';
    return true;
}
