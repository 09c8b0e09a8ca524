/* SPDX-License-Identifier: MIT */
/* Shortest round-trip doubles. Nearly all numbers in documents have few digits after the point, and those are found by
 * arithmetic. For the others, printf gives the nearest decimal of p digits; the first p that strtod reads back as the
 * same double is the shortest. Two details:
 * - below a power of two the doubles lie twice as dense, so there the nearest decimal can miss while the next one up
 *   reads back: it is tried too (2^-44 is 5.684341886080802e-14, not a 17-digit number);
 * - digits and exponent are exchanged without a decimal point, so the locale has no say. */
#include "json/write.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct decimal {
    char digits[SQ_TEXT_DIGITS + 1]; /* d1 d2 ... dk, value = 0.d1d2...dk * 10^point */
    int count;
    int point;
} decimal;

static double decimal_value(const decimal *d)
{
    char text[40];
    snprintf(text, sizeof text, "%se%d", d->digits, d->point - d->count);
    return strtod(text, NULL);
}

static void decimal_round(double value, int count, decimal *out)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    out->count = 0;
    const char *c = text;
    for (; *c && *c != 'e'; c++) {
        if (isdigit((unsigned char)*c))
            out->digits[out->count++] = *c;
    }
    out->digits[out->count] = '\0';
    out->point = atoi(c + 1) + 1;
}

static bool decimal_next(decimal *d)
{
    int i = d->count - 1;
    while (i >= 0 && d->digits[i] == '9')
        d->digits[i--] = '0';
    if (i < 0)
        return false;
    d->digits[i]++;
    return true;
}

/* A decimal of up to 15 digits of which up to 22 stand after the point: reading it is one division, of two doubles that
 * are exact, and no other decimal so short reads as the same double. The first that does is the shortest. */
static bool decimal_short(double value, decimal *out)
{
    double unit = 1;
    for (int places = 0; places <= 22 && value * unit < 999999999999999.0; places++, unit *= 10) {
        uint64_t digits = (uint64_t)(value * unit + 0.5);
        if (digits == 0 || (double)digits / unit != value)
            continue;
        out->count = (int)sq_text_digits(digits, out->digits);
        out->digits[out->count] = '\0';
        out->point = out->count - places;
        return true;
    }
    return false;
}

static void decimal_shortest(double value, decimal *out)
{
    if (decimal_short(value, out))
        return;
    int exponent;
    bool sparse_below = frexp(value, &exponent) == 0.5;
    /* 15 digits identify every normal double that has so short a decimal at all; subnormals have fewer bits. */
    for (int count = fpclassify(value) == FP_SUBNORMAL ? 1 : 15; count <= 17; count++) {
        decimal_round(value, count, out);
        if (decimal_value(out) == value || (sparse_below && decimal_next(out) && decimal_value(out) == value))
            break;
    }
    while (out->count > 1 && out->digits[out->count - 1] == '0')
        out->digits[--out->count] = '\0';
}

/* Number::toString of ECMAScript. */
static int decimal_print(const decimal *d, char *out, size_t room)
{
    static const char zeros[] = "000000000000000000000";
    int k = d->count, n = d->point;
    if (k <= n && n <= 21)
        return snprintf(out, room, "%s%.*s", d->digits, n - k, zeros);
    if (0 < n && n < k && (size_t)k + 2 <= room) {
        memcpy(out, d->digits, (size_t)n);
        out[n] = '.';
        memcpy(out + n + 1, d->digits + n, (size_t)(k - n) + 1);
        return k + 1;
    }
    if (-6 < n && n <= 0)
        return snprintf(out, room, "0.%.*s%s", -n, zeros, d->digits);
    const char *dot = k > 1 ? "." : "";
    return snprintf(out, room, "%c%s%se%+d", d->digits[0], dot, d->digits + 1, n - 1);
}

bool sq_double_integral(double value, int64_t *out)
{
    const double limit = 9223372036854775808.0;   /* 2^63 */
    if (value < -limit || value >= limit || (double)(int64_t)value != value)
        return false;
    *out = (int64_t)value;
    return true;
}

size_t sq_double_format(double value, char out[SQ_DOUBLE_BYTES])
{
    if (value == 0) {
        memcpy(out, "0", 2);
        return 1;
    }
    decimal d = {0};
    decimal_shortest(fabs(value), &d);
    size_t sign = value < 0;
    out[0] = '-';
    return sign + (size_t)decimal_print(&d, out + sign, SQ_DOUBLE_BYTES - sign);
}
