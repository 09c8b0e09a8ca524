/* SPDX-License-Identifier: MIT */
/* Computing that ends when nobody wants its result, its sort, and the hash of ids. */
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context/measure.h"
#include "json/stop.h"
#include "json/text.h"
#include "json/write.h"
#include "process/hash.h"

static bool always(void)
{
    return true;
}

static int compare(const void *left, const void *right)
{
    unsigned a = *(const unsigned *)left, b = *(const unsigned *)right;
    return (a > b) - (a < b);
}

static void fill(unsigned *items, size_t count)
{
    unsigned x = 12345;
    for (size_t i = 0; i < count; i++)
        items[i] = x = x * 1664525 + 1013904223;
}

DREY_TEST(sorts_of_every_size_are_sorted, .no_runtime = true)
{
    static const size_t sizes[] = {0, 1, 2, 4095, 4096, 4097, 8192, 8193, 20000, 40961};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t count = sizes[i];
        unsigned *items = malloc((count + 1) * sizeof *items), *wanted = malloc((count + 1) * sizeof *wanted);
        DREY_CHECK(items && wanted);
        fill(items, count);
        memcpy(wanted, items, count * sizeof *items);
        if (count > 0)
            qsort(wanted, count, sizeof *wanted, compare);
        DREY_CHECK(sq_sort(items, count, sizeof *items, compare));
        DREY_CHECK(memcmp(items, wanted, count * sizeof *items) == 0);
        free(items);
        free(wanted);
    }
    return 0;
}

DREY_TEST(everything_that_computes_can_be_stopped, .no_runtime = true)
{
    sq_text text = {0}, out = {0};
    sq_json *value = NULL, *other = NULL;
    sq_json_error error;
    sq_measure measure;
    sq_text_char(&text, '[');
    for (int i = 0; i < 20000; i++)
        sq_text_string(&text, "{\"a\":1},");
    sq_text_string(&text, "0]");
    DREY_CHECK_EQ(sq_json_parse(text.data, text.bytes, 8, &value, &error), 0);
    sq_stop_set(always);
    DREY_CHECK_EQ(sq_json_parse(text.data, text.bytes, 8, &other, &error), -ENOMEM);
    sq_stop_set(always);
    DREY_CHECK(sq_json_copy(value) == NULL);
    sq_stop_set(always);
    sq_json_write(&out, value, SQ_JSON_CANONICAL);
    DREY_CHECK(out.failed);
    sq_stop_set(always);
    DREY_CHECK_EQ(sq_measure_take(value, &measure), -ENOMEM);
    sq_stop_set(NULL);
    DREY_CHECK_EQ(sq_measure_take(value, &measure), 0);
    DREY_CHECK_EQ(measure.keys, 20000);
    sq_json_unref(value);
    sq_text_free(&text);
    sq_text_free(&out);
    return 0;
}

/* The vectors of the paper that describes it. */
DREY_TEST(the_hash_is_siphash, .no_runtime = true)
{
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    unsigned char text[15];
    for (unsigned char i = 0; i < sizeof text; i++)
        text[i] = i;
    DREY_CHECK(sq_hash(key, text, 0) == 0x726fdb47dd0e0e31);
    DREY_CHECK(sq_hash(key, text, sizeof text) == 0xa129ca6149be45e5);
    return 0;
}

DREY_TEST_MAIN()
