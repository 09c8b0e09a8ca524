/* SPDX-License-Identifier: MIT */
/*
 * What travels with a request: a task-local value reaches every task below, and offloaded work. And calling a service
 * that sometimes fails: not too often, and again after a pause.
 *
 * Prints:
 *     request 17: attempt 1
 *     request 17: attempt 2
 *     request 17: answered by a task below, logged on a thread
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const drey_local request_id = {.name = "request_id", .inherited = true};

typedef struct service {
    drey_rate calls;
    int attempts;
} service;

static DREY_ASYNC int call_service(void *arg)
{
    service *s = arg;
    int rc = drey_rate_wait(&s->calls, 1);
    if (rc < 0)
        return rc;
    printf("request %s: attempt %d\n", (const char *)drey_local_get(&request_id), ++s->attempts);
    return s->attempts < 2 ? -EAGAIN : 0;
}

static bool may_help(int error)
{
    return error == -EAGAIN;
}

static DREY_ASYNC int call_with_retry(void *arg)
{
    static const drey_backoff backoff = {.first = DREY_MS(1), .attempts = 3, .retryable = may_help};
    return drey_retry(&backoff, call_service, arg);
}

static int write_log(void *arg)
{
    (void)arg;
    printf("request %s: answered by a task below, logged on a thread\n", (const char *)drey_local_get(&request_id));
    return 0;
}

static DREY_ASYNC int handle_request(service *s, char *id)
{
    DREY_BIND(&request_id, id);                       /* to the end of this block */
    DREY_SCOPE(scope, .timeout = DREY_SEC(10));       /* children see the bindings of its opening */
    int rc = drey_go(&scope, call_with_retry, s);
    rc = drey_scope_close(&scope, rc);
    return rc == 0 ? drey_offload(write_log, NULL) : rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    service s = {0};
    char id[] = "17";
    int rc = drey_rate_init(&s.calls, 100.0, 10);     /* 100 a second, 10 at once after a pause */
    if (rc == 0)
        rc = handle_request(&s, id);
    drey_rate_deinit(&s.calls);
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
