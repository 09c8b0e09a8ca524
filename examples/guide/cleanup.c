/* SPDX-License-Identifier: MIT */
/*
 * Cleaning up after a cancellation: what never waits is always allowed; what must wait runs in a shielded scope.
 *
 * Prints:
 *     working
 *     cancelled: out of time
 *     said good bye
 *     result: timed out
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static DREY_ASYNC int say_good_bye(void)
{
    int rc = drey_sleep(DREY_MS(1));                  /* stands for a message to the other side */
    if (rc == 0)
        puts("said good bye");
    return rc;
}

/* Cancellation from outside does not reach in; the timeout does, so cleanup cannot last for ever. */
static DREY_ASYNC int finish(void)
{
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(5));
    int rc = say_good_bye();
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int session(void *arg)
{
    (void)arg;
    drey_reason reason;
    puts("working");
    int rc = drey_sleep(DREY_SEC(60));
    if (rc == -ECANCELED && drey_cancel_reason(&reason))
        printf("cancelled: %s\n", reason.cause == DREY_CAUSE_DEADLINE ? "out of time" : "for another reason");
    int finished = finish();
    return rc < 0 ? rc : finished;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    int rc = drey_timeout(DREY_MS(20), session, NULL);
    printf("result: %s\n", rc == -ETIMEDOUT ? "timed out" : "done");
    return 0;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
