/* SPDX-License-Identifier: MIT */
#include "cli/values.h"

#include <string.h>

static const char *read_digits(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return NULL;
        value = value * 10 + digit;
    }
    *out = value;
    return at == text ? NULL : at;
}

bool sq_value_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value;
    const char *end = read_digits(text, &value);
    if (!end || *end || value < least || value > most)
        return false;
    *out = value;
    return true;
}

bool sq_value_duration(const char *text, int64_t *out_ns)
{
    static const struct { const char *unit; int64_t ns; } units[] = {
        {"ms", 1000000}, {"s", 1000000000}, {"m", 60 * INT64_C(1000000000)}, {"h", 3600 * INT64_C(1000000000)},
    };
    const int64_t most = 720 * units[3].ns;
    uint64_t value;
    const char *end = read_digits(text, &value);
    for (size_t i = 0; end && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (value < 1 || value > (uint64_t)(most / units[i].ns))
            return false;
        *out_ns = (int64_t)value * units[i].ns;
        return true;
    }
    return false;
}
