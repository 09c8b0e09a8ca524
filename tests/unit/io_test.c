/* SPDX-License-Identifier: MIT */
/* Waiting for descriptors (R6, R7) on both backends, and the choice of the backend. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "on_both.h"

struct waiting {
    int fd, rc, result;
    unsigned events;
};

static DREY_ASYNC int wait_fd(void *arg)
{
    struct waiting *w = arg;
    drey_case c = drey_on_fd(w->fd, w->events);
    w->rc = drey_select(&c, 1);
    w->result = c.result;
    return 0;
}

static DREY_ASYNC int wait_now(int fd, unsigned events)
{
    struct waiting w = {.fd = fd, .events = events};
    wait_fd(&w);
    return w.rc < 0 ? w.rc : w.result;
}

static void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

TEST_ON_BOTH(ready_at_once)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    DREY_CHECK_EQ(wait_now(fds[1], POLLOUT), POLLOUT);
    DREY_CHECK_EQ(write(fds[1], "x", 1), 1);
    DREY_CHECK_EQ(wait_now(fds[0], POLLIN), POLLIN);
    close(fds[1]);
    DREY_CHECK_EQ(wait_now(fds[0], POLLIN), POLLIN | POLLHUP);
    close(fds[0]);
    return 0;
}

TEST_ON_BOTH(bad_descriptors)
{
    DREY_CHECK_EQ(wait_now(-1, POLLIN), -EBADF);
    DREY_CHECK_EQ(wait_now(1000, POLLIN), -EBADF);
    return 0;
}

/* What epoll refuses never blocks. */
TEST_ON_BOTH(regular_file_is_always_ready)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(wait_now(fd, POLLIN), POLLIN);
    DREY_CHECK_EQ(wait_now(fd, POLLPRI), POLLPRI);
    close(fd);
    return 0;
}

TEST_ON_BOTH(wakes_when_ready)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    struct waiting w = {.fd = fds[0], .events = POLLIN, .rc = 1};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_fd, &w);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int before = w.rc;
    ssize_t put = write(fds[1], "x", 1);
    rc = drey_scope_close(&scope, rc);
    close_both(fds);
    DREY_CHECK_EQ(before, 1);
    DREY_CHECK_EQ(put, 1);
    DREY_CHECK_EQ(w.rc, 0);
    DREY_CHECK_EQ(w.result, POLLIN);
    return rc;
}

/* Two readers and one that waits for what never comes: the readers wake, the third is armed anew and cancelled. */
TEST_ON_BOTH(several_waiters_of_one_descriptor)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    struct waiting w[3] = {{.fd = fds[0], .events = POLLIN, .rc = 1},
                           {.fd = fds[0], .events = POLLPRI, .rc = 1},
                           {.fd = fds[0], .events = POLLIN, .rc = 1}};
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(&scope, wait_fd, &w[i]);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    ssize_t put = write(fds[1], "x", 1);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int unready = w[1].rc;
    drey_scope_cancel(&scope, 0, "enough");
    rc = drey_scope_close(&scope, rc);
    close_both(fds);
    DREY_CHECK_EQ(put, 1);
    DREY_CHECK_EQ(w[0].result, POLLIN);
    DREY_CHECK_EQ(w[2].result, POLLIN);
    DREY_CHECK_EQ(unready, 1);
    DREY_CHECK_EQ(w[1].rc, -ECANCELED);
    return rc;
}

TEST_ON_BOTH(r4_already_cancelled)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int ready = wait_now(fds[1], POLLOUT), unready = wait_now(fds[0], POLLIN);
    int rc = drey_scope_close(&scope, 0);
    close_both(fds);
    DREY_CHECK_EQ(ready, -ECANCELED);
    DREY_CHECK_EQ(unready, -ECANCELED);
    return rc;
}

TEST_ON_BOTH(r4_deadline_while_waiting)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    drey_time before = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_SEC(60));
    int waited = wait_now(fds[0], POLLIN);
    int rc = drey_scope_close(&scope, waited);
    close_both(fds);
    DREY_CHECK_EQ(waited, -ECANCELED);
    DREY_CHECK_EQ(rc, -ETIMEDOUT);
    DREY_CHECK(drey_now() - before >= DREY_SEC(60));
    return 0;
}

/* F2, F3 of io/fds.h: a number that comes back is another file; what its former waiters left behind wakes nobody. */
TEST_ON_BOTH(r7_number_used_again)
{
    int old[2], fresh[2];
    DREY_CHECK_EQ(pipe(old), 0);
    drey_case cases[] = {drey_on_fd(old[0], POLLIN), drey_on_after(DREY_MS(1))};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    int kept = dup(old[0]); /* keeps the registration of the old file alive */
    DREY_CHECK_EQ(pipe(fresh), 0);
    DREY_CHECK_EQ(dup2(fresh[0], old[0]), old[0]);
    struct waiting w = {.fd = old[0], .events = POLLIN, .rc = 1};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_fd, &w);
    ssize_t put = write(old[1], "x", 1);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    int before = w.rc;
    put += write(fresh[1], "x", 1);
    rc = drey_scope_close(&scope, rc);
    close_both(old);
    close_both(fresh);
    close(kept);
    DREY_CHECK_EQ(put, 2);
    DREY_CHECK_EQ(before, 1);
    DREY_CHECK_EQ(w.result, POLLIN);
    return rc;
}

TEST_ON_BOTH(high_descriptor)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    int high = fcntl(fds[0], F_DUPFD_CLOEXEC, 700);
    DREY_CHECK(high >= 700);
    drey_case cases[] = {drey_on_fd(high, POLLIN), drey_on_after(DREY_MS(1))};
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    DREY_CHECK_EQ(write(fds[1], "x", 1), 1);
    DREY_CHECK_EQ(wait_now(high, POLLIN), POLLIN);
    close(high);
    close_both(fds);
    return 0;
}

