/* SPDX-License-Identifier: MIT */
/*
 * Is io_uring to be had here? Asked in a child process, because a refusal may be a signal that ends whoever asks
 * (seccomp). The child ends without SIGCHLD, so that the program's own handling of children does not see it; fork and
 * vfork cannot do that, hence the bare system call. For the same reason as in a signal handler, the child makes system
 * calls only.
 */
#include "io/probe.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stack/announce.h"

enum { TOO_OLD = 255 };

/* Waiting with a timeout came with Linux 5.11, as did the last of the operations that are used. */
static const uint32_t NEEDED = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS;

static DREY__UNTRACED __attribute__((noreturn)) void ask(void)
{
    struct rlimit no_core = {0};
    char by_default[64] = {0}; /* SIG_DFL, whatever the processor's struct sigaction looks like */
    struct io_uring_params params = {0};
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &no_core, NULL);
    syscall(SYS_rt_sigaction, SIGSYS, by_default, NULL, (size_t)8);
    long fd = syscall(SYS_io_uring_setup, 4, &params);
    syscall(SYS_exit_group, fd < 0 ? errno : (params.features & NEEDED) != NEEDED ? TOO_OLD : 0);
    __builtin_unreachable();
}

int drey__uring_probe(void)
{
    enum { NO_SIGNAL = 0 };
    int status;
    pid_t pid = (pid_t)syscall(SYS_clone, NO_SIGNAL, NULL, NULL, NULL, NULL);
    if (pid == 0)
        ask();
    while (pid < 0 || waitpid(pid, &status, __WALL) < 0)
        if (pid < 0 || errno != EINTR)
            return -errno;
    if (!WIFEXITED(status))
        return -EACCES;
    return WEXITSTATUS(status) == TOO_OLD ? -ENOSYS : -WEXITSTATUS(status);
}
