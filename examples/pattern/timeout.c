/* SPDX-License-Identifier: MIT */
/*
 * Timeouts: no call has one of its own; whatever runs in a scope with a timeout ends by it.
 *
 * Prints:
 *     fast: {"step": 1}
 *     slow: it took longer than 20 ms
 *     both: it took longer than 20 ms
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct get_call {
    const char *id;
    const char *data;
} get_call;

/* Stands for a call to a service that may be slow. */
static DREY_ASYNC int get_context(void *arg)
{
    get_call *call = arg;
    int rc = drey_sleep(strcmp(call->id, "slow") == 0 ? DREY_SEC(60) : DREY_US(100));
    if (rc < 0)
        return rc;
    call->data = "{\"step\": 1}";
    return 0;
}

static DREY_ASYNC int get_context_with_timeout(const char *id, drey_duration timeout, const char **out_data)
{
    get_call call = {.id = id};
    int rc = drey_timeout(timeout, get_context, &call);
    if (rc == 0)
        *out_data = call.data;
    return rc;
}

/* One deadline for several calls, whatever they do inside. */
static DREY_ASYNC int get_both(get_call calls[2], drey_duration timeout)
{
    DREY_SCOPE(scope, .timeout = timeout);
    int rc = drey_go(&scope, get_context, &calls[0]);
    if (rc == 0)
        rc = drey_go(&scope, get_context, &calls[1]);
    return drey_scope_close(&scope, rc);
}

static void show(const char *name, int rc, const char *data)
{
    if (rc == -ETIMEDOUT)
        printf("%s: it took longer than 20 ms\n", name);
    else
        printf("%s: %s\n", name, rc < 0 ? strerror(-rc) : data);
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    const char *data = NULL;
    int rc = get_context_with_timeout("fast", DREY_SEC(10), &data);
    show("fast", rc, data);
    rc = get_context_with_timeout("slow", DREY_MS(20), &data);
    show("slow", rc, data);
    get_call calls[2] = {{.id = "fast"}, {.id = "slow"}};
    rc = get_both(calls, DREY_MS(20));
    show("both", rc, calls[1].data);
    return 0;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
