/* SPDX-License-Identifier: MIT */
/*
 * Child processes: a program run to its end, one to talk with, and one that does not want to stop.
 *
 * Prints:
 *     sorted: apple pear plum
 *     no such program: No such file or directory
 *     status 3, it said: no
 *     echo: one
 *     echo: two
 *     out of time; ended by signal 9
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DREY_ASYNC int sort_words(void)
{
    static const char words[] = "plum\npear\napple\n";
    const char *argv[] = {"sort", NULL};
    drey_process_talk talk = {.input = words, .input_bytes = sizeof words - 1, .out_max = 1 << 20};
    drey_process_result result;
    int rc = drey_process_run((drey_process_options){.argv = argv}, talk, &result);
    if (rc < 0)
        return rc;
    printf("sorted:");
    for (char *word = strtok(result.out, "\n"); word != NULL; word = strtok(NULL, "\n"))
        printf(" %s", word);
    puts("");
    free(result.out);
    return 0;
}

/* That it could not be run is an error; what it thinks of its work is its status. */
static DREY_ASYNC int tell_failures_apart(void)
{
    const char *missing[] = {"no-such-program", NULL}, *refuses[] = {"sh", "-c", "echo no >&2; exit 3", NULL};
    drey_process_result result;
    int rc = drey_process_run((drey_process_options){.argv = missing}, (drey_process_talk){0}, &result);
    printf("no such program: %s\n", strerror(-rc));
    rc = drey_process_run((drey_process_options){.argv = refuses}, (drey_process_talk){.err_max = 200}, &result);
    if (rc < 0)
        return rc;
    printf("status %d, it said: %s", result.status.code, result.err);
    free(result.err);
    return 0;
}

/* The pipes are descriptors like others. */
static DREY_ASYNC int say(const drey_process *echo, const char *line)
{
    char answer[64];
    ssize_t n = drey_file_write(echo->in, line, strlen(line));
    if (n > 0)
        n = drey_file_read(echo->out, answer, sizeof answer);
    if (n > 0)
        printf("echo: %.*s", (int)n, answer);
    return n < 0 ? (int)n : 0;
}

static DREY_ASYNC int talk_with_one(void)
{
    const char *argv[] = {"cat", NULL};
    drey_process_options options = {.argv = argv, .in = DREY_STDIO_PIPE, .out = DREY_STDIO_PIPE};
    drey_process echo;
    DREY_SCOPE(scope, .name = "echo");
    int rc = drey_process_start(&scope, options, &echo);
    if (rc == 0) {
        rc = say(&echo, "one\n");
        if (rc == 0)
            rc = say(&echo, "two\n");
        int closed[] = {drey_file_close(echo.in), drey_file_close(echo.out)}; /* the end of its input ends it */
        rc = rc < 0 ? rc : closed[0] < 0 ? closed[0] : closed[1];
    }
    return drey_scope_close(&scope, rc);              /* it has ended when this returns */
}

/* Cancelling the scope, here by its timeout, stops the program: SIGTERM, and after the grace SIGKILL. */
static DREY_ASYNC int stop_a_stubborn_one(void)
{
    const char *argv[] = {"sh", "-c", "trap '' TERM; sleep 60; sleep 60", NULL};
    drey_process_options options = {.argv = argv, .grace = DREY_MS(100)};
    drey_process process;
    drey_process_status status;
    DREY_SCOPE(scope, .timeout = DREY_MS(100));
    int rc = drey_process_start(&scope, options, &process);
    rc = drey_scope_close(&scope, rc);
    if (rc == -ETIMEDOUT && drey_process_wait(&process, &status) == 0)
        printf("out of time; ended by signal %d\n", status.signal);
    return rc == -ETIMEDOUT ? 0 : rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    int rc = sort_words();
    if (rc == 0)
        rc = tell_failures_apart();
    if (rc == 0)
        rc = talk_with_one();
    return rc < 0 ? rc : stop_a_stubborn_one();
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
