/* SPDX-License-Identifier: MIT */
#include "json/scan.h"

#include <math.h>
#include <string.h>

#include "json/stop.h"
#include "json/text.h"

static bool is_digit(const sq_scan *scan, const unsigned char *at)
{
    return at < scan->end && *at >= '0' && *at <= '9';
}

static const unsigned char *skip_digits(const sq_scan *scan, const unsigned char *at)
{
    while (is_digit(scan, at))
        at++;
    return at;
}

static int hex_digit(unsigned char c)
{
    unsigned char letter = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Four hex digits at `at`, or -1. */
static int hex4(const sq_scan *scan, const unsigned char *at)
{
    int value = 0;
    if (scan->end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* scan->at is at the backslash of \u. */
static bool scan_unicode_escape(sq_scan *scan)
{
    const unsigned char *at = scan->at;
    int unit = hex4(scan, at + 2);
    if (unit < 0)
        return sq_scan_fail(scan, SQ_JSON_INVALID, at, "\\u is not followed by four hex digits");
    if (unit == 0)
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, at, "U+0000 cannot be stored: remove the \\u0000");
    scan->at += 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    int low = unit < 0xdc00 && scan->end - at >= 12 && at[6] == '\\' && at[7] == 'u' ? hex4(scan, at + 8) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, at, "the surrogate \\u%.4s stands alone: it needs its other half",
                            (const char *)at + 2);
    scan->at += 6;
    return true;
}

static bool scan_escape(sq_scan *scan)
{
    const unsigned char *at = scan->at;
    if (scan->end - at >= 2 && at[1] == 'u')
        return scan_unicode_escape(scan);
    if (scan->end - at < 2 || at[1] == '\0' || !strchr("\"\\/bfnrt", at[1]))
        return sq_scan_fail(scan, SQ_JSON_INVALID, at,
                            "an unknown escape: only \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX exist");
    scan->at += 2;
    return true;
}

static bool bad_byte(sq_scan *scan)
{
    unsigned char c = *scan->at;
    if (c == 0)
        return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, scan->at, "U+0000 cannot be stored: remove the NUL byte");
    if (c < 0x20)
        return sq_scan_fail(scan, SQ_JSON_INVALID, scan->at,
                            "the control character 0x%02x stands in a string: escape it as \\u%04x", c, c);
    return sq_scan_fail(scan, SQ_JSON_BAD_TEXT, scan->at, "the byte 0x%02x is not valid UTF-8 here", c);
}

bool sq_scan_string(sq_scan *scan, sq_key *out)
{
    const unsigned char *open = scan->at++;
    *out = (sq_key){.text = scan->at};
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = *scan->at;
        if (((uintptr_t)scan->at & 1023) == 0 && sq_stopped(64))
            return sq_scan_stop(scan);
        if (c == '\\') {
            out->escaped = true;
            if (!scan_escape(scan))
                return false;
        } else if (c >= 0x20 && c < 0x80) {
            scan->at++;
        } else {
            unsigned length = c < 0x80 ? 0 : sq_utf8_length(scan->at, scan->end);
            if (length == 0)
                return bad_byte(scan);
            scan->at += length;
        }
    }
    if (scan->at == scan->end)
        return sq_scan_fail(scan, SQ_JSON_INVALID, open, "this string has no closing quote: the input ends inside it");
    out->bytes = (size_t)(scan->at - out->text);
    scan->at++;
    return true;
}

static bool check_integer(sq_scan *scan, const unsigned char *from)
{
    bool negative = *from == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;
    for (const unsigned char *at = from + negative; at < scan->at; at++) {
        unsigned digit = *at - (unsigned)'0';
        if (value > (limit - digit) / 10)
            return sq_scan_fail(scan, SQ_JSON_BAD_NUMBER, from,
                                "this integer does not fit in 64 bits: write it as a string, or with an exponent");
        value = value * 10 + digit;
    }
    return true;
}

static bool check_real(sq_scan *scan, const unsigned char *from)
{
    bool vanished;
    double value = sq_real_read(from, scan->at, &vanished);
    if (isinf(value))
        return sq_scan_fail(scan, SQ_JSON_BAD_NUMBER, from, "this number is too large for a double");
    if (vanished)
        return sq_scan_fail(scan, SQ_JSON_BAD_NUMBER, from, "this number is too small for a double: it would become 0");
    return true;
}

bool sq_scan_number(sq_scan *scan)
{
    const unsigned char *from = scan->at, *at = from + (*from == '-'), *integer;
    if (!is_digit(scan, at))
        return sq_scan_fail(scan, SQ_JSON_INVALID, from, "a minus sign needs a digit after it");
    if (*at == '0' && is_digit(scan, at + 1))
        return sq_scan_fail(scan, SQ_JSON_INVALID, from, "a number has no leading zeros");
    at = integer = skip_digits(scan, at);
    if (at < scan->end && *at == '.') {
        at = skip_digits(scan, at + 1);
        if (at == integer + 1)
            return sq_scan_fail(scan, SQ_JSON_INVALID, from, "a decimal point needs a digit after it");
    }
    if (at < scan->end && (*at | 0x20) == 'e') {
        at++;
        at += at < scan->end && (*at == '+' || *at == '-');
        if (!is_digit(scan, at))
            return sq_scan_fail(scan, SQ_JSON_INVALID, from, "an exponent needs a digit");
        at = skip_digits(scan, at);
    }
    scan->at = at;
    if (at - from > SQ_JSON_NUMBER_BYTES)
        return sq_scan_fail(scan, SQ_JSON_BAD_NUMBER, from, "a number has at most %d characters", SQ_JSON_NUMBER_BYTES);
    return at == integer ? check_integer(scan, from) : check_real(scan, from);
}
