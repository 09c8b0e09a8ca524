/* SPDX-License-Identifier: MIT */
/* PR_SET_PDEATHSIG would follow the thread of the parent that started us, and not the process. A descriptor of the
 * process stays with it, even when its number is used again. */
#include "service/parent.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

static int parent_fd = -1; /* written before the runtime starts */
static bool orphan;

void sq_parent_note(void)
{
    pid_t parent = getppid();
    parent_fd = (int)syscall(SYS_pidfd_open, parent, 0);
    orphan = getppid() != parent; /* then the descriptor is of another, or none */
}

int sq_parent_watch(void *arg)
{
    int rc = orphan ? POLLIN : parent_fd < 0 ? 0 : drey_wait_fd(parent_fd, POLLIN);
    if (rc > 0)
        drey_token_cancel(arg, "the parent process has ended");
    return rc < 0 ? rc : 0;
}
