/* SPDX-License-Identifier: MIT */
/* Starting programs: what they get, what they do not, and every way in which it fails (R3, R19). */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../sanitized.h"
#include "processes.h"

/* 0 or what the start said; a process that runs is waited for. */
static DREY_ASYNC int try_start(drey_process_options options, const char **out_failed)
{
    drey_process process;
    DREY_SCOPE(scope);
    int rc = drey_process_start(&scope, options, &process);
    *out_failed = process.failed;
    int closed = drey_scope_close(&scope, 0);
    return closed < 0 ? closed : rc;
}

static const char *make_file(const char *name, const char *text, mode_t mode)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", drey_test_dir(), name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
        perror(path);
    close(fd);
    return path;
}

#define PROGRAM(...) ((drey_process_options){.argv = (const char *[]){__VA_ARGS__, NULL}})

#define FAILS(options, error, at)                                                                                      \
    do {                                                                                                               \
        const char *at_what;                                                                                           \
        int got = try_start((options), &at_what);                                                                      \
        DREY_CHECK_EQ(got, (error));                                                                                   \
        DREY_CHECK_STR(at_what, (at));                                                                                 \
        DREY_CHECK(no_children());                                                                                     \
    } while (0)

TEST_ON_BOTH(what_cannot_be_run)
{
    const char *dir = drey_test_dir();
    FAILS(PROGRAM("no-such-program-anywhere"), -ENOENT, "its program");
    FAILS(PROGRAM("/no/such/program"), -ENOENT, "its program");
    FAILS(PROGRAM(""), -ENOENT, "its program");
    FAILS(PROGRAM("/etc/passwd/x"), -ENOTDIR, "its program");
    FAILS(PROGRAM(make_file("plain", "#!/bin/sh\n", 0644)), -EACCES, "its program");
    FAILS(PROGRAM(dir), -EACCES, "its program");
    FAILS(PROGRAM(make_file("text", "echo 1\n", 0755)), -ENOEXEC, "its program");
    FAILS(PROGRAM(make_file("interpreter", "#!/no/such/interpreter\n", 0755)), -ENOENT, "its program");
    drey_process_options elsewhere = SH("exit 0", .directory = "/no/such/directory");
    FAILS(elsewhere, -ENOENT, "its directory");
    elsewhere.directory = "/etc/passwd";
    FAILS(elsewhere, -ENOTDIR, "its directory");
    return 0;
}

DREY_TEST(too_long_for_the_system)
{
    enum { LONG = 4 << 20 };
    char *word = malloc(LONG + 1);
    DREY_CHECK(word != NULL);
    memset(word, 'x', LONG);
    word[LONG] = '\0';
    FAILS(PROGRAM("true", word), -E2BIG, "its program");
    drey_process_options options = PROGRAM("true");
    options.environment = (const char *[]){word, NULL};
    FAILS(options, -E2BIG, "its program");
    word[8000] = '\0';
    FAILS(PROGRAM(word), -ENOENT, "its program"); /* no path is that long */
    free(word);
    return 0;
}

DREY_TEST(options_that_make_no_sense)
{
    drey_process_fd twice[] = {{1, 5}, {2, 5}}, standard[] = {{1, 2}}, closed[] = {{900, 5}}, negative[] = {{-1, 5}};
    drey_process_fd many[DREY_PROCESS_FDS_MAX + 1] = {{0, 0}};
    FAILS(((drey_process_options){0}), -EINVAL, NULL);
    FAILS(((drey_process_options){.argv = (const char *[]){NULL}}), -EINVAL, NULL);
    FAILS(SH("", .in = DREY_STDIO_OUT), -EINVAL, NULL);
    FAILS(SH("", .out = 3), -EINVAL, NULL);
    FAILS(SH("", .death_signal = 100), -EINVAL, NULL);
    FAILS(SH("", .fds = twice, .fd_count = 2), -EINVAL, NULL);
    FAILS(SH("", .fds = standard, .fd_count = 1), -EINVAL, NULL);
    FAILS(SH("", .fds = negative, .fd_count = 1), -EINVAL, NULL);
    FAILS(SH("", .fds = many, .fd_count = DREY_PROCESS_FDS_MAX + 1), -E2BIG, NULL);
    FAILS(SH("", .fds = closed, .fd_count = 1), -EBADF, "its descriptors");
    FAILS(SH("", .out = DREY_STDIO_FD, .out_fd = 900), -EBADF, "its descriptors");
    FAILS(SH("", .out = DREY_STDIO_FD, .out_fd = -1), -EBADF, NULL);
    return 0;
}

/* A script as large as may be is written while another thread of the program starts it. */
static DREY_ASYNC int close_later(void *arg)
{
    int rc = drey_sleep(DREY_MS(20));
    close(*(int *)arg);
    return rc;
}

