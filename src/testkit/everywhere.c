/* SPDX-License-Identifier: MIT */
/*
 * Cancelling a function everywhere. A first run counts the suspension points that it passes, n. Then for each k from 1
 * to n it is cancelled twice: at the k-th point, which refuses; and as soon as the task that passed the k-th point has
 * parked there (or, if it does not park, a little later), by a letter to its own worker.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <drey/run.h>
#include <drey/scope.h>
#include <drey/token.h>

#include "base/failing.h"
#include "testkit/testkit.h"
#include "wait/point.h"
#include "wait/wait.h"

enum { POINTS_MAX = 10000 };

/* The run under way. Plain fields are written between runs, or by the one task that passes the target point. */
static struct {
    drey_fn *fn;
    void *arg;
    _Atomic bool inside;     /* fn runs: its points count */
    _Atomic uint64_t passed; /* points so far; any worker adds */
    uint64_t target;         /* the point to cancel at; 0: none */
    uint64_t total;
    bool while_waiting;
    drey_token *token; /* of the scope around fn */
    int result;
    struct drey__call letter;
    char what[256]; /* this run, for messages */
} run;

static void fire(struct drey__worker *w, struct drey__call *self)
{
    (void)w, (void)self;
    drey_token_cancel(run.token, "drey_test_cancel_everywhere");
}

static void at_point(const void *place)
{
    char name[160];
    if (!atomic_load_explicit(&run.inside, memory_order_relaxed) ||
        atomic_fetch_add_explicit(&run.passed, 1, memory_order_relaxed) + 1 != run.target)
        return;
    snprintf(run.what, sizeof run.what, "cancelled %s suspension point %" PRIu64 " of %" PRIu64 ", in %s",
             run.while_waiting ? "after" : "at", run.target, run.total, drey__place_name(place, name, sizeof name));
    run.letter.fn = fire;
    if (run.while_waiting)
        drey__mail_push(&drey__self->mail, &run.letter, DREY__MAIL_CALL);
    else
        fire(drey__self, &run.letter);
}

static DREY_ASYNC int body(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope, .token = run.token, .name = "drey_test_cancel_everywhere");
    atomic_store_explicit(&run.inside, true, memory_order_relaxed);
    int rc = run.fn(run.arg);
    atomic_store_explicit(&run.inside, false, memory_order_relaxed);
    unsigned held = drey__current()->held;
    if (held > 0)
        drey__panic("%s: the function returned holding %u locks (R10)", run.what, held);
    return run.result = drey_scope_close(&scope, rc);
}

/* One run; 0, or a negative errno with the message printed. */
static int run_once(unsigned workers)
{
    drey_config config = {
        .workers = workers > 0 ? workers : 1,
        .clock = DREY_CLOCK_VIRTUAL,
        .lock_rule = DREY_LOCK_RULE_ABORT,
        .name = "drey_test_cancel_everywhere",
    };
    struct drey__open_fds before;
    int rc = drey_token_new(NULL, &run.token);
    if (rc < 0)
        return rc;
    atomic_store_explicit(&run.passed, 0, memory_order_relaxed);
    run.result = 0;
    drey__open_fds_take(&before);
    drey__point_hook = at_point;
    drey__alarm_start(run.what);
    rc = drey_run(&config, body, NULL);
    drey__alarm_stop();
    drey__point_hook = NULL;
    drey_token_unref(run.token);
    bool clean = drey__open_fds_same(&before, run.what);
    if (rc != run.result)
        fprintf(stderr, "%s: drey_run returned %d (%s)\n", run.what, rc, rc < 0 ? strerror(-rc) : "not the result");
    else if (atomic_load_explicit(&drey__failing, memory_order_relaxed))
        fprintf(stderr, "%s: a check failed\n", run.what);
    else
        return clean ? 0 : -EBUSY;
    return rc < 0 ? rc : -EBUSY;
}

/* The first run: how many points there are. */
static int count(unsigned workers)
{
    run.target = 0;
    snprintf(run.what, sizeof run.what, "not cancelled");
    int rc = run_once(workers);
    if (rc < 0)
        return rc;
    if (run.result < 0) {
        fprintf(stderr, "not cancelled, the function returned %d (%s)\n", run.result, strerror(-run.result));
        return run.result;
    }
    run.total = atomic_load_explicit(&run.passed, memory_order_relaxed);
    if (run.total > POINTS_MAX) {
        fprintf(stderr, "%" PRIu64 " suspension points are too many to try each: make it at most %d\n", run.total,
                POINTS_MAX);
        return -E2BIG;
    }
    return 0;
}

int drey_test_cancel_everywhere(drey_fn *fn, void *arg, unsigned workers)
{
    run.fn = fn;
    run.arg = arg;
    int rc = count(workers);
    for (uint64_t k = 1; rc == 0 && k <= run.total; k++)
        for (int waiting = 0; rc == 0 && waiting <= 1; waiting++) {
            run.target = k;
            run.while_waiting = waiting;
            snprintf(run.what, sizeof run.what, "to be cancelled at suspension point %" PRIu64 " of %" PRIu64, k,
                     run.total);
            rc = run_once(workers);
        }
    return rc < 0 ? rc : (int)run.total;
}
