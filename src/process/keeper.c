/* SPDX-License-Identifier: MIT */
/* The task that keeps a process (process.h). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <drey/time.h>

#include "base/clock.h"
#include "io/fds.h"
#include "process/process.h"
#include "timer/wheel.h"
#include "wait/wait.h"

enum {
    BUSY_TRIES = 8, /* of a program that is being written; the pauses double from 1 ms */
    LOOK_MS = 10,   /* between two looks, where waiting is not possible */
    LEAVE_MS = 1000,
};

static void begin_hold(struct drey__process *p)
{
    p->holds = true;
    drey__outside_begin();
}

static void end_hold(struct drey__process *p)
{
    if (p->holds)
        drey__outside_end();
    p->holds = false;
}

struct nap {
    struct drey__timer timer;
    struct drey_task *task;
};

static void wake_nap(struct drey__timer *timer)
{
    struct nap *n = drey__container(timer, struct nap, timer);
    if (drey__claim_task(n->task, 0))
        drey__wake(n->task);
}

/* A pause between two looks; if uncut, cancellation does not reach it. */
static int nap(struct drey_task *self, bool uncut)
{
    struct nap n = {.timer = {.when = drey__clock_now() + DREY_MS(LOOK_MS), .fire = wake_nap}, .task = self};
    drey__arm(self, uncut ? DREY__UNCUT : 0);
    drey__wheel_add(&drey__self->timers, &n.timer);
    bool slept = drey__park(self, "a process", NULL);
    drey__wheel_remove(&drey__self->timers, &n.timer);
    return slept ? 0 : -ECANCELED;
}

/* Until it has ended: 0; or -ECANCELED, unless uncut. Where there is no pidfd, where no descriptor can be waited for,
 * and while somebody traces a process that has ended, it looks now and then. */
static int wait_for_end(struct drey__process *p, bool uncut)
{
    struct drey_task *self = drey__current();
    for (;;) {
        int rc = drey__enter(&self, uncut ? DREY__UNCUT_POINT : DREY__CUT_POINT);
        if (rc == 0 && drey__process_has_ended(p))
            return 0;
        if (rc == 0)
            rc = p->pidfd < 0 ? -ENOSYS : drey__fd_wait(self, p->pidfd, POLLIN, DREY__CALLER);
        if (rc > 0 && drey__process_has_ended(p))
            return 0;
        if (rc != -ECANCELED) {
            end_hold(p);
            rc = nap(self, uncut);
        }
        if (rc == -ECANCELED && !uncut)
            return rc;
    }
}

/* Up to a time, in a scope that is cancelled already. */
static bool ends_within(struct drey__process *p, drey_duration time)
{
    DREY_SCOPE(grace, .shield = true, .timeout = time, .name = "grace of a process");
    int rc = wait_for_end(p, false);
    int closed = drey_scope_close(&grace, 0);
    return rc == 0 && closed == 0;
}

/* The scope was cancelled. False: it does not end, and is not ours to kill. */
static bool stop(struct drey__process *p)
{
    end_hold(p);
    if (p->grace > 0) {
        drey__process_signal(p, SIGTERM);
        drey__process_signal(p, SIGCONT); /* one that is stopped would not hear it */
        if (ends_within(p, p->grace))
            return true;
    }
    if (drey__process_signal(p, SIGKILL) == -EPERM)
        return ends_within(p, DREY_MS(LEAVE_MS));
    wait_for_end(p, true);
    return true;
}

static int reap(struct drey__process *p)
{
    struct drey_task *self = drey__current();
    int result;
    while (!drey__process_reap(p, &result))
        nap(self, true);
    return result;
}

static int leave_alone(struct drey__process *p)
{
    drey__report("process %d does not end, and may not be killed by this user: it is left alone", (int)p->pid);
    drey__spin_lock(&p->lock);
    p->alive = false;
    drey__spin_unlock(&p->lock);
    return -ECHILD;
}

static int spawn(struct drey__process *p, struct drey__spawned *made)
{
    int rc = drey_check();
    for (int tries = 1; rc == 0; tries++) {
        rc = drey__spawn(p->options, made);
        if (rc != -ETXTBSY || tries == BUSY_TRIES)
            break;
        rc = drey_sleep(DREY_MS(1) << (tries - 1));
    }
    return rc;
}

static void show(drey_process *shown, const struct drey__spawned *made)
{
    shown->in = made->in;
    shown->out = made->out;
    shown->err = made->err;
    shown->pid = made->pid;
    shown->failed = NULL;
}

/* Tell the starter. After a failure p is not ours any more (K3). */
static void report(struct drey__process *p, int rc)
{
    drey__spin_lock(&p->lock);
    p->report = rc;
    struct drey_task *starter = p->starter;
    if (starter != NULL && !drey__claim_task(starter, 0))
        starter = NULL; /* not reached: its wait is uncut */
    drey__spin_unlock(&p->lock);
    if (starter != NULL)
        drey__wake(starter);
}

int drey__process_keep(void *arg)
{
    struct drey__process *p = arg;
    struct drey__spawned made = {.failed = NULL};
    int rc = spawn(p, &made);
    if (rc < 0) {
        p->shown->failed = made.failed;
        report(p, rc);
        return 0;
    }
    p->pid = made.pid;
    p->pidfd = made.pidfd;
    p->alive = true;
    if (p->pidfd >= 0)
        begin_hold(p);
    show(p->shown, &made);
    report(p, 0);
    bool cut = wait_for_end(p, false) < 0;
    bool ended = !cut || stop(p);
    end_hold(p);
    int result = ended ? reap(p) : leave_alone(p);
    if (p->pidfd >= 0)
        close(p->pidfd);
    drey_gate_open(&p->ended, result);
    return cut ? -ECANCELED : 0;
}
