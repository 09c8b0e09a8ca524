/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "testkit/testkit.h"

enum { OUTPUT_MAX = 1 << 20, EXTRA_MS = 5000 };

/* A test's output on its way to TAP comments. */
struct comments {
    bool in_line;
    size_t printed;
};

static void comment(void *to, const char *bytes, size_t n)
{
    struct comments *c = to;
    for (size_t i = 0; i < n && c->printed < OUTPUT_MAX; i++) {
        if (!c->in_line)
            fputs("# ", stdout);
        putchar(bytes[i]);
        c->in_line = bytes[i] != '\n';
        if (++c->printed == OUTPUT_MAX)
            fputs("\n# (the rest of the output is left out)\n", stdout);
    }
    if (c->printed == OUTPUT_MAX)
        c->in_line = false;
}

static void run_and_exit(void *test)
{
    bool passed = drey__case_run(test);
    drey__note->finished = true;
    exit(passed ? 0 : 1);
}

/* A failed test has said why itself; say what it could not. */
static bool judge(const struct drey__child_end *end)
{
    char what[128];
    bool exited = !end->late && !end->left && WIFEXITED(end->status);
    if (exited && drey__note->finished && WEXITSTATUS(end->status) <= 1)
        return WEXITSTATUS(end->status) == 0;
    printf("# the test's process %s%s\n", drey__child_describe(end, what, sizeof what),
           drey__note->finished ? "" : " before the test returned");
    return false;
}

static bool run_forked(const drey_test *test)
{
    struct comments comments = {0};
    struct drey__child_end end;
    unsigned seconds = test->options.timeout_seconds;
    struct drey__child_job job = {
        .fn = run_and_exit,
        .arg = (void *)(uintptr_t)test,
        .limit_ms = (int64_t)(seconds > 0 ? seconds : DREY__TEST_SECONDS) * 1000 + EXTRA_MS,
        .output = comment,
        .to = &comments,
    };
    int rc = drey__child_run(&job, &end);
    if (comments.in_line)
        putchar('\n');
    if (rc < 0) {
        printf("# no process for the test: %s\n", strerror(-rc));
        return false;
    }
    return judge(&end);
}

bool drey__tap_run(const drey_test *test, unsigned number)
{
    *drey__note = (struct drey__test_note){0};
    bool passed = drey__kit.no_fork ? drey__case_run(test) : run_forked(test);
    drey__directory_remove();
    printf("%sok %u - %s", passed ? "" : "not ", number, test->name);
    if (passed && drey__note->skipped[0] != '\0')
        printf(" # SKIP %s", drey__note->skipped);
    putchar('\n');
    fflush(stdout);
    return passed;
}
