/* SPDX-License-Identifier: MIT */
/*
 * Is io_uring to be had here? Asked in a child process, because a refusal may be a signal that ends whoever asks
 * (seccomp). The child shares our memory and we stand still until it has ended, as with vfork; but unlike vfork's it
 * ends without SIGCHLD, so that the program's own handler does not see it.
 */
#include "io/probe.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

enum { STACK_BYTES = 64 << 10, TOO_OLD = 255 };

/* Waiting with a timeout came with Linux 5.11, as did the last of the operations that are used. */
static const uint32_t NEEDED = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS;

static int ask(void *arg)
{
    (void)arg;
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSYS, SIG_DFL);
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    long fd = syscall(SYS_io_uring_setup, 4, &params);
    _exit(fd < 0 ? errno : (params.features & NEEDED) != NEEDED ? TOO_OLD : 0);
}

int drey__uring_probe(void)
{
    char *stack = drey__alloc_aligned(16, STACK_BYTES);
    if (stack == NULL)
        return -ENOMEM;
    int status = 0;
    int pid = clone(ask, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, NULL);
    int rc = pid < 0 ? -errno : 0;
    while (pid >= 0 && waitpid(pid, &status, __WALL) < 0 && rc == 0)
        rc = errno == EINTR ? 0 : -errno;
    drey__free(stack);
    if (rc < 0)
        return rc;
    if (!WIFEXITED(status))
        return -EACCES;
    return WEXITSTATUS(status) == TOO_OLD ? -ENOSYS : -WEXITSTATUS(status);
}