TEST_ON_BOTH(a_program_that_is_being_written, .real_clock = true)
{
    const char *failed, *path = make_file("busy", "#!/bin/sh\n", 0755);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    DREY_CHECK(fd >= 0);
    FAILS(PROGRAM(path), -ETXTBSY, "its program");
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, close_later, &fd), 0);
    DREY_CHECK_EQ(try_start(PROGRAM(path), &failed), 0);
    return drey_scope_close(&scope, 0);
}

TEST_ON_BOTH(r19_out_of_descriptors)
{
    drey_process_options options = SH("exit 0", .in = DREY_STDIO_PIPE, .out = DREY_STDIO_PIPE);
    const char *failed;
    struct rlimit old, low;
    DREY_CHECK_EQ(drey_sleep(0), 0);
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    int lowest = dup(0), failures = 0;
    close(lowest);
    for (int more = 0; more < 16; more++) { /* so that each step has its turn to fail */
        drey_process process;
        low = (struct rlimit){(rlim_t)(lowest + more), old.rlim_max};
        DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
        DREY_SCOPE(scope);
        int rc = drey_process_start(&scope, options, &process);
        int closed = drey_scope_close(&scope, 0);
        setrlimit(RLIMIT_NOFILE, &old);
        DREY_CHECK_EQ(closed, 0);
        if (rc == 0) {
            close(process.in);
            close(process.out);
        } else {
            DREY_CHECK(rc == -EMFILE || rc == -EINVAL);
            failures++;
        }
    }
    DREY_CHECK(failures > 4);
    DREY_CHECK(no_children());
    return try_start(SH("exit 0"), &failed);
}

static DREY_ASYNC int start_one_too_many(void *arg)
{
    const char *failed;
    (void)arg;
    DREY_CHECK_EQ(try_start(SH("exit 0"), &failed), -EAGAIN);
    DREY_CHECK_STR(failed, NULL);
    return 0;
}

