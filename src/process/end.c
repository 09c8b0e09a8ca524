/* SPDX-License-Identifier: MIT */
/* Signals to a process, and its end. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/process.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

/* Under the lock, not reaped (K1). The process gets it once: by its group, or by itself where it has left the group or
 * never had one of its own. SIGKILL may come twice: whether the process itself may be killed is what counts. */
static int signal_alive(const struct drey__process *p, int number)
{
    bool by_group = p->own_group && kill(-p->pid, number) == 0 && getpgid(p->pid) == p->pid;
    if (by_group && number != SIGKILL)
        return 0;
    return kill(p->pid, number) < 0 ? -errno : 0;
}

int drey__process_signal(struct drey__process *p, int number)
{
    drey__spin_lock(&p->lock);
    int rc = !p->alive || drey__process_has_ended(p) ? -ESRCH : signal_alive(p, number);
    drey__spin_unlock(&p->lock);
    return rc;
}

bool drey__process_has_ended(const struct drey__process *p)
{
    siginfo_t info = {0};
    int rc;
    while ((rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT)) < 0 && errno == EINTR) {
    }
    return rc < 0 || info.si_pid != 0;
}

bool drey__process_reap(struct drey__process *p, int *out_result)
{
    siginfo_t info = {0};
    int rc = 0;
    drey__spin_lock(&p->lock);
    while ((rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT)) < 0 && errno == EINTR) {
    }
    bool ended = rc < 0 || info.si_pid != 0;
    if (rc == 0 && ended) {
        if (p->own_group)
            kill(-p->pid, SIGKILL); /* K2 */
        while ((rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG)) < 0 && errno == EINTR) {
        }
    }
    if (rc < 0 && p->own_group && p->pidfd >= 0) /* reaped by another; its number may be in use again */
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, PIDFD_SIGNAL_PROCESS_GROUP);
    if (ended)
        p->alive = false;
    drey__spin_unlock(&p->lock);
    *out_result = rc < 0 ? -ECHILD : 0; /* somebody else has reaped it */
    p->code = rc == 0 && info.si_code == CLD_EXITED ? info.si_status : 0;
    p->sig = rc == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
    return ended;
}
