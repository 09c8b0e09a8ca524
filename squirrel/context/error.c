/* SPDX-License-Identifier: MIT */
#include "context/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json/text.h"

enum { PARSE_ERROR = -32700, INVALID_PARAMS = -32602, SERVER_ERROR = -32603 };

static const struct { const char *name; short exit; short http; int rpc; } table[SQ_CODES] = {
    [SQ_OK] = {"success", 0, 200, 0},
    [SQ_SOME_FAILED] = {"some_failed", 1, 200, 0},
    [SQ_USAGE] = {"usage", 2, 0, 0},
    [SQ_INVALID_JSON] = {"invalid_json", 3, 400, PARSE_ERROR},
    [SQ_DUPLICATE_KEY] = {"duplicate_key", 3, 400, PARSE_ERROR},
    [SQ_BAD_TEXT] = {"bad_text", 3, 400, PARSE_ERROR},
    [SQ_BAD_NUMBER] = {"bad_number", 3, 400, PARSE_ERROR},
    [SQ_INVALID] = {"invalid", 3, 400, INVALID_PARAMS},
    [SQ_BAD_ID] = {"bad_id", 3, 400, INVALID_PARAMS},
    [SQ_TOO_DEEP] = {"too_deep", 3, 400, INVALID_PARAMS},
    [SQ_BAD_CURSOR] = {"bad_cursor", 3, 400, INVALID_PARAMS},
    [SQ_TOO_LARGE] = {"too_large", 3, 413, INVALID_PARAMS},
    [SQ_CYCLE] = {"cycle", 3, 422, INVALID_PARAMS},
    [SQ_BROKEN_PARENT] = {"broken_parent", 3, 422, INVALID_PARAMS},
    [SQ_KEY_REUSED] = {"key_reused", 3, 422, INVALID_PARAMS},
    [SQ_NOT_FOUND] = {"not_found", 4, 404, INVALID_PARAMS},
    [SQ_GONE] = {"gone", 4, 410, INVALID_PARAMS},
    [SQ_CONFLICT] = {"conflict", 5, 409, INVALID_PARAMS},
    [SQ_EXISTS] = {"exists", 5, 409, INVALID_PARAMS},
    [SQ_HAS_CHILDREN] = {"has_children", 5, 409, INVALID_PARAMS},
    [SQ_PRECONDITION_REQUIRED] = {"precondition_required", 5, 428, INVALID_PARAMS},
    [SQ_UNAUTHENTICATED] = {"unauthenticated", 6, 401, INVALID_PARAMS},
    [SQ_FORBIDDEN] = {"forbidden", 6, 403, INVALID_PARAMS},
    [SQ_QUOTA] = {"quota", 7, 507, SERVER_ERROR},
    [SQ_BUSY] = {"busy", 7, 503, SERVER_ERROR},
    [SQ_STORE_BUSY] = {"store_busy", 8, 503, SERVER_ERROR},
    [SQ_STORE_UNREACHABLE] = {"store_unreachable", 8, 503, SERVER_ERROR},
    [SQ_DISK_FULL] = {"disk_full", 8, 507, SERVER_ERROR},
    [SQ_STORE_FAILED] = {"store_failed", 8, 503, SERVER_ERROR},
    [SQ_UNKNOWN_OUTCOME] = {"unknown_outcome", 9, 503, SERVER_ERROR},
    [SQ_TIMEOUT] = {"timeout", 124, 504, SERVER_ERROR},
    [SQ_VERSION_SKEW] = {"version_skew", 78, 503, SERVER_ERROR},
    [SQ_INTERNAL] = {"internal", 70, 500, SERVER_ERROR},
    [SQ_INTERRUPTED] = {"interrupted", 130, 0, 0},
};

const char *sq_code_name(sq_code code)
{
    return table[code].name;
}

bool sq_code_find(const char *name, sq_code *out)
{
    for (int code = 0; code < SQ_CODES; code++) {
        if (strcmp(table[code].name, name) == 0) {
            *out = (sq_code)code;
            return true;
        }
    }
    return false;
}

int sq_code_exit(sq_code code)
{
    return table[code].exit;
}

int sq_code_http(sq_code code)
{
    return table[code].http;
}

int sq_code_rpc(sq_code code)
{
    return table[code].rpc;
}

/* A message that was too long for its field may end inside a character. */
static void drop_partial(char *text)
{
    size_t bytes = strlen(text);
    for (unsigned i = 0; i < 4 && bytes > 0 && !sq_utf8_valid(text, bytes); i++)
        text[--bytes] = '\0';
}

int sq_fail(sq_error *error, sq_code code, const char *format, ...)
{
    sq_error made = {.code = code};
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(made.message, sizeof made.message, format, args);
    va_end(args);
    if (bytes >= (int)sizeof made.message)
        drop_partial(made.message);
    *error = made;
    return -EINVAL;
}

int sq_fail_memory(sq_error *error)
{
    sq_fail(error, SQ_QUOTA, "out of memory: process fewer or smaller inputs at once");
    return -ENOMEM;
}

int sq_fail_json(sq_error *error, const sq_json_error *reader)
{
    static const sq_code codes[] = {
        [SQ_JSON_FINE] = SQ_INTERNAL, [SQ_JSON_INVALID] = SQ_INVALID_JSON, [SQ_JSON_DUPLICATE_KEY] = SQ_DUPLICATE_KEY,
        [SQ_JSON_BAD_TEXT] = SQ_BAD_TEXT, [SQ_JSON_BAD_NUMBER] = SQ_BAD_NUMBER, [SQ_JSON_TOO_DEEP] = SQ_TOO_DEEP,
        [SQ_JSON_NO_MEMORY] = SQ_QUOTA,
    };
    if (reader->code == SQ_JSON_NO_MEMORY)
        return sq_fail_memory(error);
    *error = (sq_error){.code = codes[reader->code], .place = reader->place};
    memcpy(error->path, reader->path, sizeof error->path);
    memcpy(error->message, reader->message, sizeof error->message);
    return -EINVAL;
}
