/* SPDX-License-Identifier: MIT */
/* The life of a process inside its scope: waiting, signals, cancellation, the end (R1, R3, R4, R5, R17). */
#include <fcntl.h>
#include <poll.h>

#include "../sanitized.h"
#include "processes.h"

TEST_ON_BOTH(how_it_ended)
{
    drey_process process, killed;
    drey_process_status status = {-1, -1};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_process_start(&scope, SH("exit 42"), &process), 0);
    DREY_CHECK_EQ(drey_process_start(&scope, SH("kill -USR1 $$"), &killed), 0);
    for (int i = 0; i < 2; i++) { /* again, too */
        DREY_CHECK_EQ(drey_process_wait(&process, &status), 0);
        DREY_CHECK(status.code == 42 && status.signal == 0);
        DREY_CHECK_EQ(drey_process_wait(&killed, &status), 0);
        DREY_CHECK(status.code == 0 && status.signal == SIGUSR1);
    }
    DREY_CHECK_EQ(drey_process_kill(&process, SIGTERM), -ESRCH);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_process_wait(&killed, &status), 0); /* as long as the struct is there */
    DREY_CHECK(no_children());
    return 0;
}

struct waiter {
    drey_process *process;
    int rc;
    drey_process_status status;
};

static DREY_ASYNC int wait_too(void *arg)
{
    struct waiter *w = arg;
    w->rc = drey_process_wait(w->process, &w->status);
    return 0;
}

TEST_ON_BOTH(r7_several_wait, .workers = 2)
{
    drey_process process;
    struct waiter w[3];
    drey_task *first;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_process_start(&scope, SH("read a; exit 5", .in = DREY_STDIO_PIPE), &process), 0);
    for (int i = 0; i < 3; i++)
        w[i] = (struct waiter){.process = &process, .rc = 1};
    DREY_CHECK_EQ(drey_spawn(&scope, wait_too, &w[0], &first), 0);
    DREY_CHECK_EQ(drey_go(&scope, wait_too, &w[1]), 0);
    DREY_CHECK_EQ(drey_go(&scope, wait_too, &w[2]), 0);
    drey_task_cancel(first, "test");
    int joined;
    DREY_CHECK_EQ(drey_join(first, &joined), 0);
    drey_case cases[] = {drey_on_process(&process), drey_on_fd(process.in, POLLOUT)};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    close(process.in);
    DREY_CHECK_EQ(drey_select(cases, 1), 0);
    DREY_CHECK_EQ(cases[0].result, 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(w[0].rc, -ECANCELED);
    for (int i = 1; i < 3; i++)
        DREY_CHECK(w[i].rc == 0 && w[i].status.code == 5);
    return 0;
}

/* By the calls of fs.h, each way more than a pipe holds. */
enum { LARGE = 1 << 20 };

static DREY_ASYNC int feed(void *arg)
{
    const drey_process *process = arg;
    char chunk[4096];
    int rc = 0;
    memset(chunk, 'x', sizeof chunk);
    for (size_t done = 0; done < LARGE && rc == 0;) {
        ssize_t n = drey_file_write(process->in, chunk, sizeof chunk);
        done += n > 0 ? (size_t)n : 0;
        rc = n < 0 ? (int)n : 0;
    }
    int closed = drey_file_close(process->in);
    return rc < 0 ? rc : closed;
}

