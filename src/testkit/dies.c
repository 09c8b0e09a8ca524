/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testkit/testkit.h"

enum { TEXT_MAX = 64 * 1024 };

/* What the child printed, as far as there is room. */
struct text {
    size_t used;
    char bytes[TEXT_MAX];
};

static void keep(void *to, const char *bytes, size_t n)
{
    struct text *t = to;
    size_t room = sizeof t->bytes - 1 - t->used;
    n = n < room ? n : room;
    memcpy(t->bytes + t->used, bytes, n);
    t->used += n;
}

static void die(void *fn)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    (*(void (**)(void))fn)();
    fflush(NULL);
    _exit(0); /* what the parent registered for its exit is not the child's */
}

int drey_test_dies(void (*fn)(void), const char *message_part)
{
    static struct text text; /* too much for a stack */
    struct drey__child_end end;
    struct drey__child_job job = {
        .fn = die,
        .arg = &fn,
        .limit_ms = drey__case_time_left(),
        .output = keep,
        .to = &text,
    };
    text.used = 0;
    int rc = drey__child_run(&job, &end);
    if (rc < 0)
        return rc;
    text.bytes[text.used] = '\0';
    bool aborted = !end.late && !end.left && WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGABRT;
    if (aborted && strstr(text.bytes, message_part) != NULL)
        return 1;
    char what[128];
    fprintf(stderr, "expected an abort with \"%s\", but it %s, having printed:\n%s\n", message_part,
            drey__child_describe(&end, what, sizeof what), text.bytes);
    return 0;
}
