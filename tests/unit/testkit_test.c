/* SPDX-License-Identifier: MIT */
/* The test kit, tried on samples: tests that fail in all the ways there are, in a child whose output is looked at. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drey.h>
#include <drey/test.h>

#include "testkit/testkit.h"

static char output[16384];
static size_t output_used;

static void keep(void *to, const char *bytes, size_t n)
{
    (void)to;
    if (n > sizeof output - 1 - output_used)
        n = sizeof output - 1 - output_used;
    memcpy(output + output_used, bytes, n);
    output_used += n;
    output[output_used] = '\0';
}

static void run_sample(void *test)
{
    drey__note = mmap(NULL, sizeof *drey__note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    drey__kit.seeded = false;
    bool passed = drey__tap_run(test, 1);
    munmap(drey__note, sizeof *drey__note);
    fflush(NULL);
    _exit(passed ? 0 : 1);
}

/* Run a sample as the kit runs a test; its output is in `output`. 1 passed, 0 failed, or a negative errno. */
static int try(int (*body)(void), drey_test_options options)
{
    drey_test test = {.name = "sample", .file = __FILE__, .line = 1, .body = body, .options = options};
    struct drey__child_end end;
    struct drey__child_job job = {.fn = run_sample, .arg = &test, .limit_ms = 20000, .output = keep};
    output_used = 0;
    int rc = drey__child_run(&job, &end);
    if (rc < 0)
        return rc;
    return !end.late && !end.left && end.status == 0;
}

