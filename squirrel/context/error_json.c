/* SPDX-License-Identifier: MIT */
#include "context/error_json.h"

#include <string.h>

static void add_number(sq_text *out, const char *key, size_t value)
{
    sq_text_format(out, ",\"%s\":", key);
    sq_text_integer(out, (int64_t)value);
}

void sq_error_write(sq_text *out, const sq_error *error)
{
    sq_text_format(out, "{\"code\":\"%s\",\"message\":", sq_code_name(error->code));
    sq_text_quote(out, error->message, strlen(error->message));
    if (error->place.line > 0) {
        add_number(out, "line", error->place.line);
        add_number(out, "column", error->place.column);
        add_number(out, "byte", error->place.byte);
    }
    if (error->path[0]) {
        sq_text_string(out, ",\"path\":");
        sq_text_quote(out, error->path, strlen(error->path));
    }
    sq_text_char(out, '}');
}

static const char *get_string(const sq_json *object, const char *key)
{
    sq_json *value = sq_json_get(object, key);
    return value && sq_json_typeof(value) == SQ_JSON_STRING ? sq_json_string(value, NULL) : NULL;
}

static size_t get_number(const sq_json *object, const char *key)
{
    sq_json *value = sq_json_get(object, key);
    int64_t number = value && sq_json_typeof(value) == SQ_JSON_INTEGER ? sq_json_integer(value) : 0;
    return number > 0 ? (size_t)number : 0;
}

/* As much as there is room for, whole characters only. */
static void copy(char *out, size_t room, const char *text)
{
    size_t bytes = text ? strlen(text) : 0;
    if (bytes >= room)
        bytes = room - 1;
    while (bytes > 0 && !sq_utf8_valid(text, bytes))
        bytes--;
    memcpy(out, text ? text : "", bytes);
    out[bytes] = '\0';
}

bool sq_error_read(const sq_json *object, sq_error *out)
{
    sq_error made = {0};
    if (!object || sq_json_typeof(object) != SQ_JSON_OBJECT)
        return false;
    const char *code = get_string(object, "code");
    if (!code || !sq_code_find(code, &made.code))
        return false;
    copy(made.message, sizeof made.message, get_string(object, "message"));
    copy(made.path, sizeof made.path, get_string(object, "path"));
    made.place.line = get_number(object, "line");
    made.place.column = get_number(object, "column");
    made.place.byte = get_number(object, "byte");
    *out = made;
    return true;
}
