/* SPDX-License-Identifier: MIT */
/*
 * Runs in the parent's memory while the parent's thread stands still (spawn.h), so it makes system calls only, by
 * syscall(), which touches nothing but errno. The sanitizers must not look at it: their shadow is the parent's.
 */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stack/announce.h"

#define CHILD static DREY__UNTRACED DREY__UNCHECKED

enum { SIGNALS = 64, SIGSET_BYTES = 8, ENTRIES_BYTES = 2048, FDS_UNKNOWN = 65536 };

CHILD __attribute__((noreturn)) void fail(struct drey__child *c, enum drey__child_step step, int error)
{
    c->failure.error = error;
    c->failure.step = step;
    syscall(SYS_write, c->tell, &c->failure, sizeof c->failure);
    for (;;)
        syscall(SYS_exit_group, 127);
}

/* The default meaning for all: a handler would run our code, and what is ignored would stay so. */
CHILD void reset_signals(void)
{
    char by_default[64] = {0}; /* SIG_DFL, whatever the processor's struct sigaction looks like */
    for (int i = 1; i <= SIGNALS; i++)
        syscall(SYS_rt_sigaction, i, by_default, NULL, (size_t)SIGSET_BYTES);
}

CHILD void unblock_signals(void)
{
    uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, (size_t)SIGSET_BYTES);
}

/* For systems without close_range. */
CHILD void mark_each(void)
{
    _Alignas(8) char entries[ENTRIES_BYTES];
    long got = 0;
    long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    while (dir >= 0 && (got = syscall(SYS_getdents64, dir, entries, sizeof entries)) > 0)
        for (long at = 0; at < got; at += *(unsigned short *)(void *)(entries + at + 16)) {
            int fd = 0;
            const char *name = entries + at + 19;
            for (; *name >= '0' && *name <= '9'; name++)
                fd = fd * 10 + (*name - '0');
            if (*name == '\0')
                syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
        }
    for (int fd = 0; dir < 0 && fd < FDS_UNKNOWN; fd++)
        syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

/* Every descriptor is first copied beyond all targets, so that none is overwritten before it was copied. All are marked
 * to be closed by exec, and the targets, made last, are not. */
CHILD void arrange_descriptors(struct drey__child *c)
{
    long tell = syscall(SYS_fcntl, c->tell, F_DUPFD_CLOEXEC, c->beyond);
    if (tell < 0)
        fail(c, DREY__STEP_STREAMS, errno);
    c->tell = (int)tell;
    for (int i = 0; i < c->map_count; i++) {
        long from = c->maps[i].from;
        if (from < 0)
            from = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
        long parked = from < 0 ? -1 : syscall(SYS_fcntl, from, F_DUPFD_CLOEXEC, c->beyond);
        if (parked < 0)
            fail(c, DREY__STEP_STREAMS, errno);
        c->maps[i].parked = (int)parked;
    }
    if (syscall(SYS_close_range, 0u, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        mark_each();
    for (int i = 0; i < c->map_count; i++)
        if (syscall(SYS_dup3, c->maps[i].parked, c->maps[i].to, 0) < 0)
            fail(c, DREY__STEP_STREAMS, errno);
}

CHILD void set_limits(struct drey__child *c)
{
    for (int i = 0; i < c->limit_count; i++) {
        struct rlimit64 now;
        uint64_t soft = c->limits[i].soft, hard = c->limits[i].hard;
        if (syscall(SYS_prlimit64, 0, c->limits[i].resource, NULL, &now) < 0)
            fail(c, DREY__STEP_LIMITS, errno);
        now.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
        now.rlim_cur = soft < now.rlim_cur ? soft : now.rlim_cur;
        if (syscall(SYS_prlimit64, 0, c->limits[i].resource, &now, NULL) < 0)
            fail(c, DREY__STEP_LIMITS, errno);
    }
}

/* "directory/program" into c->path. False: too long. */
CHILD bool join_path(struct drey__child *c, const char *directory, size_t bytes)
{
    size_t at = 0;
    for (; at < bytes && at < sizeof c->path; at++)
        c->path[at] = directory[at];
    if (bytes > 0 && at < sizeof c->path) /* an empty entry is the current directory */
        c->path[at++] = '/';
    for (const char *p = c->program; at < sizeof c->path; p++) {
        c->path[at++] = *p;
        if (*p == '\0')
            return true;
    }
    return false;
}

CHILD int run(struct drey__child *c, const char *path)
{
    syscall(SYS_execve, path, c->argv, c->environment);
    return errno;
}

/* As execvp: what is not there, or may not be run, is looked for further on. */
CHILD int search_and_run(struct drey__child *c)
{
    int error = ENOENT;
    for (const char *at = c->search;; at++) {
        size_t bytes = 0;
        while (at[bytes] != '\0' && at[bytes] != ':')
            bytes++;
        int failed = join_path(c, at, bytes) ? run(c, c->path) : ENAMETOOLONG;
        if (failed == EACCES)
            error = failed;
        else if (failed != ENOENT && failed != ENOTDIR && failed != ENAMETOOLONG && failed != ESTALE)
            return failed;
        at += bytes;
        if (*at == '\0')
            return error;
    }
}

DREY__UNTRACED DREY__UNCHECKED int drey__child_main(void *arg)
{
    struct drey__child *c = arg;
    c->shares = true;
    reset_signals();
    if (c->own_group)
        syscall(SYS_setpgid, 0, 0);
    if (c->death_signal != 0) {
        if (syscall(SYS_prctl, PR_SET_PDEATHSIG, (long)c->death_signal, 0L, 0L, 0L) < 0)
            fail(c, DREY__STEP_LIMITS, errno);
        if (syscall(SYS_getppid) != c->parent) /* it died before that */
            syscall(SYS_exit_group, 127);
    }
    arrange_descriptors(c);
    set_limits(c);
    if (c->directory != NULL && syscall(SYS_chdir, c->directory) < 0)
        fail(c, DREY__STEP_DIRECTORY, errno);
    unblock_signals();
    fail(c, DREY__STEP_PROGRAM, c->search != NULL ? search_and_run(c) : run(c, c->program));
}
