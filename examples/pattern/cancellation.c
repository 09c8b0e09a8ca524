/* SPDX-License-Identifier: MIT */
/*
 * Cancellation: a token that somebody else fires. It arrives as -ECANCELED from whatever the task waits for, so every
 * resource is released on the way out like after any other failure.
 *
 * Prints:
 *     processing: cancelled (the client went away)
 *     buffer released
 *     result: Operation canceled
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DREY_ASYNC int process_context(const char *id)
{
    (void)id;
    char *buffer = malloc(4096);
    if (buffer == NULL)
        return -ENOMEM;
    int rc = drey_sleep(DREY_SEC(60));                /* stands for the work */
    drey_reason reason;
    if (rc == -ECANCELED && drey_cancel_reason(&reason))
        printf("processing: cancelled (%s)\n", reason.why);
    free(buffer);
    printf("buffer released\n");
    return rc;
}

static DREY_ASYNC int process_with_cancellation(const char *id, drey_token *cancel)
{
    DREY_SCOPE(scope, .token = cancel);
    int rc = process_context(id);
    return drey_scope_close(&scope, rc);
}

/* The other side: it holds the token, and knows nothing about the scope. */
static DREY_ASYNC int client_goes_away(void *arg)
{
    drey_token *cancel = arg;
    int rc = drey_sleep(DREY_MS(10));
    drey_token_cancel(cancel, "the client went away");
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    drey_token *cancel = arg;
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, client_goes_away, cancel);
    if (rc == 0) {
        int result = process_with_cancellation("task-1", cancel);
        printf("result: %s\n", strerror(-result));
    }
    return drey_scope_close(&scope, rc);
}

int main(void)
{
    drey_token *cancel;
    if (drey_token_new(NULL, &cancel) < 0)
        return EXIT_FAILURE;
    int rc = drey_run(NULL, run, cancel);
    drey_token_unref(cancel);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
