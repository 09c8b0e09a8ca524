/* SPDX-License-Identifier: MIT */
/*
 * The end of a runtime whose token has fired (R4, R13, R18).
 *
 *   token fired      everything is cancelled but what is shielded; the grace begins
 *   grace over       who still runs is listed, with stacks; shields fall too
 *   as long again    (at most a second) drey_run gives up and returns -ETIMEDOUT
 *
 * All of it happens on worker 0, which owns both timers.
 */
#include <drey/observe.h>

#include "base/clock.h"
#include "offload/offload.h"
#include "run/deep.h"
#include "run/run.h"
#include "scope/scope.h"
#include "scope/shutdown.h"
#include "sched/runtime.h"

static struct drey__timer grace_timer, last_timer;

static void say(const char *line, void *arg)
{
    (void)arg;
    drey__report("  %s", line);
}

static void give_up(struct drey__timer *timer)
{
    (void)timer;
    drey__report("shutdown: tasks would not end; drey_run returns -ETIMEDOUT, and only exit is safe now");
    atomic_store_explicit(&drey__root.gave_up, true, memory_order_release);
    drey__rt.abandoned = true;
    drey__runtime_stop();
}

static int dump(void *arg)
{
    (void)arg;
    int fd = drey__rt.config.shutdown_report;
    return fd < 0 ? 0 : drey_dump(fd);
}

/* The tasks that there are now are those that have not ended. The timer may fire on a small stack, nearly full. */
static void say_who(void)
{
    int rc = 0;
    if (drey__on_deep_stack(drey__self, dump, NULL, &rc) < 0 || rc < 0)
        drey__report("  they could not be listed");
}

static void grace_over(struct drey__timer *timer)
{
    (void)timer;
    uint64_t live = 0;
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__worker *w = drey__rt.workers[i];
        live += __atomic_load_n(&w->spawned, __ATOMIC_RELAXED) - __atomic_load_n(&w->completed, __ATOMIC_RELAXED);
    }
    drey__report("shutdown: the grace is over and %llu task(s) still run", (unsigned long long)live + 1);
    drey__offload_list(say, NULL);
    say_who();
    atomic_store_explicit(&drey__grace_over, true, memory_order_seq_cst);
    drey__epoch_raise();
    drey__scope_visit_everything(drey__scope_of(&drey__root.scope));
    int64_t more = drey__rt.config.shutdown_grace;
    last_timer.when = drey__clock_now() + (more < DREY__NS_PER_SEC ? more : DREY__NS_PER_SEC);
    last_timer.fire = give_up;
    drey__wheel_add(&drey__self->timers, &last_timer);
}

void drey__shutdown_begin(void)
{
    grace_timer = last_timer = (struct drey__timer){0};
    int64_t now = drey__clock_now(), grace = drey__rt.config.shutdown_grace;
    grace_timer.when = grace > INT64_MAX - now ? INT64_MAX : now + grace;
    grace_timer.fire = grace_over;
    drey__wheel_add(&drey__self->timers, &grace_timer);
}
