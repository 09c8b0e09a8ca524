/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

enum { WORD_MAX = 32 };

/* Levenshtein's distance, for short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], m = strlen(a), n = strlen(b);
    if (m > WORD_MAX || n > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t drop = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < drop ? change : drop;
        }
    }
    return row[n];
}

const char *sq_nearest(const char *word, sq_name_at *at, const void *names, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        const char *name = at(names, i);
        size_t far = distance(word, name);
        if (far < least) {
            least = far;
            best = name;
        }
    }
    return best;
}

static const char *option_name(const void *table, size_t index)
{
    return ((const sq_option *)table)[index].name;
}

static const sq_option *find(const sq_option *table, size_t count, const char *argument, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(table[i].name) == bytes && memcmp(table[i].name, argument, bytes) == 0)
            return &table[i];
    }
    return NULL;
}

static int fail_unknown(const sq_option *table, size_t count, const char *argument, sq_error *error)
{
    char name[WORD_MAX + 1] = {0};
    size_t bytes = strcspn(argument, "=");
    memcpy(name, argument, bytes < WORD_MAX ? bytes : WORD_MAX);
    const char *near = sq_nearest(name, option_name, table, count);
    if (near)
        return sq_fail(error, SQ_USAGE, "there is no option %s; did you mean %s?", name, near);
    return sq_fail(error, SQ_USAGE, "there is no option %s; before a path that begins with a dash, put --", name);
}

/* Takes the option at argv[*i] and moves *i to its last argument. */
static int take_option(const sq_option *option, int argc, char **argv, int *i, void *target, sq_error *error)
{
    char *equals = strchr(argv[*i], '=');
    if (option->kind == SQ_OPTION_FLAG) {
        if (equals)
            return sq_fail(error, SQ_USAGE, "%s takes no value", option->name);
        return option->take(target, option->name, NULL, error);
    }
    if (option->kind == SQ_OPTION_VALUE && equals) {
        char *value[] = {equals + 1, NULL};
        return option->take(target, option->name, value, error);
    }
    if (equals || *i + 1 >= argc || strcmp(argv[*i + 1], "--") == 0)
        return sq_fail(error, SQ_USAGE, "%s needs %s after it", option->name,
                       option->kind == SQ_OPTION_REST ? "a program" : "a value");
    char **values = &argv[++*i];
    if (option->kind == SQ_OPTION_REST) {
        while (*i + 1 < argc && strcmp(argv[*i + 1], "--") != 0)
            ++*i;
        if (*i + 1 < argc)
            argv[++*i] = NULL;
    }
    return option->take(target, option->name, values, error);
}

int sq_options_parse(const sq_option *table, size_t count, int argc, char **argv, void *target, char **plain,
                     size_t *out_plain, sq_error *error)
{
    size_t plain_count = 0;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        char *argument = argv[i];
        if (!options || argument[0] != '-' || argument[1] == '\0') {
            plain[plain_count++] = argument;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            options = false;
            continue;
        }
        const sq_option *option = find(table, count, argument, strcspn(argument, "="));
        if (!option)
            return fail_unknown(table, count, argument, error);
        int rc = take_option(option, argc, argv, &i, target, error);
        if (rc < 0)
            return rc;
        if (option->kind == SQ_OPTION_REST)
            options = false;
    }
    *out_plain = plain_count;
    return 0;
}
