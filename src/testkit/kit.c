/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "testkit/testkit.h"

struct drey__kit drey__kit;
struct drey__test_note *drey__note;

static drey_test *first, **end = &first;

void drey__test_register(drey_test *test)
{
    *end = test;
    end = &test->next;
}

static bool number(const char *text, uint64_t *out)
{
    char *rest;
    errno = 0;
    unsigned long long n = strtoull(text, &rest, 0);
    if (errno != 0 || rest == text || *rest != '\0' || *text == '-')
        return false;
    *out = n;
    return true;
}

static unsigned from_environment(const char *name, unsigned otherwise, unsigned max)
{
    uint64_t n;
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return otherwise;
    if (!number(text, &n) || n == 0 || n > max) {
        fprintf(stderr, "%s is \"%s\": give a number from 1 to %u\n", name, text, max);
        exit(2);
    }
    return (unsigned)n;
}

static bool wanted(const drey_test *test, char *const *filters)
{
    if (*filters == NULL)
        return true;
    for (; *filters != NULL; filters++)
        if (strstr(test->name, *filters) != NULL)
            return true;
    return false;
}

static int usage(const char *program, const char *problem)
{
    fprintf(stderr, "%s: %s\nusage: %s [--list] [--seed N] [--no-fork] [part of a test's name]...\n", program, problem,
            program);
    return 2;
}

static int list(char *const *filters)
{
    for (const drey_test *t = first; t != NULL; t = t->next)
        if (wanted(t, filters))
            puts(t->name);
    return 0;
}

static int run(const char *program, char *const *filters)
{
    unsigned count = 0, failed = 0, n = 0;
    for (const drey_test *t = first; t != NULL; t = t->next)
        count += wanted(t, filters);
    if (count == 0)
        return usage(program, "no test has such a name; --list shows them");
    drey__kit.workers = from_environment("DREY_TEST_WORKERS", 0, 256);
    drey__kit.schedules = from_environment("DREY_TEST_SCHEDULES", 1, 1000000);
    drey__note = mmap(NULL, sizeof *drey__note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (drey__note == MAP_FAILED) {
        perror(program);
        return 2;
    }
    printf("1..%u\n", count);
    for (const drey_test *t = first; t != NULL; t = t->next)
        if (wanted(t, filters))
            failed += !drey__tap_run(t, ++n);
    if (failed > 0)
        printf("# %u of %u failed\n", failed, count);
    munmap(drey__note, sizeof *drey__note);
    drey__note = NULL;
    return failed > 0;
}

int drey_test_main(int argc, char **argv)
{
    bool only_list = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            only_list = true;
        } else if (strcmp(argv[i], "--no-fork") == 0) {
            drey__kit.no_fork = true;
        } else if (strcmp(argv[i], "--seed") == 0) {
            if (i + 1 == argc || !number(argv[++i], &drey__kit.seed) || drey__kit.seed == 0)
                return usage(argv[0], "--seed needs a number above 0");
            drey__kit.seeded = true;
        } else {
            return usage(argv[0], "unknown option");
        }
    }
    return only_list ? list(argv + i) : run(argv[0], argv + i);
}
