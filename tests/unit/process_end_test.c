/* SPDX-License-Identifier: MIT */
/* Many processes at once, and ends that are out of the ordinary (R1, R4, R19). */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../sanitized.h"
#include "processes.h"

static atomic_int running, most, ran;

static DREY_ASYNC int start_many(void *arg)
{
    enum { EACH = SLOW ? 5 : 25 };
    drey_process processes[EACH];
    (void)arg;
    DREY_SCOPE(scope, .limit = 5);
    int rc = 0;
    for (int i = 0; i < EACH && rc == 0; i++)
        rc = drey_process_start(&scope, SH("exit 3"), &processes[i]);
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < EACH && rc == 0; i++) {
        drey_process_status status;
        rc = drey_process_wait(&processes[i], &status);
        ran += rc == 0 && status.code == 3;
    }
    return rc;
}

/* From several workers at once, 40 at a time. */
TEST_ON_BOTH(r19_many_at_once, .workers = 4, .timeout_seconds = 60)
{
    DREY_SCOPE(scope);
    ran = 0;
    for (int i = 0; i < 8; i++)
        DREY_CHECK_EQ(drey_go(&scope, start_many, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(ran, SLOW ? 40 : 200);
    DREY_CHECK(no_children());
    return 0;
}

static DREY_ASYNC int run_one(void *arg)
{
    drey_process_result result;
    (void)arg;
    int now = ++running, seen = most;
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
    }
    int rc = drey_process_run(SH("read a; exit $a"), (drey_process_talk){.input = "4\n", .input_bytes = 2}, &result);
    running--;
    ran += rc == 0 && result.status.code == 4;
    return rc;
}

TEST_ON_BOTH(r19_runs_under_a_limit, .workers = 2, .timeout_seconds = 60)
{
    enum { ALL = SLOW ? 40 : 200, LIMIT = 20 };
    DREY_SCOPE(scope, .limit = LIMIT);
    ran = most = 0;
    for (int i = 0; i < ALL; i++)
        DREY_CHECK_EQ(drey_go(&scope, run_one, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(ran, ALL);
    DREY_CHECK(most <= LIMIT);
    DREY_CHECK(no_children());
    return 0;
}

static DREY_ASYNC int run_and_start(void *arg)
{
    drey_process_result result;
    drey_process process;
    (void)arg;
    drey_process_talk talk = {.input = "x", .input_bytes = 1, .out_max = 10000, .err_max = 10};
    int rc = drey_process_run(
        SH("cat; exit 9", .inherit_environment = true, .environment = (const char *[]){"A=1", NULL}), talk, &result);
    if (rc == 0) {
        rc = result.status.code == 9 && strcmp(result.out, "x") == 0 ? 0 : -EBADMSG;
        free(result.out);
        free(result.err);
    }
    DREY_SCOPE(scope);
    if (rc == 0)
        rc = drey_process_start(&scope, SH("exit 1"), &process);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r19_each_allocation_fails_once, .no_runtime = true)
{
    uint64_t before, n = 0;
    do {
        drey_config config = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};
        before = drey_test_allocs();
        drey_test_fail_alloc(++n);
        int rc = drey_run(&config, run_and_start, NULL);
        drey_test_fail_alloc(0);
        DREY_CHECK(rc == 0 || rc == -ENOMEM);
        DREY_CHECK(no_children());
    } while (drey_test_allocs() - before >= n);
    DREY_CHECK(n > 10);
    return 0;
}

/* As on Linux before 5.2: no pidfd and no close_range. */
static bool forbid_new_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1000 /* CLONE_PIDFD */, 1, 2),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static DREY_ASYNC int run_on_an_old_system(void *arg)
{
    drey_process process;
    (void)arg;
    DREY_CHECK(dup2(1, 200) == 200);
    char *text = printed_by(SH("sleep 0.1; ls /proc/self/fd"));
    close(200);
    DREY_CHECK_STR(text, "0\n1\n2\n3\n");
    free(text);
    DREY_SCOPE(scope, .timeout = DREY_MS(100));
    int rc = drey_process_start(&scope, SH("sleep 1000"), &process);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
    drey_process_status status;
    DREY_CHECK_EQ(drey_process_wait(&process, &status), 0);
    DREY_CHECK_EQ(status.signal, SIGTERM);
    DREY_CHECK(no_children());
    return 0;
}

DREY_TEST(r19_an_old_system, .no_runtime = true)
{
    if (!forbid_new_calls())
        DREY_SKIP("needs seccomp");
    DREY_CHECK(syscall(SYS_pidfd_open, getpid(), 0) < 0 && errno == ENOSYS);
    return drey_run(&(drey_config){.workers = 2}, run_on_an_old_system, NULL);
}

DREY_TEST(a_program_that_ignores_sigchld)
{
    drey_process_result result;
    signal(SIGCHLD, SIG_IGN);
    DREY_CHECK_EQ(drey_process_run(SH("exit 1"), (drey_process_talk){0}, &result), -ECHILD);
    return 0;
}

static drey_token *shutdown_token;

static DREY_ASYNC int fire(void *arg)
{
    (void)arg;
    int rc = drey_sleep(DREY_MS(50));
    drey_token_cancel(shutdown_token, "shutdown");
    return rc;
}

static DREY_ASYNC int run_deaf(void *arg)
{
    drey_process process;
    (void)arg;
    DREY_SCOPE(scope);
    int rc = drey_process_start(&scope, SH("trap '' TERM; sleep 1000; sleep 1000", .grace = DREY_SEC(1000)), &process);
    if (rc == 0)
        rc = drey_go(&scope, fire, NULL);
    return drey_scope_close(&scope, rc);
}

/* R4: the runtime's grace is shorter than the program's. */
DREY_TEST(r4_the_end_of_the_runtime, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_token_new(NULL, &shutdown_token), 0);
    drey_config config = {.workers = 2, .token = shutdown_token, .shutdown_grace = DREY_MS(200)};
    DREY_CHECK_EQ(drey_run(&config, run_deaf, NULL), -ECANCELED);
    drey_token_unref(shutdown_token);
    DREY_CHECK(no_children());
    return 0;
}

