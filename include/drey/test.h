/* SPDX-License-Identifier: MIT */
/**
 * Tests that run inside a runtime. Not part of <drey.h>.
 *
 * When to use: for your own programs as for drey's. A test runs as a task, under the virtual clock, with the lock rule
 * at abort and one worker, unless its options say otherwise; so a test that sleeps an hour takes no time.
 * Results are printed as TAP. Threads: the checks belong in the test's body or in functions that it calls.
 *
 *     #include <drey.h>
 *     #include <drey/test.h>
 *
 *     DREY_TEST(sleep_takes_time, .schedules = 10)
 *     {
 *         drey_time before = drey_now();
 *         DREY_CHECK_EQ(drey_sleep(DREY_SEC(3600)), 0);
 *         DREY_CHECK_EQ(drey_now() - before, DREY_SEC(3600));
 *         return 0;
 *     }
 *
 *     DREY_TEST_MAIN()
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field means its default. In C++ designators follow this order. */
typedef struct drey_test_options {
    unsigned workers;         /* default DREY_TEST_WORKERS of the environment, else 1 */
    uint64_t seed;            /* draws the order of ready tasks; default first come first served */
    bool real_clock;          /* the real clock instead of the virtual one */
    int io;                   /* DREY_IO_... of run.h */
    unsigned schedules;       /* run it under so many seeds, times DREY_TEST_SCHEDULES; default once, under `seed` */
    unsigned timeout_seconds; /* of real time, after which the test has failed; default the kit's */
    bool no_runtime;          /* the body starts no runtime, or its own */
} drey_test_options;

/** A registered test; made by DREY_TEST. */
typedef struct drey_test {
    const char *name;
    const char *file;
    int line;
    int (*body)(void);
    drey_test_options options;
    struct drey_test *next;
} drey_test;

/**
 * Define a test: DREY_TEST(name, .workers = 4) { ... return 0; }. The rest are fields of drey_test_options.
 * The body returns an int; a negative one fails the test, so `return drey_scope_close(&scope, rc);` is a good end.
 */
#define DREY_TEST(name, ...)                                                                      \
    static DREY_ASYNC int drey__test_body_##name(void);                                           \
    static drey_test drey__test_record_##name = {                                                 \
        #name, __FILE__, __LINE__, drey__test_body_##name, {__VA_ARGS__}, NULL};                  \
    __attribute__((constructor)) static void drey__test_add_##name(void)                          \
    {                                                                                             \
        drey__test_register(&drey__test_record_##name);                                           \
    }                                                                                             \
    static int drey__test_body_##name(void)

/** Defines main for a program of tests. */
#define DREY_TEST_MAIN()                    \
    int main(int argc, char **argv)         \
    {                                       \
        return drey_test_main(argc, argv);  \
    }

/**
 * Checks. A failed one prints file, line and values, marks the test as failed and returns a negative int from the
 * function that it stands in. A DREY_SCOPE that the return leaves is then cancelled and closed instead of aborting.
 */
#define DREY_CHECK(condition)                                                                     \
    do {                                                                                          \
        if (!(condition))                                                                         \
            return drey__test_fail(__FILE__, __LINE__, "%s is false", #condition);                \
    } while (0)

/** Two integers are equal. */
#define DREY_CHECK_EQ(a, b)                                                                       \
    do {                                                                                          \
        long long drey__a = (long long)(a), drey__b = (long long)(b);                             \
        if (drey__a != drey__b)                                                                   \
            return drey__test_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld",                  \
                                   #a, drey__a, #b, drey__b);                                     \
    } while (0)

/** Two strings are equal; NULL equals only NULL. */
#define DREY_CHECK_STR(a, b)                                                                      \
    do {                                                                                          \
        const char *drey__a = (a), *drey__b = (b);                                                \
        if (!drey__test_same(drey__a, drey__b))                                                   \
            return drey__test_fail(__FILE__, __LINE__, "%s is \"%s\", %s is \"%s\"",              \
                                   #a, drey__a != NULL ? drey__a : "(null)",                      \
                                   #b, drey__b != NULL ? drey__b : "(null)");                     \
    } while (0)

/** End the test here, neither passed nor failed, with the reason shown: DREY_SKIP("needs io_uring"). */
#define DREY_SKIP(reason)                                                                         \
    do {                                                                                          \
        return drey__test_skip(reason);                                                           \
    } while (0)

/**
 * Run the registered tests and print TAP. Each runs in a child process, so what kills it fails that test only; what it
 * prints becomes comments. It fails too if it leaves a descriptor or a process behind.
 *
 * @param argc, argv  of main: --list prints the names, --seed N runs each test once under that seed, --no-fork runs
 *                    them in this process, without time limits (for debuggers); other words are filters: a test runs
 *                    if its name contains one of them
 * @return the exit status: 0 if all passed, 1 if one failed, 2 if none could be run.
 *
 * Threads: outside a task.
 */
DREY_API DREY_MUST_USE
int drey_test_main(int argc, char **argv);

/** A temporary directory of this test's own, removed with all in it when the test ends; valid until then. */
DREY_API
const char *drey_test_dir(void);

/**
 * Run fn in fresh runtimes, cancelling it at its first, second, ... last suspension point, and check each time that no
 * task, descriptor, lock or permit is left.
 *
 * @param arg      given to fn each time; fn leaves it as it found it
 * @param workers  of the runtimes; 0 for one
 * @return how many suspension points there were, or a negative errno with a message printed.
 *
 * Threads: outside a task: use it in a test with .no_runtime.
 */
DREY_API DREY_MUST_USE
int drey_test_cancel_everywhere(drey_fn *fn, void *arg, unsigned workers);

/** Make the nth allocation of drey's from now fail, once; 0 turns that off. */
DREY_API
void drey_test_fail_alloc(uint64_t nth);

/** How many allocations drey has made so far in this process; the bound for a loop over drey_test_fail_alloc. */
DREY_API
uint64_t drey_test_allocs(void);

/**
 * Run fn in a forked child and see whether it aborts as it should.
 *
 * @param message_part  what stderr must contain
 * @return 1: it aborted with that text. 0: it did not; what it did is printed. A negative errno: it could not be run.
 *
 * Threads: outside a task: use it in a test with .no_runtime; fn may call drey_run.
 */
DREY_API DREY_MUST_USE
int drey_test_dies(void (*fn)(void), const char *message_part);

/** What DREY_TEST runs before main. */
DREY_API
void drey__test_register(drey_test *test);
/** What the checks call: prints, marks the running test as failed, and returns a negative errno. */
DREY_API __attribute__((format(printf, 3, 4)))
int drey__test_fail(const char *file, int line, const char *format, ...);
/** What DREY_SKIP calls: marks the running test as skipped, and returns 0. */
DREY_API
int drey__test_skip(const char *reason);
/** Whether two strings are equal, NULL included. */
DREY_API
bool drey__test_same(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