TEST_ON_BOTH(pipes_by_the_calls_of_files, .workers = 2)
{
    drey_process process;
    char chunk[4096];
    size_t got = 0;
    ssize_t n;
    DREY_SCOPE(scope);
    drey_process_options options = SH("cat", .in = DREY_STDIO_PIPE, .out = DREY_STDIO_PIPE);
    DREY_CHECK_EQ(drey_process_start(&scope, options, &process), 0);
    DREY_CHECK_EQ(drey_go(&scope, feed, &process), 0);
    while ((n = drey_file_read(process.out, chunk, sizeof chunk)) > 0)
        got += (size_t)n;
    close(process.out);
    DREY_CHECK_EQ(n, 0);
    DREY_CHECK_EQ(got, LARGE);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(signals_reach_it_and_its_group)
{
    drey_process process;
    char line[32] = "";
    DREY_SCOPE(scope);
    const char *script = "trap 'exit 9' USR1; (trap 'exit 8' USR1; echo; while :; do sleep 0.01; done) & "
                         "wait $!; wait $!; exit $?";
    DREY_CHECK_EQ(drey_process_start(&scope, SH(script, .out = DREY_STDIO_PIPE), &process), 0);
    DREY_CHECK_EQ(drey_file_read(process.out, line, 1), 1);
    DREY_CHECK_EQ(drey_process_kill(&process, 0), 0);
    DREY_CHECK_EQ(drey_process_kill(&process, 1000), -EINVAL);
    DREY_CHECK_EQ(drey_process_kill(&process, SIGUSR1), 0);
    drey_process_status status;
    DREY_CHECK_EQ(drey_process_wait(&process, &status), 0);
    DREY_CHECK_EQ(status.code, 9);
    close(process.out);
    return drey_scope_close(&scope, 0);
}

/* A program with a time limit: how it ended, how long that took, and what close says. */
static DREY_ASYNC int stopped_after(drey_process_options options, drey_process_status *out_status,
                                    drey_duration *out_took)
{
    drey_process process;
    char ready;
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    options.out = DREY_STDIO_PIPE;
    int rc = drey_process_start(&scope, options, &process);
    if (rc == 0)
        rc = (int)drey_file_read(process.out, &ready, 1); /* each script says that it is ready */
    drey_time from = drey_now();
    if (rc == 1) {
        drey_scope_set_deadline(&scope, from);
        rc = drey_sleep(DREY_SEC(60));
        close(process.out);
    }
    rc = drey_scope_close(&scope, rc);
    *out_took = drey_now() - from;
    int waited = drey_process_wait(&process, out_status);
    return waited < 0 ? waited : rc;
}

TEST_ON_BOTH(r4_sigterm_first_and_sigkill_after_the_grace, .real_clock = true)
{
    drey_process_status status;
    drey_duration took;
    DREY_CHECK_EQ(stopped_after(SH("echo; sleep 1000"), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.signal, SIGTERM);
    DREY_CHECK(took < DREY_SEC(2));
    const char *polite = "trap 'kill $!; exit 7' TERM; sleep 1000 & echo; wait";
    DREY_CHECK_EQ(stopped_after(SH(polite), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.code, 7);
    const char *deaf = "trap '' TERM; echo; sleep 1000; sleep 1000";
    DREY_CHECK_EQ(stopped_after(SH(deaf, .grace = DREY_MS(150)), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.signal, SIGKILL);
    DREY_CHECK(took >= DREY_MS(150) && took < DREY_SEC(10));
    DREY_CHECK_EQ(stopped_after(SH(deaf, .grace = -1), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.signal, SIGKILL);
    DREY_CHECK(took < DREY_SEC(2));
    const char *halted = "trap 'exit 3' TERM; echo; kill -STOP $$; exit 4";
    DREY_CHECK_EQ(stopped_after(SH(halted), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.code, 3);
    DREY_CHECK(no_children());
    return 0;
}

/* Grandchildren that ignore SIGTERM end with their group, and a leader that moved to another group ends as well. */
TEST_ON_BOTH(r1_nothing_of_the_group_is_left, .real_clock = true)
{
    int ends[2];
    char line[32] = "";
    drey_process_status status;
    drey_duration took;
    DREY_CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    drey_process_fd fds[] = {{ends[1], 5}};
    const char *script = "(trap '' TERM; sleep 1000 & echo $! >&5; echo; wait) & wait";
    DREY_CHECK_EQ(stopped_after(SH(script, .fds = fds, .fd_count = 1), &status, &took), -ETIMEDOUT);
    DREY_CHECK_EQ(status.signal, SIGTERM);
    DREY_CHECK(read(ends[0], line, sizeof line - 1) > 0);
    DREY_CHECK(goes((pid_t)atoi(line)));
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static DREY_ASYNC int cancel_soon(void *arg)
{
    int rc = drey_sleep(DREY_MS(50));
    drey_scope_cancel(arg, 0, "enough");
    return rc;
}

/* Closing waits for a process that runs, as for a task; "enough" ends it. */
DREY_TEST(r1_close_waits, .real_clock = true)
{
    drey_process process;
    drey_time from = drey_now();
    {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(drey_process_start(&scope, SH("sleep 0.2"), &process), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    DREY_CHECK(drey_now() - from >= DREY_MS(200));
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_process_start(&scope, SH("sleep 1000"), &process), 0);
    DREY_CHECK_EQ(drey_go(&scope, cancel_soon, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(no_children());
    return 0;
}

/* R4: nothing starts in a cancelled scope, whichever of the two it is. */
DREY_TEST(r4_refused_once_cancelled)
{
    drey_process process;
    DREY_SCOPE(outer);
    DREY_SCOPE(inner);
    drey_scope_cancel(&inner, 0, "test");
    DREY_CHECK_EQ(drey_process_start(&inner, SH("exit 1"), &process), -ECANCELED);
    DREY_CHECK_EQ(drey_process_start(&outer, SH("exit 1"), &process), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&inner, 0), 0);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    DREY_CHECK(no_children());
    return 0;
}

/* R17: a program takes real time, so virtual time stands still for it. */
TEST_ON_BOTH(r17_virtual_time_waits_for_it)
{
    drey_process_result result;
    DREY_SCOPE(scope, .timeout = DREY_MS(1));
    int rc = drey_process_run(SH("sleep 0.2; exit 6"), (drey_process_talk){0}, &result);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(result.status.code, 6);
    return 0;
}

/* R5: stopped by force or by itself, what was opened is closed and what was started has ended. */
static DREY_ASYNC int run_and_start(void *arg)
{
    drey_process_result result = {.out = NULL};
    drey_process process;
    drey_process_talk talk = {.input = "text", .input_bytes = 4, .out_max = 100};
    (void)arg;
    int rc = drey_process_run(SH("cat"), talk, &result);
    if (rc == 0 && strcmp(result.out, "text") != 0)
        rc = -EBADMSG;
    free(result.out);
    DREY_SCOPE(scope, .limit = 1);
    drey_process_status status;
    if (rc == 0)
        rc = drey_process_start(&scope, SH("exit 1"), &process);
    if (rc == 0)
        rc = drey_process_wait(&process, &status);
    if (rc == 0)
        rc = drey_process_start(&scope, SH("exit 2"), &process);
    rc = drey_scope_close(&scope, rc);
    return no_children() ? rc : -ECHILD;
}

DREY_TEST(r5_cancelled_everywhere, .no_runtime = true, .timeout_seconds = 50)
{
    DREY_CHECK(drey_test_cancel_everywhere(run_and_start, NULL, 1) > 10);
    if (!SLOW)
        DREY_CHECK(drey_test_cancel_everywhere(run_and_start, NULL, 3) > 10);
    return 0;
}

DREY_TEST_MAIN()
