/* SPDX-License-Identifier: MIT */
#include "json/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/stop.h"

enum { PLAIN_STEPS = 1024 };

void sq_text_free(sq_text *text)
{
    free(text->data);
    *text = (sq_text){0};
}

void sq_text_clear(sq_text *text)
{
    text->bytes = 0;
    if (text->data)
        text->data[0] = '\0';
}

/* Makes room for `more` bytes and the NUL. */
static bool reserve(sq_text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 - text->bytes) {
        text->failed = true;
        return false;
    }
    size_t need = text->bytes + more + 1;
    if (need <= text->room)
        return true;
    size_t room = text->room < 256 ? 256 : text->room * 2;
    if (room < need)
        room = need;
    char *data = realloc(text->data, room);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void sq_text_add(sq_text *text, const void *data, size_t bytes)
{
    if (!reserve(text, bytes))
        return;
    if (bytes > 0)
        memcpy(text->data + text->bytes, data, bytes);
    text->bytes += bytes;
    text->data[text->bytes] = '\0';
}

void sq_text_string(sq_text *text, const char *string)
{
    sq_text_add(text, string, strlen(string));
}

void sq_text_char(sq_text *text, char c)
{
    if (!reserve(text, 1))
        return;
    text->data[text->bytes++] = c;
    text->data[text->bytes] = '\0';
}

size_t sq_text_digits(uint64_t value, char out[SQ_TEXT_DIGITS])
{
    char reverse[SQ_TEXT_DIGITS];
    size_t n = 0;
    do
        reverse[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = reverse[n - 1 - i];
    return n;
}

void sq_text_integer(sq_text *text, int64_t value)
{
    char digits[SQ_TEXT_DIGITS];
    if (value < 0)
        sq_text_char(text, '-');
    sq_text_add(text, digits, sq_text_digits(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, digits));
}

void sq_text_format(sq_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char small[256];
    int bytes = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (bytes < 0) {
        text->failed = true;
        return;
    }
    if ((size_t)bytes < sizeof small) {
        sq_text_add(text, small, (size_t)bytes);
        return;
    }
    if (!reserve(text, (size_t)bytes))
        return;
    va_start(args, format);
    vsnprintf(text->data + text->bytes, (size_t)bytes + 1, format, args);
    va_end(args);
    text->bytes += (size_t)bytes;
}

static bool continuation(const unsigned char *at, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

unsigned sq_utf8_length(const unsigned char *at, const unsigned char *end)
{
    size_t left = (size_t)(end - at);
    if (left == 0)
        return 0;
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    unsigned length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || length > left || !continuation(at, 1, length))
        return 0;
    /* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
    unsigned char second = at[1];
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

bool sq_utf8_valid(const char *data, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)data, *end = at + bytes;
    while (at < end) {
        unsigned length = sq_utf8_length(at, end);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static void quote_escape(sq_text *text, unsigned char c)
{
    static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (const char *pair = named; *pair; pair += 2) {
        if ((unsigned char)pair[0] == c) {
            sq_text_char(text, '\\');
            sq_text_char(text, pair[1]);
            return;
        }
    }
    sq_text_format(text, "\\u%04x", (unsigned)c);
}

/* Stands for itself in a JSON string. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end)
{
    while (at < end && is_plain(*at))
        at++;
    return at;
}

void sq_text_quote(sq_text *text, const char *data, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)data, *end = at + bytes, *plain = at;
    sq_text_char(text, '"');
    while (at < end) {
        const unsigned char *from = at;
        at = skip_plain(at, (size_t)(end - at) < PLAIN_STEPS ? end : at + PLAIN_STEPS);
        if (sq_stopped((unsigned)(at - from) / 16 + 1)) {
            text->failed = true;
            return;
        }
        if (at == end || is_plain(*at))
            continue;
        unsigned length = sq_utf8_length(at, end);
        if (length > 1) {
            at += length;
            continue;
        }
        sq_text_add(text, plain, (size_t)(at - plain));
        if (length == 0)
            sq_text_string(text, "\xef\xbf\xbd");
        else
            quote_escape(text, *at);
        plain = ++at;
    }
    sq_text_add(text, plain, (size_t)(at - plain));
    sq_text_char(text, '"');
}
