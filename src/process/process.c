/* SPDX-License-Identifier: MIT */
#include "process/process.h"

#include <errno.h>
#include <signal.h>

#include "wait/wait.h"

enum { DEFAULT_GRACE_MS = 3000, NOT_YET = 1 };

_Static_assert(sizeof(struct drey__process) <= sizeof((drey_process *)0)->_private, "the public type has room");

/* Uncut: the keeper works for us, on our options. */
static int wait_for_report(struct drey_task *self, struct drey__process *p)
{
    drey__spin_lock(&p->lock);
    bool wait = p->report == NOT_YET;
    if (wait) {
        drey__arm(self, DREY__UNCUT);
        p->starter = self;
    }
    drey__spin_unlock(&p->lock);
    if (wait)
        drey__park(self, "a process to start", p);
    return p->report;
}

int drey_process_start(drey_scope *scope, drey_process_options options, drey_process *process)
{
    struct drey_task *self;
    struct drey__process *p = drey__process_of(process);
    process->failed = NULL;
    int rc = drey__spawn_check(&options);
    if (rc < 0)
        return rc;
    *p = (struct drey__process){
        .shown = process,
        .options = &options,
        .report = NOT_YET,
        .pidfd = -1,
        .own_group = !options.same_group,
        .grace = options.grace != 0 ? options.grace : (drey_duration)DEFAULT_GRACE_MS * 1000 * 1000,
    };
    rc = drey_go(scope, drey__process_keep, p);
    if (rc < 0)
        return rc;
    rc = drey__enter(&self, DREY__UNCUT_POINT);
    return rc < 0 ? rc : wait_for_report(self, p);
}

int drey_process_wait(drey_process *process, drey_process_status *out_status)
{
    struct drey__process *p = drey__process_of(process);
    int result;
    int rc = drey_gate_wait(&p->ended, &result);
    if (rc == 0 && (rc = result) == 0)
        *out_status = (drey_process_status){.code = p->code, .signal = p->sig};
    return rc;
}

int drey_process_kill(drey_process *process, int number)
{
    if (drey__current() == NULL)
        return -EPERM;
    if (number < 0 || number >= _NSIG)
        return -EINVAL;
    return drey__process_signal(drey__process_of(process), number);
}
