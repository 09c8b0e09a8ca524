/* SPDX-License-Identifier: MIT */
/* The command line's numbers, durations, options and suggestions. */
#include <drey/test.h>
#include <string.h>

#include "cli/options.h"
#include "cli/values.h"

DREY_TEST(durations_have_a_unit_and_a_range, .no_runtime = true)
{
    static const struct { const char *text; int64_t ms; } cases[] = {
        {"1ms", 1}, {"500ms", 500}, {"2s", 2000}, {"5m", 300000}, {"1h", 3600000}, {"720h", 2592000000},
        {"", 0}, {"5", 0}, {"0s", 0}, {"-1s", 0}, {"1.5s", 0}, {"1d", 0}, {"1 s", 0}, {"s", 0}, {"721h", 0},
        {"99999999999999999999h", 0}, {"1ss", 0}, {"9223372036854775807h", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        DREY_CHECK_EQ(sq_value_duration(cases[i].text, &ns), cases[i].ms != 0);
        DREY_CHECK_EQ(ns, cases[i].ms * 1000000);
    }
    return 0;
}

DREY_TEST(numbers_have_a_range, .no_runtime = true)
{
    static const struct { const char *text; bool good; } cases[] = {
        {"1", true}, {"4096", true}, {"007", true}, {"0", false}, {"4097", false}, {"", false}, {"-1", false},
        {"+1", false}, {"1e3", false}, {"12x", false}, {" 1", false}, {"18446744073709551617", false},
        {"99999999999999999999999", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value;
        DREY_CHECK_EQ(sq_value_number(cases[i].text, 1, 4096, &value), cases[i].good);
    }
    return 0;
}

typedef struct seen {
    const char *value;
    char **rest;
    bool flag;
} seen;

static int take_value(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)error;
    ((seen *)target)->value = values[0];
    return 0;
}

static int take_rest(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)error;
    ((seen *)target)->rest = values;
    return 0;
}

static int take_flag(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)values, (void)error;
    ((seen *)target)->flag = true;
    return 0;
}

static const sq_option table[] = {
    {"--value", SQ_OPTION_VALUE, take_value}, {"--exec", SQ_OPTION_REST, take_rest},
    {"--flag", SQ_OPTION_FLAG, take_flag},
};

static int parse(char **argv, int argc, seen *out, char **plain, size_t *count, sq_error *error)
{
    *out = (seen){0};
    return sq_options_parse(table, 3, argc, argv, out, plain, count, error);
}

DREY_TEST(options_and_the_rest_are_told_apart, .no_runtime = true)
{
    char *argv[] = {"a", "--value", "--odd", "--flag", "--exec", "jq", "--arg", "-c", "--", "b", "--flag", "-", NULL};
    char *plain[12];
    size_t count;
    seen got;
    sq_error error;
    DREY_CHECK_EQ(parse(argv, 12, &got, plain, &count, &error), 0);
    DREY_CHECK_STR(got.value, "--odd");
    DREY_CHECK(got.flag);
    DREY_CHECK_STR(got.rest[0], "jq");
    DREY_CHECK_STR(got.rest[2], "-c");
    DREY_CHECK(got.rest[3] == NULL);
    DREY_CHECK_EQ(count, 4);
    DREY_CHECK_STR(plain[0], "a");
    DREY_CHECK_STR(plain[1], "b");
    DREY_CHECK_STR(plain[2], "--flag");
    DREY_CHECK_STR(plain[3], "-");
    return 0;
}

DREY_TEST(options_that_are_wrong_are_explained, .no_runtime = true)
{
    static const struct { const char *argument, *part; } cases[] = {
        {"--valu", "did you mean --value?"}, {"--flga", "did you mean --flag?"}, {"--xyzzyplugh", "there is no option"},
        {"--flag=1", "takes no value"}, {"--value", "needs a value"}, {"--exec", "needs a program"},
        {"-x", "no option -x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32], *argv[] = {text, NULL}, *plain[1];
        size_t count;
        seen got;
        sq_error error;
        strcpy(text, cases[i].argument);
        DREY_CHECK(parse(argv, 1, &got, plain, &count, &error) < 0);
        DREY_CHECK_EQ(error.code, SQ_USAGE);
        DREY_CHECK(strstr(error.message, cases[i].part) != NULL);
    }
    return 0;
}

DREY_TEST_MAIN()