TEST_ON_BOTH(memory_is_out)
{
    int fds[2];
    DREY_CHECK_EQ(pipe(fds), 0);
    drey_test_fail_alloc(1);
    int rc = wait_now(fds[0], POLLIN);
    close_both(fds);
    DREY_CHECK_EQ(rc, -ENOMEM);
    return 0;
}

enum { PAIRS = 8, ROUNDS = 500 };

struct game {
    int in, out;
    int rc;
};

static DREY_ASYNC int play(void *arg)
{
    struct game *g = arg;
    char ball;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = wait_now(g->in, POLLIN);
        if (rc < 0)
            return rc;
        if (read(g->in, &ball, 1) != 1 || write(g->out, &ball, 1) != 1)
            return -EIO;
    }
    return 0;
}

/* Pairs of tasks, spread over workers that sleep and wake all the time. */
static DREY_ASYNC int play_all(void)
{
    int there[PAIRS][2], back[PAIRS][2];
    struct game games[PAIRS][2];
    int rc = 0;
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < PAIRS; i++) {
        if (pipe(there[i]) != 0 || pipe(back[i]) != 0 || write(there[i][1], "o", 1) != 1)
            abort();
        games[i][0] = (struct game){.in = there[i][0], .out = back[i][1]};
        games[i][1] = (struct game){.in = back[i][0], .out = there[i][1]};
    }
    for (int i = 0; i < PAIRS * 2 && rc == 0; i++)
        rc = drey_go(&scope, play, &games[i / 2][i % 2]);
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < PAIRS; i++) {
        close_both(there[i]);
        close_both(back[i]);
    }
    return rc;
}

TEST_ON_BOTH(r7_ping_pong, .workers = 4, .real_clock = true)
{
    return play_all();
}

struct race {
    int fd;
    _Atomic int woken, cut;
};

static DREY_ASYNC int wait_in_race(void *arg)
{
    struct race *r = arg;
    int rc = wait_now(r->fd, POLLIN);
    atomic_fetch_add(rc == -ECANCELED ? &r->cut : &r->woken, 1);
    return 0;
}

/* R7: readiness and cancellation at the same time: each waiter ends by one of the two. */
TEST_ON_BOTH(r7_wake_races_cancel, .workers = 4, .real_clock = true)
{
    for (int i = 0; i < 200; i++) {
        int fds[2], rc = 0;
        DREY_CHECK_EQ(pipe(fds), 0);
        struct race race = {.fd = fds[0]};
        DREY_SCOPE(scope, .spread = true);
        for (int k = 0; k < 8 && rc == 0; k++)
            rc = drey_go(&scope, wait_in_race, &race);
        if (rc == 0)
            rc = drey_yield();
        ssize_t put = write(fds[1], "x", 1);
        drey_scope_cancel(&scope, 0, "race");
        rc = drey_scope_close(&scope, rc);
        close_both(fds);
        DREY_CHECK_EQ(put, 1);
        DREY_CHECK_EQ(rc, 0);
        DREY_CHECK_EQ(race.woken + race.cut, 8);
    }
    return 0;
}

static int note_backend(void *arg)
{
    drey_counters now;
    drey_counters_get(&now);
    strcpy(arg, now.io_backend);
    return 0;
}

static int run_with(int io, const char *environment, char *out_backend)
{
    const char *before = getenv("DREY_IO");
    char *kept = before != NULL ? strdup(before) : NULL;
    if (environment != NULL)
        setenv("DREY_IO", environment, 1);
    else
        unsetenv("DREY_IO");
    out_backend[0] = '\0';
    int rc = drey_run(&(drey_config){.workers = 1, .io = io}, note_backend, out_backend);
    if (kept != NULL)
        setenv("DREY_IO", kept, 1);
    else
        unsetenv("DREY_IO");
    free(kept);
    return rc;
}

DREY_TEST(choice_of_the_backend, .no_runtime = true)
{
    char name[16];
    DREY_CHECK_EQ(run_with(DREY_IO_AUTO, "epoll", name), 0);
    DREY_CHECK_STR(name, "epoll");
    DREY_CHECK_EQ(run_with(DREY_IO_AUTO, "nonsense", name), -EINVAL);
    DREY_CHECK_EQ(run_with(7, NULL, name), -EINVAL);
    DREY_CHECK_EQ(run_with(DREY_IO_EPOLL, "uring", name), 0);
    DREY_CHECK_STR(name, "epoll");
    int rc = run_with(DREY_IO_URING, NULL, name);
    DREY_CHECK(rc == -ENOSYS || (rc == 0 && strcmp(name, "uring") == 0));
    return 0;
}

/* From here on io_uring is refused, in the way of a container's profile. */
static void refuse_io_uring(uint32_t how)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, how),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(77);
}

/* The exit status of a process in which io_uring is refused: 0 if all was as it should be, 77 if it cannot be tried. */
static int live_refused(uint32_t how)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        char name[16];
        refuse_io_uring(how);
        if (run_with(DREY_IO_AUTO, NULL, name) != 0 || strcmp(name, "epoll") != 0)
            _exit(1);
        _exit(run_with(DREY_IO_URING, NULL, name) == -ENOSYS ? 0 : 2);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : status;
}

DREY_TEST(refusal_by_seccomp, .no_runtime = true)
{
    static const uint32_t ways[] = {SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_TRAP, SECCOMP_RET_KILL_PROCESS};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int status = live_refused(ways[i]);
        DREY_CHECK(status == 0 || status == 77);
    }
    return 0;
}

DREY_TEST_MAIN()