static DREY_ASYNC int start_and_die(void *arg)
{
    drey_process process;
    DREY_SCOPE(scope);
    int rc = drey_process_start(&scope, SH("sleep 1000", .death_signal = SIGKILL), &process);
    if (rc == 0 && write(*(int *)arg, &process.pid, sizeof process.pid) > 0)
        kill(getpid(), SIGKILL);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(a_death_signal, .no_runtime = true)
{
    int ends[2];
    pid_t grandchild = 0;
    DREY_CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(drey_run(NULL, start_and_die, &ends[1]) < 0);
    close(ends[1]);
    DREY_CHECK_EQ(waitpid(child, NULL, 0), child);
    DREY_CHECK_EQ(read(ends[0], &grandchild, sizeof grandchild), (ssize_t)sizeof grandchild);
    close(ends[0]);
    DREY_CHECK(goes(grandchild));
    return 0;
}

/* What this program is when it is started as another user: one that has become root altogether. */
__attribute__((constructor)) static void be_unkillable(void)
{
    if (getenv("UNKILLABLE") == NULL)
        return;
    if (setresuid(0, 0, 0) == 0)
        sleep(60);
    _exit(1);
}

enum { OTHER_USER = 54321 };

struct unkillable {
    const char *path;
    pid_t pid;
    int rc, waited;
    drey_duration took;
};

static DREY_ASYNC int start_unkillable(void *arg)
{
    struct unkillable *u = arg;
    drey_process process;
    drey_process_status status;
    const char *argv[] = {u->path, NULL}, *environment[] = {"UNKILLABLE=1", NULL};
    drey_time from = drey_now();
    DREY_SCOPE(scope, .timeout = DREY_MS(300));
    int rc = drey_process_start(&scope, (drey_process_options){.argv = argv, .environment = environment, .grace = -1},
                                &process);
    u->pid = rc == 0 ? process.pid : 0;
    u->rc = drey_scope_close(&scope, rc);
    u->took = drey_now() - from;
    u->waited = rc == 0 ? drey_process_wait(&process, &status) : rc;
    return 0;
}

/* A process that may not be killed holds nobody for ever: it is left, after a second, and named. */
DREY_TEST(r19_a_process_of_another_user, .no_runtime = true)
{
    char path[4096];
    snprintf(path, sizeof path, "cp /proc/%d/exe %s/program", (int)getpid(), drey_test_dir());
    if (geteuid() != 0 || SLOW)
        DREY_SKIP("needs root, and a program that runs as it is");
    DREY_CHECK_EQ(system(path), 0);
    snprintf(path, sizeof path, "%s/program", drey_test_dir());
    DREY_CHECK(chmod(drey_test_dir(), 0755) == 0 && chmod(path, 04755) == 0);
    struct unkillable u = {.path = path};
    DREY_CHECK_EQ(setresuid(OTHER_USER, OTHER_USER, 0), 0);
    int rc = drey_run(&(drey_config){.workers = 1}, start_unkillable, &u);
    DREY_CHECK_EQ(setresuid(0, 0, 0), 0);
    if (u.waited == 0)
        DREY_SKIP("the temporary directory grants no set-user-ID");
    bool was_left = u.pid > 0 && kill(u.pid, SIGKILL) == 0 && waitpid(u.pid, NULL, 0) == u.pid;
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(u.rc, -ETIMEDOUT);
    DREY_CHECK_EQ(u.waited, -ECHILD);
    DREY_CHECK(u.took >= DREY_MS(1300));
    DREY_CHECK(was_left);
    return 0;
}

DREY_TEST_MAIN()
