/* SPDX-License-Identifier: MIT */
/* Reading doubles. Nearly all numbers in documents are short, and for those one operation is enough: a whole number of
 * up to 15 digits is a double exactly, so is a power of ten of up to 22, and the processor rounds their product or
 * quotient once, which is what reading a number means. The others go to strtod, without a decimal point so that the
 * locale has no say. */
#include "json/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_DIGITS = 15, EXACT_POWER = 22, POWER_MAX = 100000 };

typedef struct number {
    char text[SQ_JSON_NUMBER_BYTES + 32]; /* sign and digits, without leading zeros */
    size_t bytes;
    uint64_t whole;                       /* the digits as a number; valid up to EXACT_DIGITS */
    unsigned digits;
    long power;                           /* of ten: value = whole * 10^power */
} number;

static long read_exponent(const unsigned char *at, const unsigned char *end)
{
    bool negative = *at == '-';
    long value = 0;
    for (at += *at == '-' || *at == '+'; at < end && value < POWER_MAX; at++)
        value = value * 10 + (*at - '0');
    return negative ? -value : value;
}

static void read_number(const unsigned char *at, const unsigned char *end, number *out)
{
    bool fraction = false;
    if (*at == '-')
        out->text[out->bytes++] = (char)*at++;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        out->power -= fraction;
        if (out->digits == 0 && *at == '0')
            continue;
        out->text[out->bytes++] = (char)*at;
        out->whole = out->whole * 10 + (uint64_t)(*at - '0');
        out->digits++;
    }
    if (at < end)
        out->power += read_exponent(at + 1, end);
}

static double ask_strtod(number *n)
{
    char *out = n->text + n->bytes;
    long power = n->power < -POWER_MAX ? -POWER_MAX : n->power > POWER_MAX ? POWER_MAX : n->power;
    *out++ = 'e';
    if (power < 0)
        *out++ = '-';
    power = labs(power);
    for (long unit = POWER_MAX; unit > 0; unit /= 10)
        *out++ = (char)('0' + power / unit % 10);
    *out = '\0';
    return strtod(n->text, NULL);
}

double sq_real_read(const unsigned char *at, const unsigned char *end, bool *out_vanished)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    number n;
    n.bytes = n.digits = 0;
    n.whole = 0;
    n.power = 0;
    double sign = *at == '-' ? -1.0 : 1.0;
    read_number(at, end, &n);
    *out_vanished = false;
    if (n.digits == 0)
        return sign * 0.0;
    if (n.digits <= EXACT_DIGITS && n.power >= -EXACT_POWER && n.power <= EXACT_POWER)
        return sign * (n.power < 0 ? (double)n.whole / powers[-n.power] : (double)n.whole * powers[n.power]);
    double value = ask_strtod(&n);
    *out_vanished = value == 0;
    return value;
}