static bool printed(const char *part)
{
    if (strstr(output, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s", part, output);
    return false;
}

static int succeed(void)
{
    puts("hello");
    return 1;
}

DREY_TEST(a_passing_test_prints_ok_and_its_output_as_comments, .no_runtime = true)
{
    DREY_CHECK_EQ(try(succeed, (drey_test_options){.no_runtime = true}), 1);
    DREY_CHECK_STR(output, "# hello\nok 1 - sample\n");
    return 0;
}

static int fail_check(void)
{
    DREY_CHECK_EQ(1 + 1, 3);
    return 0;
}

DREY_TEST(a_failed_check_prints_place_and_values, .no_runtime = true)
{
    DREY_CHECK_EQ(try(fail_check, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("testkit_test.c:"));
    DREY_CHECK(printed("1 + 1 is 2, 3 is 3\n"));
    DREY_CHECK(printed("not ok 1 - sample\n"));
    return 0;
}

static int swallow_failed_check(void)
{
    (void)fail_check();
    return 0;
}

DREY_TEST(a_failed_check_counts_even_if_its_result_is_dropped, .no_runtime = true)
{
    DREY_CHECK_EQ(try(swallow_failed_check, (drey_test_options){.no_runtime = true}), 0);
    return 0;
}

static int fail_string(void)
{
    DREY_CHECK_STR("a", NULL);
    return 0;
}

DREY_TEST(strings_are_compared_with_null_equal_to_null_only, .no_runtime = true)
{
    DREY_CHECK_STR(NULL, NULL);
    DREY_CHECK_EQ(try(fail_string, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("\"a\" is \"a\", NULL is \"(null)\""));
    return 0;
}

static int return_errno(void)
{
    return -ETIMEDOUT;
}

DREY_TEST(a_negative_result_fails, .no_runtime = true)
{
    DREY_CHECK_EQ(try(return_errno, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("sample returned -110 (Connection timed out)"));
    DREY_CHECK_EQ(try(return_errno, (drey_test_options){0}), 0);
    DREY_CHECK(printed("sample returned -110 (Connection timed out)"));
    return 0;
}

static int crash(void)
{
    (void)drey_test_dir();
    fputs("about to abort\n", stderr);
    abort();
}

DREY_TEST(an_abort_fails_that_test_only, .no_runtime = true)
{
    DREY_CHECK_EQ(try(crash, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("# about to abort\n")); /* an emulator may have its say in between */
    DREY_CHECK(printed("# the test's process was killed by signal 6 (Aborted) before the test"));
    DREY_CHECK(printed("not ok 1 - sample\n"));
    return 0;
}

static int leave(void)
{
    exit(0);
}

DREY_TEST(an_exit_does_not_pass, .no_runtime = true)
{
    DREY_CHECK_EQ(try(leave, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("exited with status 0 before the test returned"));
    return 0;
}

static int open_and_close_wrongly(void)
{
    (void)!open("/dev/null", O_RDONLY);
    close(STDIN_FILENO);
    return 0;
}

DREY_TEST(descriptors_left_or_stolen_fail, .no_runtime = true)
{
    DREY_CHECK_EQ(try(open_and_close_wrongly, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("open: /dev/null"));
    DREY_CHECK(printed("closed descriptor 0, which it had not opened"));
    return 0;
}

static int leave_process(void)
{
    if (fork() == 0) {
        sleep(60);
        _exit(0);
    }
    return 0;
}

DREY_TEST(a_process_left_behind_fails_and_is_killed, .no_runtime = true)
{
    DREY_CHECK_EQ(try(leave_process, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("a process that it started went on"));
    return 0;
}

static int skip(void)
{
    DREY_SKIP("no such kernel");
}

DREY_TEST(skipping_shows_the_reason, .no_runtime = true)
{
    DREY_CHECK_EQ(try(skip, (drey_test_options){.no_runtime = true, .schedules = 5}), 1);
    DREY_CHECK_STR(output, "ok 1 - sample # SKIP no such kernel\n");
    return 0;
}

static int fail_third(void)
{
    static int runs;
    DREY_CHECK(++runs < 3);
    return 0;
}

DREY_TEST(a_failing_schedule_says_how_to_repeat_it, .no_runtime = true)
{
    DREY_CHECK_EQ(try(fail_third, (drey_test_options){.no_runtime = true, .schedules = 2}), 1);
    DREY_CHECK_EQ(try(fail_third, (drey_test_options){.no_runtime = true, .schedules = 5, .seed = 40}), 0);
    DREY_CHECK(printed("to repeat: --seed 42 sample"));
    return 0;
}

static int hang(void)
{
    return pause();
}

DREY_TEST(a_test_that_hangs_is_killed, .no_runtime = true)
{
    DREY_CHECK_EQ(try(hang, (drey_test_options){.no_runtime = true, .timeout_seconds = 1}), 0);
    DREY_CHECK(printed("did not end in time"));
    return 0;
}

/* Not static: a dump names what the dynamic symbols name. */
drey_fn wait_for_nothing, leak_when_cancelled;

DREY_ASYNC int wait_for_nothing(void *arg)
{
    drey_notify never = {0};
    (void)arg;
    return drey_notify_wait(&never);
}

static int deadlock(void)
{
    DREY_SCOPE(scope, .name = "stuck");
    int rc = drey_go(&scope, wait_for_nothing, NULL);
    return drey_scope_close(&scope, rc);
}

/* R17: the virtual clock has nowhere to jump to. */
DREY_TEST(a_deadlock_is_dumped, .no_runtime = true)
{
    DREY_CHECK_EQ(try(deadlock, (drey_test_options){.timeout_seconds = 1}), 0);
    DREY_CHECK(printed("every task waits"));
    DREY_CHECK(printed("stuck"));
    DREY_CHECK(printed("wait_for_nothing"));
    return 0;
}

static int fail_inside_scopes(void)
{
    DREY_SCOPE(outer);
    DREY_SCOPE(inner);
    int rc = drey_go(&inner, wait_for_nothing, NULL);
    DREY_CHECK_EQ(rc, -EIO);
    rc = drey_scope_close(&inner, rc);
    return drey_scope_close(&outer, rc);
}

/* R1: leaving a scope aborts, but not when the test has failed anyway. */
DREY_TEST(a_failed_check_inside_a_scope_shows_only_itself, .no_runtime = true)
{
    DREY_CHECK_EQ(try(fail_inside_scopes, (drey_test_options){0}), 0);
    DREY_CHECK(printed("rc is 0, -EIO is -5"));
    DREY_CHECK(strstr(output, "killed") == NULL);
    return 0;
}

static int use_directory(void)
{
    char path[600];
    const char *dir = drey_test_dir();
    DREY_CHECK_STR(drey_test_dir(), dir);
    snprintf(path, sizeof path, "%s/sub", dir);
    DREY_CHECK_EQ(mkdir(path, 0700), 0);
    printf("%s\n", dir);
    return 0;
}

DREY_TEST(the_directory_goes_with_the_test, .no_runtime = true)
{
    char path[600] = "";
    DREY_CHECK_EQ(try(use_directory, (drey_test_options){.no_runtime = true}), 1);
    DREY_CHECK_EQ(sscanf(output, "# %599s", path), 1);
    DREY_CHECK_EQ(access(path, F_OK), -1);
    return 0;
}

static void abort_with_words(void)
{
    fputs("one two three\n", stderr);
    abort();
}

static void abort_otherwise(void)
{
    _exit(3);
}

DREY_TEST(dies_wants_an_abort_with_the_words, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(abort_with_words, "two"), 1);
    DREY_CHECK_EQ(drey_test_dies(abort_with_words, "four"), 0);
    DREY_CHECK_EQ(drey_test_dies(abort_otherwise, ""), 0);
    return 0;
}

DREY_TEST(failing_an_allocation, .no_runtime = true)
{
    drey_token *token = NULL;
    uint64_t before = drey_test_allocs();
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_token_new(NULL, &token), -ENOMEM);
    DREY_CHECK(token == NULL);
    DREY_CHECK_EQ(drey_test_allocs(), before + 1);
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    drey_token_unref(token);
    return 0;
}

static struct seen {
    int runs, cut[4];
} seen;

/* Three points and the closing of a scope. */
static DREY_ASYNC int sleep_thrice(void *arg)
{
    struct seen *s = arg;
    s->runs++;
    for (int i = 0; i < 3; i++) {
        int rc = drey_sleep(DREY_SEC(1));
        if (rc < 0) {
            s->cut[i]++;
            return rc;
        }
    }
    return 0;
}

/* Once refused and once while waiting, at each point; R17: points passed are counted. */
DREY_TEST(cancelling_everywhere_reaches_every_point, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_cancel_everywhere(sleep_thrice, &seen, 0), 3);
    DREY_CHECK_EQ(seen.runs, 7);
    DREY_CHECK_EQ(seen.cut[0], 2);
    DREY_CHECK_EQ(seen.cut[1], 2);
    DREY_CHECK_EQ(seen.cut[2], 2);
    return 0;
}

DREY_ASYNC int leak_when_cancelled(void *arg)
{
    (void)arg;
    int fd = open("/dev/null", O_RDONLY);
    int rc = drey_sleep(DREY_SEC(1));
    if (rc == 0)
        close(fd);
    return rc;
}

static int leak_everywhere(void)
{
    int rc = drey_test_cancel_everywhere(leak_when_cancelled, NULL, 0);
    return rc == -EBUSY ? 0 : -EINVAL;
}

DREY_TEST(cancelling_everywhere_finds_what_is_left, .no_runtime = true)
{
    DREY_CHECK_EQ(try(leak_everywhere, (drey_test_options){.no_runtime = true}), 0);
    DREY_CHECK(printed("cancelled at suspension point 1 of 1, in leak_when_cancelled"));
    DREY_CHECK(printed("left descriptor"));
    return 0;
}

static DREY_ASYNC int fail_always(void *arg)
{
    (void)arg;
    return -EIO;
}

DREY_TEST(cancelling_everywhere_needs_a_function_that_works, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_cancel_everywhere(fail_always, NULL, 0), -EIO);
    return 0;
}

DREY_TEST(the_virtual_clock_jumps)
{
    drey_time before = drey_now();
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(3600)), 0);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(3600));
    return 0;
}

DREY_TEST_MAIN()
