/* SPDX-License-Identifier: MIT */
/* The writer: RFC 8785 numbers, strings and order, and forms that read back (S11). */
#include <drey/test.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/write.h"

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Appendix B of RFC 8785, and doubles that are hard to print shortest. */
static const struct { uint64_t bits; const char *text; } vectors[] = {
    {0x0000000000000000, "0"}, {0x8000000000000000, "0"}, {0x0000000000000001, "5e-324"},
    {0x8000000000000001, "-5e-324"}, {0x7fefffffffffffff, "1.7976931348623157e+308"},
    {0xffefffffffffffff, "-1.7976931348623157e+308"}, {0x4340000000000000, "9007199254740992"},
    {0xc340000000000000, "-9007199254740992"}, {0x4430000000000000, "295147905179352830000"},
    {0x44b52d02c7e14af5, "9.999999999999997e+22"}, {0x44b52d02c7e14af6, "1e+23"},
    {0x44b52d02c7e14af7, "1.0000000000000001e+23"}, {0x444b1ae4d6e2ef4e, "999999999999999700000"},
    {0x444b1ae4d6e2ef4f, "999999999999999900000"}, {0x444b1ae4d6e2ef50, "1e+21"},
    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"}, {0x3eb0c6f7a0b5ed8d, "0.000001"},
    {0x41b3de4355555553, "333333333.3333332"}, {0x41b3de4355555554, "333333333.33333325"},
    {0x41b3de4355555555, "333333333.3333333"}, {0x41b3de4355555556, "333333333.3333334"},
    {0x41b3de4355555557, "333333333.33333343"}, {0xbecbf647612f3696, "-0.0000033333333333333333"},
    {0x43143ff3c1cb0959, "1424953923781206.2"}, {0x3d30000000000000, "5.684341886080802e-14"},
    {0x3fb999999999999a, "0.1"}, {0x3fd3333333333334, "0.30000000000000004"},
    {0x3fe5555555555555, "0.6666666666666666"},
    {0x0010000000000000, "2.2250738585072014e-308"}, {0x000fffffffffffff, "2.225073858507201e-308"},
    {0x0000000000000002, "1e-323"}, {0x4024000000000000, "10"}, {0x3f50624dd2f1a9fc, "0.001"},
};

DREY_TEST(json_doubles_are_shortest, .no_runtime = true)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[SQ_DOUBLE_BYTES];
        size_t bytes = sq_double_format(from_bits(vectors[i].bits), text);
        DREY_CHECK_STR(text, vectors[i].text);
        DREY_CHECK_EQ(bytes, strlen(text));
    }
    return 0;
}

static int read_text(const char *text, sq_json **out)
{
    sq_json_error error;
    return sq_json_parse(text, strlen(text), 64, out, &error);
}

DREY_TEST(json_doubles_read_back, .no_runtime = true)
{
    uint64_t state = 42;
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = state ^ state >> 29;
        if (i % 4 == 0)
            bits &= 0xfff0000000000000;     /* powers of two */
        double value = from_bits(bits);
        if (!isfinite(value))
            continue;
        for (int form = SQ_JSON_COMPACT; form <= SQ_JSON_PRETTY; form++) {
            sq_json *made = sq_json_new_real(value), *again = NULL;
            sq_text text = {0};
            sq_json_write(&text, made, (sq_json_form)form);
            DREY_CHECK_EQ(read_text(text.data, &again), 0);
            DREY_CHECK(sq_json_number(again) == value);
            sq_json_unref(made);
            sq_json_unref(again);
            sq_text_free(&text);
        }
    }
    return 0;
}

static int check_form(const char *in, sq_json_form form, const char *expected)
{
    sq_json *value = NULL;
    sq_text text = {0};
    DREY_CHECK_EQ(read_text(in, &value), 0);
    sq_json_write(&text, value, form);
    DREY_CHECK(!text.failed);
    DREY_CHECK_STR(text.data, expected);
    sq_json_unref(value);
    sq_text_free(&text);
    return 0;
}

DREY_TEST(json_canonical_form_is_rfc_8785, .no_runtime = true)
{
    static const struct { const char *in, *out; } cases[] = {
        {"[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]",
         "[333333333.3333333,1e+30,4.5,0.002,1e-27]"},
        {"\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
         "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""},
        {"{\"1\":{\"f\":{\"f\":\"hi\",\"F\":5},\"\\n\":56.0},\"10\":{},\"\":\"empty\",\"a\":{},\"111\":[],\"A\":{}}",
         "{\"\":\"empty\",\"1\":{\"\\n\":56,\"f\":{\"F\":5,\"f\":\"hi\"}},\"10\":{},\"111\":[],\"A\":{},\"a\":{}}"},
        {"{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}",
         "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
         "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}"},
        {"[1.0, 1, 100e-2, -0, -0.0, 9007199254740993, 9223372036854775807, -9223372036854775808]",
         "[1,1,1,0,0,9007199254740993,9223372036854775807,-9223372036854775808]"},
        {"[4611686018427387904.0, 1e18, 1e20]", "[4611686018427387904,1000000000000000000,100000000000000000000]"},
        {"[true, false, null, \"\\u007f\\b\\f\\t\"]", "[true,false,null,\"\x7f\\b\\f\\t\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        DREY_CHECK_EQ(check_form(cases[i].in, SQ_JSON_CANONICAL, cases[i].out), 0);
    return 0;
}

DREY_TEST(json_other_forms_keep_order, .no_runtime = true)
{
    DREY_CHECK_EQ(check_form("{ \"b\": [1, {}], \"a\": [] }", SQ_JSON_COMPACT, "{\"b\":[1,{}],\"a\":[]}"), 0);
    DREY_CHECK_EQ(check_form("{\"b\":[1,{}],\"a\":[]}", SQ_JSON_PRETTY,
                             "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}"), 0);
    DREY_CHECK_EQ(check_form("[1e20, 12e19, 1.5e300]", SQ_JSON_COMPACT, "[1e+20,12e+19,1.5e+300]"), 0);
    return 0;
}

DREY_TEST(json_output_does_not_follow_the_locale, .no_runtime = true)
{
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < 3 && !setlocale(LC_NUMERIC, commas[i]); i++)
        continue;
    int rc = check_form("[0.5, 1e-7, 1234567.25]", SQ_JSON_CANONICAL, "[0.5,1e-7,1234567.25]");
    setlocale(LC_NUMERIC, "C");
    DREY_CHECK_EQ(rc, 0);
    return 0;
}

DREY_TEST(json_equality_is_by_value, .no_runtime = true)
{
    static const struct { const char *a, *b; bool equal; } cases[] = {
        {"1", "1.0", true}, {"{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1}", true}, {"[1,2]", "[2,1]", false},
        {"\"1\"", "1", false}, {"9007199254740993", "9007199254740992", false}, {"null", "false", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_json *a = NULL, *b = NULL;
        DREY_CHECK_EQ(read_text(cases[i].a, &a) + read_text(cases[i].b, &b), 0);
        DREY_CHECK_EQ(sq_json_equal(a, b), cases[i].equal);
        sq_json_unref(a);
        sq_json_unref(b);
    }
    return 0;
}

DREY_TEST(json_quoting_replaces_bytes_that_are_not_utf8, .no_runtime = true)
{
    sq_text text = {0};
    sq_text_quote(&text, "a\xff\nb\xc3\xa9\xe2\x82", 8);
    DREY_CHECK_STR(text.data, "\"a\xef\xbf\xbd\\nb\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"");
    sq_text_free(&text);
    return 0;
}

DREY_TEST_MAIN()