DREY_TEST(r19_out_of_processes, .no_runtime = true)
{
    struct rlimit old, none;
    if (geteuid() == 0 && setuid(54321) < 0)
        DREY_SKIP("no other user can be had, and root has no limit of processes");
    DREY_CHECK_EQ(getrlimit(RLIMIT_NPROC, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    DREY_CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    int rc = drey_run(&(drey_config){.workers = 1, .io = DREY_IO_EPOLL}, start_one_too_many, NULL);
    setrlimit(RLIMIT_NPROC, &old);
    return rc;
}

DREY_TEST(the_path_is_searched)
{
    char path[8192];
    make_file("here", "#!/bin/sh\necho found\n", 0755);
    snprintf(path, sizeof path, "%s/sh", drey_test_dir());
    mkdir(path, 0755); /* a directory of that name is passed over */
    snprintf(path, sizeof path, "/etc/passwd:/no/such:%s:/usr/bin:/bin", drey_test_dir());
    setenv("PATH", path, 1);
    char *text = printed_by(PROGRAM("here"));
    DREY_CHECK_STR(text, "found\n");
    free(text);
    text = printed_by((drey_process_options){.program = "sh", .argv = (const char *[]){"name", "-c", "echo $0", NULL}});
    DREY_CHECK_STR(text, "name\n");
    free(text);
    setenv("PATH", ":/usr/bin", 1); /* an empty entry is the directory where it starts */
    drey_process_options options = PROGRAM("here");
    options.directory = drey_test_dir();
    text = printed_by(options);
    DREY_CHECK_STR(text, "found\n");
    free(text);
    options.argv = (const char *[]){"./here", NULL};
    text = printed_by(options);
    DREY_CHECK_STR(text, "found\n");
    free(text);
    unsetenv("PATH");
    text = printed_by(PROGRAM("env"));
    DREY_CHECK_STR(text, "");
    free(text);
    return 0;
}

DREY_TEST(its_environment)
{
    setenv("SECRET", "1", 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("HOME", "/", 1);
    drey_process_options options = PROGRAM("env");
    char *text = printed_by(options);
    DREY_CHECK_STR(text, "PATH=/usr/bin:/bin\n");
    free(text);
    options.environment = (const char *[]){"HOME=/x", "A=", NULL};
    text = printed_by(options);
    DREY_CHECK_STR(text, "HOME=/x\nA=\n");
    free(text);
    options.inherit_environment = true;
    text = printed_by(options);
    DREY_CHECK(text != NULL && strstr(text, "SECRET=1\n") && strstr(text, "HOME=/x\n") && !strstr(text, "HOME=/\n"));
    free(text);
    options.environment = NULL;
    text = printed_by(options);
    DREY_CHECK(text != NULL && strstr(text, "SECRET=1\n") && strstr(text, "HOME=/\n"));
    free(text);
    return 0;
}

static const char *link_of(int fd, char target[64])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, target, 63);
    target[n > 0 ? n : 0] = '\0';
    return target;
}

/* Descriptors that are not marked to be closed by exec, as libraries leave them, do not come along. */
TEST_ON_BOTH(its_descriptors)
{
    int ends[2], high = 200;
    DREY_CHECK_EQ(pipe(ends), 0);
    DREY_CHECK_EQ(dup2(ends[0], high), high);
    char *text = printed_by(SH("ls /proc/self/fd"));
    DREY_CHECK_STR(text, "0\n1\n2\n3\n"); /* 3 is what ls reads the directory by */
    free(text);
    close(ends[1]);
    close(high);
    /* Two that change places, and one far above. */
    int other[2];
    char script[200], first[64], second[64], wanted[200];
    DREY_CHECK_EQ(pipe2(other, O_CLOEXEC), 0);
    drey_process_fd fds[] = {{ends[0], other[0]}, {other[0], ends[0]}, {other[1], 90}};
    snprintf(script, sizeof script, "readlink /proc/self/fd/%d /proc/self/fd/%d; ls /proc/self/fd | wc -l", other[0],
             ends[0]);
    text = printed_by(SH(script, .fds = fds, .fd_count = 3));
    snprintf(wanted, sizeof wanted, "%s\n%s\n7\n", link_of(ends[0], first), link_of(other[0], second));
    DREY_CHECK_STR(text, wanted);
    free(text);
    close(ends[0]);
    close(other[0]);
    close(other[1]);
    return 0;
}

DREY_TEST(its_standard_streams)
{
    int out = dup(1), ends[2];
    DREY_CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    DREY_CHECK_EQ(dup2(ends[1], 1), 1);
    char *text = printed_by(SH("readlink /proc/self/fd/0 /proc/self/fd/2 >&2", .err = DREY_STDIO_INHERIT));
    DREY_CHECK_STR(text, "");
    free(text);
    const char *failed;
    int rc = try_start(SH("echo ours", .out = DREY_STDIO_INHERIT), &failed);
    dup2(out, 1);
    close(out);
    close(ends[1]);
    char line[16] = "";
    DREY_CHECK_EQ(read(ends[0], line, sizeof line - 1), 5);
    close(ends[0]);
    DREY_CHECK_STR(line, "ours\n");
    DREY_CHECK_EQ(rc, 0);
    text = printed_by(SH("readlink /proc/self/fd/0"));
    DREY_CHECK_STR(text, "/dev/null\n");
    free(text);
    return 0;
}

/* A mask of /proc/self/status, without the two signals that the C library keeps to itself where an emulator cannot give
 * them their default meaning. */
static uint64_t signals_in(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    uint64_t mask = at != NULL ? strtoull(at + strlen(name), NULL, 16) : UINT64_MAX;
    return SLOW ? mask & ~(UINT64_C(3) << 31) : mask;
}

DREY_TEST(its_signals)
{
    sigset_t all;
    sigfillset(&all);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    char *text = printed_by(
        (drey_process_options){.argv = (const char *[]){"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", NULL}});
    DREY_CHECK(text != NULL);
    DREY_CHECK_EQ(signals_in(text, "SigBlk:"), 0);
    DREY_CHECK_EQ(signals_in(text, "SigIgn:"), 0);
    free(text);
    return 0;
}

DREY_TEST(its_limits)
{
    char *text = printed_by(SH("echo $(ulimit -t) $(ulimit -v) $(ulimit -f) $(ulimit -n)", .max_cpu_seconds = 7,
                               .max_memory_bytes = 1 << 30, .max_file_bytes = 1 << 20, .max_files = 11));
    if (SLOW && strcmp(text, "7 unlimited 2048 11\n") == 0)
        puts("the emulator keeps the limit of memory to itself");
    else
        DREY_CHECK_STR(text, "7 1048576 2048 11\n");
    free(text);
    text = printed_by(SH("ulimit -n", .max_files = UINT64_MAX));
    DREY_CHECK(number_in(text) > 11);
    drey_process_result result;
    DREY_CHECK_EQ(drey_process_run(SH("while :; do :; done", .max_cpu_seconds = 1), (drey_process_talk){0}, &result),
                  0);
    DREY_CHECK_EQ(result.status.signal, SIGXCPU);
    return 0;
}

DREY_TEST(its_group_and_place)
{
    drey_process process;
    DREY_SCOPE(scope);
    char text[64] = "";
    DREY_CHECK_EQ(
        drey_process_start(
            &scope, SH("pwd; cut -d' ' -f5 /proc/self/stat", .out = DREY_STDIO_PIPE, .directory = "/usr"), &process),
        0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(read(process.out, text, sizeof text - 1) > 5);
    close(process.out);
    text[4] = '\0';
    DREY_CHECK_STR(text, "/usr");
    DREY_CHECK_EQ(atoi(text + 5), process.pid);
    DREY_CHECK_EQ(number_in(printed_by(SH("cut -d' ' -f5 /proc/self/stat", .same_group = true))), getpgrp());
    return 0;
}

DREY_TEST_MAIN()
