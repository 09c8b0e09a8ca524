/* SPDX-License-Identifier: MIT */
/* Makes the library's values from a text that the scan has accepted. What the scan has checked is not checked again:
 * every token is where it must be, and only memory can fail. The library's own reader takes three times as long, since
 * it goes byte by byte through functions that check. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"
#include "json/stop.h"

typedef struct builder {
    const unsigned char *at, *end;
    char *plain;    /* a string without its escapes */
    size_t room;
} builder;

static json_t *build_value(builder *b);

static void skip_space(builder *b)
{
    while (*b->at == ' ' || *b->at == '\t' || *b->at == '\n' || *b->at == '\r')
        b->at++;
}

static bool make_room(builder *b, size_t bytes)
{
    if (bytes <= b->room)
        return true;
    char *more = realloc(b->plain, bytes);
    if (!more)
        return false;
    b->plain = more;
    b->room = bytes;
    return true;
}

static char *put_utf8(char *out, unsigned c)
{
    unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(leads[more] | c >> 6 * more);
    while (more-- > 0)
        *out++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    return out;
}

/* [from, to) without its escapes: never longer. */
static bool unescape(builder *b, const unsigned char *from, const unsigned char *to, size_t *out_bytes)
{
    if (!make_room(b, (size_t)(to - from)))
        return false;
    char *out = b->plain;
    while (from < to) {
        const unsigned char *escape = memchr(from, '\\', (size_t)(to - from));
        size_t plain = (size_t)((escape ? escape : to) - from);
        memcpy(out, from, plain);
        out += plain;
        from += plain;
        if (escape)
            out = put_utf8(out, sq_scan_character(&from));
    }
    *out_bytes = (size_t)(out - b->plain);
    return true;
}

/* At the opening quote. The text is borrowed until the next string. NULL: no memory. */
static const char *read_string(builder *b, size_t *out_bytes)
{
    const unsigned char *from = ++b->at, *close = from;
    bool escaped = false;
    while (*close != '"') {
        escaped |= *close == '\\';
        close += *close == '\\' ? 2 : 1;
    }
    b->at = close + 1;
    *out_bytes = (size_t)(close - from);
    if (!escaped)
        return (const char *)from;
    return unescape(b, from, close, out_bytes) ? b->plain : NULL;
}

static json_t *build_string(builder *b)
{
    size_t bytes;
    const char *text = read_string(b, &bytes);
    return text ? json_stringn_nocheck(text, bytes) : NULL;
}

static json_t *build_number(builder *b)
{
    const unsigned char *from = b->at, *at = from + (*from == '-');
    bool real = false, vanished;
    uint64_t value = 0;
    for (; at < b->end && ((*at >= '0' && *at <= '9') || *at == '.' || *at == '-' || *at == '+' || (*at | 0x20) == 'e');
         at++) {
        real |= *at < '0' || *at > '9';
        value = value * 10 + (uint64_t)(*at - '0');
    }
    b->at = at;
    if (real)
        return json_real(sq_real_read(from, at, &vanished));
    return json_integer((json_int_t)(*from == '-' ? 0 - value : value));
}

static json_t *build_array(builder *b)
{
    json_t *array = json_array();
    b->at++;
    skip_space(b);
    while (array && *b->at != ']') {
        if (json_array_append_new(array, build_value(b)) < 0) {
            json_decref(array);
            return NULL;
        }
        skip_space(b);
        b->at += *b->at == ',';
        skip_space(b);
    }
    b->at++;
    return array;
}

/* The library copies the key only when the value is there, and building that needs the builder's memory too. */
static int add_member(builder *b, json_t *object)
{
    size_t bytes;
    const char *key = read_string(b, &bytes);
    char *own = NULL;
    if (key && key == b->plain) {
        own = b->plain;
        b->plain = NULL;
        b->room = 0;
    }
    skip_space(b);
    b->at++;
    json_t *value = key ? build_value(b) : NULL;
    int rc = value ? json_object_setn_new_nocheck(object, key, bytes, value) : -1;
    free(own);
    return rc;
}

static json_t *build_object(builder *b)
{
    json_t *object = json_object();
    b->at++;
    skip_space(b);
    while (object && *b->at != '}') {
        if (add_member(b, object) < 0) {
            json_decref(object);
            return NULL;
        }
        skip_space(b);
        b->at += *b->at == ',';
        skip_space(b);
    }
    b->at++;
    return object;
}

static json_t *build_value(builder *b)
{
    skip_space(b);
    if (sq_stopped(1))
        return NULL;
    switch (*b->at) {
    case '{':
        return build_object(b);
    case '[':
        return build_array(b);
    case '"':
        return build_string(b);
    case 't':
        b->at += strlen("true");
        return json_true();
    case 'f':
        b->at += strlen("false");
        return json_false();
    case 'n':
        b->at += strlen("null");
        return json_null();
    default:
        return build_number(b);
    }
}

sq_json *sq_scan_build(const unsigned char *start, const unsigned char *end)
{
    builder b = {.at = start, .end = end};
    json_t *value = build_value(&b);
    free(b.plain);
    return value;
}
