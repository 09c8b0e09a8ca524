/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C in two steps. The first fires `drain`: nothing new is taken, what is running finishes. The second fires
 * `stop`, above it, which is the runtime's own token: everything is cancelled. Here the program signals itself.
 *
 * Prints:
 *     draining
 *     3 jobs finished
 */
#include <drey.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static drey_token *stop, *drain;
static atomic_int signals, finished;

static void on_signal(int number)
{
    (void)number;
    drey_token_cancel_from_signal(atomic_fetch_add(&signals, 1) == 0 ? drain : stop);
}

static DREY_ASYNC int job(void *arg)
{
    (void)arg;
    int rc = drey_sleep(DREY_MS(20));
    if (rc == 0)
        atomic_fetch_add(&finished, 1);
    return rc;
}

static DREY_ASYNC int serve(void *arg)
{
    (void)arg;
    DREY_SCOPE(scope, .limit = 64);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(&scope, job, NULL);
    raise(SIGINT);                                    /* the user's Ctrl-C */
    if (rc == 0)
        rc = drey_token_wait(drain);
    if (rc == 0) {
        puts("draining");
        drey_scope_set_deadline(&scope, drey_now() + DREY_SEC(10));
    }
    return drey_scope_close(&scope, rc);
}

int main(void)
{
    if (drey_token_new(NULL, &stop) < 0 || drey_token_new(stop, &drain) < 0)
        return EXIT_FAILURE;
    signal(SIGINT, on_signal);
    int rc = drey_run(&(drey_config){.token = stop}, serve, NULL);
    signal(SIGINT, SIG_DFL);
    printf("%d jobs finished\n", finished);
    drey_token_unref(drain);
    drey_token_unref(stop);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
