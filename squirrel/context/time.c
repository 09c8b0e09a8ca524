/* SPDX-License-Identifier: MIT */
#include "context/time.h"

#include <stdio.h>

enum { MINUTE_MS = 60000, DAY_MS = 86400000 };

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool take(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_number(cursor *c, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, c->at++) {
        if (c->at == c->end || *c->at < '0' || *c->at > '9')
            return false;
        value = value * 10 + (*c->at - '0');
    }
    *out = value;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; the year starts in March so that a leap day is last. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(cursor *c, int64_t *out_days)
{
    int year, month, day;
    if (!take_number(c, 4, &year) || !take(c, '-') || !take_number(c, 2, &month) || !take(c, '-') ||
        !take_number(c, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    *out_days = days_from_date(year, month, day);
    return true;
}

static bool take_clock(cursor *c, int64_t *out_ms)
{
    int hour, minute, second, fraction = 0;
    if (!take_number(c, 2, &hour) || !take(c, ':') || !take_number(c, 2, &minute) || !take(c, ':') ||
        !take_number(c, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    if (take(c, '.')) {
        int digits = 0, digit;
        for (; take_number(c, 1, &digit); digits++)
            fraction = digits < 3 ? fraction * 10 + digit : fraction;
        if (digits == 0)
            return false;
        for (; digits < 3; digits++)
            fraction *= 10;
    }
    *out_ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
    return true;
}

static bool take_offset(cursor *c, int64_t *out_ms)
{
    int hours, minutes;
    *out_ms = 0;
    if (take(c, 'Z') || take(c, 'z'))
        return true;
    int sign = take(c, '+') ? 1 : take(c, '-') ? -1 : 0;
    if (sign == 0 || !take_number(c, 2, &hours) || !take(c, ':') || !take_number(c, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *out_ms = (int64_t)sign * (hours * 60 + minutes) * MINUTE_MS;
    return true;
}

bool sq_time_valid(sq_time when)
{
    return when >= days_from_date(1, 1, 1) * DAY_MS && when < days_from_date(10000, 1, 1) * DAY_MS;
}

bool sq_time_read(const char *text, size_t bytes, sq_time *out)
{
    cursor c = {text, text + bytes};
    int64_t days, clock, offset;
    if (!take_date(&c, &days) || !(take(&c, 'T') || take(&c, 't')) || !take_clock(&c, &clock) ||
        !take_offset(&c, &offset) || c.at != c.end)
        return false;
    sq_time when = days * DAY_MS + clock - offset;
    if (!sq_time_valid(when))
        return false;
    *out = when;
    return true;
}

void sq_time_write(sq_time when, char out[SQ_TIME_BYTES])
{
    int64_t days = when / DAY_MS, rest = when % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int64_t shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    unsigned month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));
    unsigned seconds = (unsigned)(rest / 1000);
    snprintf(out, SQ_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month, day, seconds / 3600 % 100,
             seconds / 60 % 60, seconds % 60, (unsigned)(rest % 1000));
}
