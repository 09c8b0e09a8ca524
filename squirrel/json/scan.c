/* SPDX-License-Identifier: MIT */
#include "json/scan.h"

#include <stdlib.h>
#include <string.h>

#include "json/stop.h"

static bool scan_value(sq_scan *scan);

static void skip_space(sq_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
        if (((uintptr_t)scan->at & 1023) == 0 && sq_stopped(64))
            scan->at = scan->end; /* whoever goes on from here fails */
    }
}

static bool next_is(sq_scan *scan, char c)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != (unsigned char)c)
        return false;
    scan->at++;
    return true;
}

/* Something else than `wanted` is at scan->at. */
static bool fail_expected(sq_scan *scan, const char *wanted)
{
    const unsigned char *at = scan->at;
    if (at == scan->end)
        return sq_scan_fail(scan, SQ_JSON_INVALID, at, "the input ends where %s is expected: is it cut short?", wanted);
    if (*at == '/' || *at == '#')
        return sq_scan_fail(scan, SQ_JSON_INVALID, at, "JSON has no comments: remove it");
    if (*at == '\'')
        return sq_scan_fail(scan, SQ_JSON_INVALID, at, "JSON strings are quoted with \", not with '");
    if (*at == 0)
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, at, "U+0000 cannot be stored: remove the NUL byte");
    if (*at > 0x20 && *at < 0x7f)
        return sq_scan_fail(scan, SQ_JSON_INVALID, at, "expected %s, found '%c'", wanted, *at);
    return sq_scan_fail(scan, SQ_JSON_INVALID, at, "expected %s, found the byte 0x%02x", wanted, *at);
}

static bool enter(sq_scan *scan)
{
    if (scan->depth == scan->max_depth)
        return sq_scan_fail(scan, SQ_JSON_TOO_DEEP, scan->at, "objects and arrays are nested over %u deep here",
                            scan->max_depth);
    scan->steps[scan->depth++] = (sq_step){.index = SIZE_MAX};
    scan->at++;
    return true;
}

static bool scan_member(sq_scan *scan)
{
    sq_key key;
    const unsigned char *at = scan->at;
    if (at == scan->end || *at != '"')
        return fail_expected(scan, "a key in double quotes");
    if (!sq_scan_string(scan, &key) || !sq_scan_key_add(scan, &key))
        return false;
    scan->steps[scan->depth - 1].key = key;
    sq_scan_reached(scan, at);
    if (!next_is(scan, ':'))
        return fail_expected(scan, "':' after the key");
    return scan_value(scan);
}

static bool trailing_comma(sq_scan *scan, char close)
{
    const unsigned char *comma = scan->at - 1;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != (unsigned char)close)
        return false;
    sq_scan_fail(scan, SQ_JSON_INVALID, comma, "a comma stands before the closing '%c': remove it", close);
    return true;
}

static bool scan_object(sq_scan *scan)
{
    size_t first_key = scan->key_count;
    if (!enter(scan))
        return false;
    if (!next_is(scan, '}')) {
        do {
            skip_space(scan);
            scan->steps[scan->depth - 1].key.text = NULL;
            if (!scan_member(scan))
                return false;
            if (next_is(scan, '}'))
                break;
            if (!next_is(scan, ','))
                return fail_expected(scan, "',' or '}' after the member");
            if (trailing_comma(scan, '}'))
                return false;
        } while (true);
    }
    if (!sq_scan_keys_differ(scan, first_key))
        return false;
    scan->depth--;
    return true;
}

static bool scan_array(sq_scan *scan)
{
    if (!enter(scan))
        return false;
    if (!next_is(scan, ']')) {
        do {
            skip_space(scan);
            scan->steps[scan->depth - 1].index++;
            sq_scan_reached(scan, scan->at);
            if (!scan_value(scan))
                return false;
            if (next_is(scan, ']'))
                break;
            if (!next_is(scan, ','))
                return fail_expected(scan, "',' or ']' after the element");
            if (trailing_comma(scan, ']'))
                return false;
        } while (true);
    }
    scan->depth--;
    return true;
}

static bool starts(const sq_scan *scan, const char *word)
{
    size_t bytes = strlen(word);
    return (size_t)(scan->end - scan->at) >= bytes && memcmp(scan->at, word, bytes) == 0;
}

static bool scan_word(sq_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (starts(scan, words[i])) {
            scan->at += strlen(words[i]);
            return true;
        }
    }
    if (starts(scan, "NaN") || starts(scan, "Infinity") || starts(scan, "-Infinity"))
        return sq_scan_fail(scan, SQ_JSON_BAD_NUMBER, scan->at, "JSON has no NaN and no Infinity: use null or text");
    return fail_expected(scan, "a value");
}

static bool scan_value(sq_scan *scan)
{
    sq_key ignored;
    skip_space(scan);
    if (sq_stopped(1))
        return sq_scan_stop(scan);
    unsigned char c = scan->at < scan->end ? *scan->at : 0;
    if (c == '{')
        return scan_object(scan);
    if (c == '[')
        return scan_array(scan);
    if (c == '"')
        return sq_scan_string(scan, &ignored);
    if ((c >= '0' && c <= '9') || (c == '-' && !starts(scan, "-Infinity")))
        return sq_scan_number(scan);
    return scan_word(scan);
}

static bool scan_whole(sq_scan *scan)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (starts(scan, mark))
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, scan->at, "a byte-order mark comes first: save without it");
    if (starts(scan, "\xff\xfe") || starts(scan, "\xfe\xff"))
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, scan->at, "this is UTF-16: save it as UTF-8");
    skip_space(scan);
    if (scan->at == scan->end)
        return sq_scan_fail(scan, SQ_JSON_INVALID, scan->at, "the input is empty: expected a JSON value");
    sq_scan_reached(scan, scan->at);
    if (!scan_value(scan))
        return false;
    skip_space(scan);
    if (scan->at < scan->end)
        return sq_scan_fail(scan, SQ_JSON_INVALID, scan->at, "something follows the end of the JSON value: remove it");
    return true;
}

bool sq_scan_text(sq_scan *scan)
{
    bool good = scan_whole(scan);
    free(scan->keys);
    scan->keys = NULL;
    return good;
}
