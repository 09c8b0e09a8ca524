/* SPDX-License-Identifier: MIT */
/* The reader: what is accepted, and every refusal with its code, place and path (S11, S12). */
#include <drey/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/write.h"

typedef struct refusal {
    const char *text;
    size_t bytes;           /* 0: strlen */
    sq_json_code code;
    size_t line, column, byte;
    const char *path;
} refusal;

static int check_refusals(const refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const refusal *c = &cases[i];
        sq_json *value = NULL;
        sq_json_error error;
        int rc = sq_json_parse(c->text, c->bytes ? c->bytes : strlen(c->text), 64, &value, &error);
        if (rc >= 0 || value)
            printf("# accepted: %s\n", c->text);
        else if (error.code != c->code || error.place.line != c->line || error.place.column != c->column ||
                 error.place.byte != c->byte || strcmp(error.path, c->path) != 0 || !error.message[0])
            printf("# %s: code %d at %zu:%zu (%zu) %s: %s\n", c->text, (int)error.code, error.place.line,
                   error.place.column, error.place.byte, error.path, error.message);
        else
            continue;
        return -1;
    }
    return 0;
}

#define REFUSED(cases) DREY_CHECK_EQ(check_refusals(cases, sizeof cases / sizeof *cases), 0)

DREY_TEST(json_syntax_is_refused_with_its_place, .no_runtime = true)
{
    static const refusal cases[] = {
        {"", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {" \n ", 0, SQ_JSON_INVALID, 2, 2, 3, "$"},
        {"{", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"[", 0, SQ_JSON_INVALID, 1, 2, 1, "$[0]"},
        {"{\"a\":1,}", 0, SQ_JSON_INVALID, 1, 7, 6, "$.a"},
        {"[1,\n 2,\n]", 0, SQ_JSON_INVALID, 2, 3, 6, "$[1]"},
        {"{\"a\" 1}", 0, SQ_JSON_INVALID, 1, 6, 5, "$.a"},
        {"{\"a\":1 \"b\":2}", 0, SQ_JSON_INVALID, 1, 8, 7, "$.a"},
        {"{a:1}", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"{'a':1}", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"[1 2]", 0, SQ_JSON_INVALID, 1, 4, 3, "$[0]"},
        {"[,1]", 0, SQ_JSON_INVALID, 1, 2, 1, "$[0]"},
        {"[1,,2]", 0, SQ_JSON_INVALID, 1, 4, 3, "$[1]"},
        {"[1]]", 0, SQ_JSON_INVALID, 1, 4, 3, "$"},
        {"{} {}", 0, SQ_JSON_INVALID, 1, 4, 3, "$"},
        {"[1}", 0, SQ_JSON_INVALID, 1, 3, 2, "$[0]"},
        {"tru", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"TRUE", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"nul", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"truex", 0, SQ_JSON_INVALID, 1, 5, 4, "$"},
        {"[1] // c", 0, SQ_JSON_INVALID, 1, 5, 4, "$"},
        {"/* c */ 1", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"\"abc", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"\"\\", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"\"\\x\"", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"\"\\u12\"", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"\"\\u12G4\"", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"\"a\nb\"", 0, SQ_JSON_INVALID, 1, 3, 2, "$"},
        {"\"a\tb\"", 0, SQ_JSON_INVALID, 1, 3, 2, "$"},
        {"{\"x\":{\"y\":[0,{\"z w\":?}]}}", 0, SQ_JSON_INVALID, 1, 21, 20, "$.x.y[1][\"z w\"]"},
        {"[\"\xc3\xa9\xc3\xa9\", ?]", 0, SQ_JSON_INVALID, 1, 8, 9, "$[1]"},
        {"\f1", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"{\"a\":1,\"a b\":2 3}", 0, SQ_JSON_INVALID, 1, 16, 15, "$[\"a b\"]"},
    };
    REFUSED(cases);
    return 0;
}

DREY_TEST(json_numbers_are_refused_with_their_place, .no_runtime = true)
{
    static const refusal cases[] = {
        {"-", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"01", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"-01", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"+1", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {".5", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"1.", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"[1.e3]", 0, SQ_JSON_INVALID, 1, 2, 1, "$[0]"},
        {"1e", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"1e+", 0, SQ_JSON_INVALID, 1, 1, 0, "$"},
        {"0x10", 0, SQ_JSON_INVALID, 1, 2, 1, "$"},
        {"NaN", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"{\"a\":Infinity}", 0, SQ_JSON_BAD_NUMBER, 1, 6, 5, "$.a"},
        {"[-Infinity]", 0, SQ_JSON_BAD_NUMBER, 1, 2, 1, "$[0]"},
        {"9223372036854775808", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"-9223372036854775809", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"18446744073709551616", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"100000000000000000000000000", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"1e309", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"-1.8e308", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"1e-400", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"0.000001e-320", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"1e99999999999999999999", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
        {"1e-99999999999999999999", 0, SQ_JSON_BAD_NUMBER, 1, 1, 0, "$"},
    };
    REFUSED(cases);
    char *digits = malloc(602);
    DREY_CHECK(digits != NULL);
    memset(digits, '0', 601);
    memcpy(digits, "0.", 2);
    sq_json *value = NULL;
    sq_json_error error;
    DREY_CHECK(sq_json_parse(digits, 601, 64, &value, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_JSON_BAD_NUMBER);
    free(digits);
    return 0;
}

DREY_TEST(json_text_is_refused_with_its_place, .no_runtime = true)
{
    static const refusal cases[] = {
        {"\xef\xbb\xbf{}", 0, SQ_JSON_BAD_TEXT, 1, 1, 0, "$"},
        {"\xff\xfe{\0", 4, SQ_JSON_BAD_TEXT, 1, 1, 0, "$"},
        {"\"\\u0000\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"a\0b\"", 5, SQ_JSON_BAD_TEXT, 1, 3, 2, "$"},
        {"[1]\0", 4, SQ_JSON_INVALID, 1, 4, 3, "$"},
        {"\0", 1, SQ_JSON_BAD_TEXT, 1, 1, 0, "$"},
        {"[\"\\ud800\"]", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$[0]"},
        {"[\"\\udc00\"]", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$[0]"},
        {"[\"\\ud800\\u0041\"]", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$[0]"},
        {"[\"\\ud800\\ud800\"]", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$[0]"},
        {"[\"\\udc00\\ud800\"]", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$[0]"},
        {"{\"\\ud83d\":1}", 0, SQ_JSON_BAD_TEXT, 1, 3, 2, "$"},
        {"\"\x80\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xc0\xaf\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xe0\x80\xaf\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xed\xa0\x80\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xf4\x90\x80\x80\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xf8\x88\x80\x80\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xc3\"", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
        {"\"\xc3", 0, SQ_JSON_BAD_TEXT, 1, 2, 1, "$"},
    };
    REFUSED(cases);
    return 0;
}

DREY_TEST(json_duplicate_keys_are_found_after_unescaping, .no_runtime = true)
{
    static const refusal cases[] = {
        {"{\"a\":1,\"a\":2}", 0, SQ_JSON_DUPLICATE_KEY, 1, 8, 7, "$.a"},
        {"{\"a\":1,\"\\u0061\":2}", 0, SQ_JSON_DUPLICATE_KEY, 1, 8, 7, "$[\"\\u0061\"]"},
        {"{\"\\/\":1,\"/\":2}", 0, SQ_JSON_DUPLICATE_KEY, 1, 9, 8, "$[\"/\"]"},
        {"{\"\\ud83d\\ude00\":1,\n\"\xf0\x9f\x98\x80\":2}", 0, SQ_JSON_DUPLICATE_KEY, 2, 1, 19,
         "$[\"\xf0\x9f\x98\x80\"]"},
        {"{\"\":1,\"\":2}", 0, SQ_JSON_DUPLICATE_KEY, 1, 7, 6, "$[\"\"]"},
        {"{\"x\":[{\"b\":0},{\"a\":1,\"b\":2,\"a\":3}]}", 0, SQ_JSON_DUPLICATE_KEY, 1, 28, 27, "$.x[1].a"},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"m\":13,"
         "\"b\":14}", 0, SQ_JSON_DUPLICATE_KEY, 1, 84, 83, "$.b"},
    };
    REFUSED(cases);
    static const char fine[] = "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}},\"A\":1,\"aa\":1,\"\\n\":1,\"n\":1}";
    sq_json *value = NULL;
    sq_json_error error;
    DREY_CHECK_EQ(sq_json_parse(fine, strlen(fine), 64, &value, &error), 0);
    sq_json_unref(value);
    return 0;
}

static char *nested(unsigned depth, const char *open, const char *close)
{
    sq_text text = {0};
    for (unsigned i = 0; i < depth; i++)
        sq_text_string(&text, open);
    sq_text_char(&text, '1');
    for (unsigned i = 0; i < depth; i++)
        sq_text_string(&text, close);
    return text.data;
}

DREY_TEST(json_depth_is_limited, .no_runtime = true)
{
    static const struct { unsigned depth; int rc; } cases[] = {{64, 0}, {65, -22}, {100000, -22}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int object = 0; object < 2; object++) {
            char *text = nested(cases[i].depth, object ? "{\"a\":" : "[", object ? "}" : "]");
            sq_json *value = NULL;
            sq_json_error error;
            DREY_CHECK_EQ(sq_json_parse(text, strlen(text), 64, &value, &error), cases[i].rc);
            if (cases[i].rc < 0) {
                DREY_CHECK_EQ(error.code, SQ_JSON_TOO_DEEP);
                DREY_CHECK_EQ(error.place.byte, object ? 64 * 5 : 64);
            }
            sq_json_unref(value);
            free(text);
        }
    }
    return 0;
}

DREY_TEST(json_values_are_read, .no_runtime = true)
{
    static const char text[] = " {\"i\":-9223372036854775808,\"r\":0.5,\"s\":\"a\\u00e9\\ud83d\\ude00\","
                               "\"a\":[true,false,null],\"o\":{}} \r\n\t";
    sq_json *value = NULL;
    sq_json_error error;
    DREY_CHECK_EQ(sq_json_parse(text, strlen(text), 64, &value, &error), 0);
    DREY_CHECK_EQ(sq_json_typeof(value), SQ_JSON_OBJECT);
    DREY_CHECK_EQ(sq_json_size(value), 5);
    DREY_CHECK(sq_json_integer(sq_json_get(value, "i")) == INT64_MIN);
    DREY_CHECK(sq_json_number(sq_json_get(value, "r")) == 0.5);
    DREY_CHECK_STR(sq_json_string(sq_json_get(value, "s"), NULL), "a\xc3\xa9\xf0\x9f\x98\x80");
    DREY_CHECK(sq_json_true(sq_json_at(sq_json_get(value, "a"), 0)));
    DREY_CHECK_EQ(sq_json_typeof(sq_json_at(sq_json_get(value, "a"), 2)), SQ_JSON_NULL);
    DREY_CHECK(sq_json_get(value, "missing") == NULL);
    const char *keys[5];
    size_t n = 0;
    for (sq_json_member m = sq_json_first(value); m.key; m = sq_json_next(value, m))
        keys[n++] = m.key;
    DREY_CHECK_EQ(n, 5);
    DREY_CHECK_STR(keys[0], "i");
    DREY_CHECK_STR(keys[4], "o");
    sq_json_unref(value);
    return 0;
}

DREY_TEST(json_places_are_found_by_path, .no_runtime = true)
{
    static const char text[] = "{\n  \"data\": {\n    \"steps\": [1, {\"odd key\": 2}]\n  }\n}";
    static const struct { const char *path; size_t line, column; } cases[] = {
        {"$", 1, 1}, {"$.data", 2, 3}, {"$.data.steps", 3, 5}, {"$.data.steps[0]", 3, 15}, {"$.data.steps[1]", 3, 18},
        {"$.data.steps[1][\"odd key\"]", 3, 19},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_place place = {0};
        DREY_CHECK(sq_json_locate(text, strlen(text), cases[i].path, &place));
        DREY_CHECK_EQ(place.line, cases[i].line);
        DREY_CHECK_EQ(place.column, cases[i].column);
    }
    sq_place place;
    DREY_CHECK(!sq_json_locate(text, strlen(text), "$.data.nothing", &place));
    return 0;
}

/* Any cut and any flipped byte of a valid text is either read or refused with a place inside the text. */
DREY_TEST(json_survives_damage, .no_runtime = true)
{
    static const char text[] = "{\"a\":[1,2.5e3,\"x\\u00e9\xc3\xa9\\ud83d\\ude00\",true,null],"
                               "\"b\":{\"c\":-0.0,\"d\":[[]]}}";
    size_t bytes = strlen(text);
    char *copy = malloc(bytes + 1);
    DREY_CHECK(copy != NULL);
    for (size_t i = 0; i < bytes; i++) {
        for (int flip = 0; flip <= 256; flip++) {
            memcpy(copy, text, bytes + 1);
            if (flip < 256)
                copy[i] = (char)flip;
            sq_json *value = NULL;
            sq_json_error error;
            size_t n = flip < 256 ? bytes : i;
            if (sq_json_parse(copy, n, 64, &value, &error) < 0) {
                DREY_CHECK(error.code != SQ_JSON_FINE && error.place.line > 0 && error.place.byte <= n);
                DREY_CHECK(sq_utf8_valid(error.message, strlen(error.message)) || flip >= 128);
            }
            sq_json_unref(value);
        }
    }
    free(copy);
    return 0;
}

DREY_TEST_MAIN()
