/* SPDX-License-Identifier: MIT */
/* Values that are made of accepted text, against the library's own reader; numbers against the system's (S11). */
#include <drey/test.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/write.h"

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

/* A copy that ends where its memory does, so that reading beyond it is found. */
static int parse_exactly(const char *text, size_t bytes, sq_json **out)
{
    sq_json_error error;
    char *copy = malloc(bytes + (bytes == 0));
    if (copy == NULL)
        return -1;
    memcpy(copy, text, bytes);
    int rc = sq_json_parse(copy, bytes, 64, out, &error);
    free(copy);
    return rc;
}

static const char *const samples[] = {
    "{\"a\":[1,2.5e3,\"x\\u00e9\xc3\xa9\\ud83d\\ude00\",true,null],\"b\":{\"c\":-0.0,\"d\":[[]],\"\":{}}}",
    " [ -0 , 0 , -1 , 9223372036854775807 , -9223372036854775808 , 1e-7 , 0.1e+1 ] ",
    "{\"\\\\\\\"\\/\\b\\f\\n\\r\\t\\u0041\\u07ff\\uffff\":\"\\\\\\\"\\/\\b\\f\\n\\r\\t\\u0041\\u07ff\\uffff\"}",
    " {\"plain\" :\t{ \"\\u0061\\n\" : [\"\\n\", { \"\\t\" : \"\\t\" } ] , \"k\":\"\" } }",
    "\"alone\"", "-12", "3.25", "null", "[[[[\"\\\\\"]]],[{}],[false]]",
};

/* As they are, cut, and with bytes changed: what is accepted is what the library reads. */
DREY_TEST(values_are_those_that_the_library_reads, .no_runtime = true)
{
    static const char odd[] = "\"\\{}[]:,0123456789-+.eEtfn u/\n";
    state = 7;
    for (int i = 0; i < 60000; i++) {
        char text[512];
        const char *sample = samples[(size_t)i % (sizeof samples / sizeof *samples)];
        size_t bytes = strlen(sample);
        memcpy(text, sample, bytes + 1);
        if (i >= 100)
            bytes -= draw(8) == 0 ? draw(bytes) : 0;
        for (uint64_t n = i < 100 ? 0 : draw(4); n > 0; n--)
            text[draw(bytes)] = odd[draw(sizeof odd - 1)];
        sq_json *value = NULL;
        int rc = parse_exactly(text, bytes, &value);
        DREY_CHECK(i >= 100 || rc == 0);
        if (rc < 0)
            continue;
        json_error_t error;
        json_t *wanted = json_loadb(text, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        DREY_CHECK(wanted != NULL && json_equal(value, wanted));
        sq_json_unref(value);
        json_decref(wanted);
    }
    return 0;
}

static int check_number(const char *text)
{
    sq_json *value = NULL;
    double wanted = strtod(text, NULL);
    if (parse_exactly(text, strlen(text), &value) < 0) {
        DREY_CHECK(wanted == 0 || wanted > 1e308 || wanted < -1e308);
        return 0;
    }
    double got = sq_json_number(value);
    DREY_CHECK(got == wanted && signbit(got) == signbit(wanted));
    sq_json_unref(value);
    return 0;
}

DREY_TEST(reals_are_those_that_strtod_reads, .no_runtime = true)
{
    static const char *const borders[] = {
        "-0.0", "0e5", "0.000000000000000000000001", "999999999999999e22", "999999999999999e23", "999999999999999e-22",
        "9007199254740993.0", "1e22", "1e23", "1e-22", "1e-23", "0.30000000000000004", "2.2250738585072011e-308",
        "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2.4e-324", "1e400", "1e99999999999",
        "0.0e99999999999", "100000000000000000000000000000000000000000.5",
    };
    for (size_t i = 0; i < sizeof borders / sizeof *borders; i++)
        DREY_CHECK_EQ(check_number(borders[i]), 0);
    state = 8;
    for (int i = 0; i < 50000; i++) {
        char text[128];
        int at = draw(2) ? sprintf(text, "-") : 0;
        at += sprintf(text + at, "%llu", (unsigned long long)draw(draw(2) ? 10 : 1000000000));
        at += sprintf(text + at, ".");
        for (uint64_t digits = 1 + draw(draw(4) ? 8 : 24); digits > 0; digits--)
            at += sprintf(text + at, "%d", (int)draw(10));
        if (draw(3) == 0)
            sprintf(text + at, "e%d", (int)draw(draw(2) ? 60 : 640) - (int)draw(draw(2) ? 60 : 660));
        DREY_CHECK_EQ(check_number(text), 0);
    }
    return 0;
}

/* Decimals of few digits, and their neighbours, which have many. */
DREY_TEST(short_decimals_are_written_as_they_are, .no_runtime = true)
{
    state = 9;
    for (int i = 0; i < 50000; i++) {
        uint64_t digits = 1 + draw(1 + draw(1000000000)) * (draw(3) ? 1 : draw(1000000));
        char text[SQ_DOUBLE_BYTES], source[64];
        snprintf(source, sizeof source, "%llue-%d", (unsigned long long)digits, (int)draw(24));
        double value = strtod(source, NULL);
        for (int step = -1; step <= 1; step++) {
            uint64_t bits;
            memcpy(&bits, &value, sizeof bits);
            bits += (uint64_t)step;
            double near;
            memcpy(&near, &bits, sizeof near);
            size_t bytes = sq_double_format(near, text), least = 1;
            DREY_CHECK(bytes == strlen(text) && strtod(text, NULL) == near);
            for (char printed[64]; least < 17; least++) {
                snprintf(printed, sizeof printed, "%.*e", (int)least - 1, near);
                if (strtod(printed, NULL) == near)
                    break;
            }
            size_t shown = 0, zeros = 0;
            for (const char *c = text; *c && *c != 'e'; c++) {
                if (*c == '.' || (shown == 0 && *c == '0'))
                    continue;
                shown++;
                zeros = *c == '0' ? zeros + 1 : 0;
            }
            DREY_CHECK(shown - zeros <= least);
        }
    }
    return 0;
}

static void *make_values(void *arg)
{
    sq_json **values = arg;
    for (int i = 0; i < 500; i++)
        if (parse_exactly(samples[i % 3], strlen(samples[i % 3]), &values[i]) < 0)
            values[i] = NULL;
    return NULL;
}

static void *drop_values(void *arg)
{
    sq_json **values = arg;
    for (int i = 0; i < 500; i++)
        sq_json_unref(values[i]);
    return NULL;
}

/* Made before the memory is kept, by other threads, and freed by again others, which then end. */
DREY_TEST(kept_memory_may_come_from_anywhere, .no_runtime = true)
{
    static sq_json *values[4][500];
    make_values(values[0]);
    sq_json_keep_memory();
    sq_json_keep_memory();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[3];
        for (int i = 0; i < 3; i++)
            DREY_CHECK_EQ(pthread_create(&threads[i], NULL, make_values, values[i + 1]), 0);
        drop_values(values[0]);
        make_values(values[0]);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < 500; i++)
            DREY_CHECK(values[1][i] && json_equal(values[0][i], values[1][i]));
        for (int i = 0; i < 3; i++)
            DREY_CHECK_EQ(pthread_create(&threads[i], NULL, drop_values, values[i + 1]), 0);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
    }
    drop_values(values[0]);
    return 0;
}

DREY_TEST_MAIN()
