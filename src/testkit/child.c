/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testkit/testkit.h"

enum { LOOK_MS = 20, LINGER_MS = 1000 };

int64_t drey__real_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static __attribute__((noreturn)) void be_child(const struct drey__child_job *job, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* so that all it starts can be killed with it */
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (out > STDERR_FILENO)
        close(out);
    job->fn(job->arg);
    exit(0);
}

/* Pass on what there is, waiting up to `ms` for some; false at the end of the output. */
static bool pass_on(const struct drey__child_job *job, int in, int ms)
{
    char bytes[4096];
    struct pollfd look = {.fd = in, .events = POLLIN};
    if (poll(&look, 1, ms) <= 0)
        return true;
    ssize_t n = read(in, bytes, sizeof bytes);
    if (n > 0)
        job->output(job->to, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Until the child has ended and its output too. */
static void attend(const struct drey__child_job *job, pid_t pid, int in, struct drey__child_end *end)
{
    int64_t limit = drey__real_ms() + job->limit_ms;
    bool open = true, alive = true;
    while (open || alive) {
        if (open)
            open = pass_on(job, in, LOOK_MS);
        if (alive && waitpid(pid, &end->status, WNOHANG) == pid) {
            alive = false;
            limit = drey__real_ms() + LINGER_MS;
        }
        if (drey__real_ms() >= limit) {
            kill(-pid, SIGKILL);
            *(alive ? &end->late : &end->left) = true;
            limit = drey__real_ms() + LINGER_MS;
            if (!alive)
                return;
        }
        if (!open && alive)
            poll(NULL, 0, 1);
    }
}

int drey__child_run(const struct drey__child_job *job, struct drey__child_end *out_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fflush(NULL); /* or the child would print it again */
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    if (pid == 0) {
        close(ends[0]);
        be_child(job, ends[1]);
    }
    close(ends[1]);
    *out_end = (struct drey__child_end){0};
    attend(job, pid, ends[0], out_end);
    close(ends[0]);
    return 0;
}

const char *drey__child_describe(const struct drey__child_end *end, char *buffer, size_t n)
{
    if (end->late)
        snprintf(buffer, n, "did not end in time and was killed");
    else if (end->left)
        snprintf(buffer, n, "ended, but a process that it started went on");
    else if (WIFSIGNALED(end->status))
        snprintf(buffer, n, "was killed by signal %d (%s)", WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
    else
        snprintf(buffer, n, "exited with status %d", WEXITSTATUS(end->status));
    return buffer;
}
