/* SPDX-License-Identifier: MIT */
/*
 * What a scope can be: a nursery, a limit, a place to collect results, a race, a home for helpers.
 *
 * Prints:
 *     kept going: 2 of 3 failed
 *     joined: 42
 *     winner: mirror 1
 *     the heartbeat ended with its scope
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static DREY_ASYNC int succeed_if_zero(void *arg)
{
    const int *n = arg;
    int rc = drey_sleep(DREY_MS(1));
    if (rc < 0)
        return rc;
    return *n == 0 ? 0 : -EIO;
}

/* All are tried, whatever becomes of the others. */
static DREY_ASYNC int keep_going(void)
{
    int inputs[] = {1, 0, 2};
    DREY_SCOPE(scope, .limit = 2, .keep_going = true);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(&scope, succeed_if_zero, &inputs[i]);
    rc = drey_scope_close(&scope, rc);
    printf("kept going: %zu of 3 failed\n", drey_scope_failed(&scope));
    return rc;
}

static DREY_ASYNC int answer(void *arg)
{
    (void)arg;
    return 42;
}

/* A child whose result is wanted as such: spawn gives a handle, join the result. */
static DREY_ASYNC int join_one(void)
{
    DREY_SCOPE(scope);
    drey_task *task;
    int result = 0;
    int rc = drey_spawn(&scope, answer, NULL, &task);
    if (rc == 0)
        rc = drey_join(task, &result);
    if (rc == 0)
        printf("joined: %d\n", result);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int ask_mirror(void *arg)
{
    const int *milliseconds = arg;
    return drey_sleep(DREY_MS(*milliseconds));
}

/* The first success wins; the others are cancelled, and have ended on return. */
static DREY_ASYNC int race(void)
{
    int slow = 60000, fast = 1, results[2];
    drey_call calls[] = {{ask_mirror, &slow}, {ask_mirror, &fast}};
    int winner = drey_race(calls, 2, results);
    printf("winner: mirror %d\n", winner);
    return winner < 0 ? winner : 0;
}

static DREY_ASYNC int heartbeat(void *arg)
{
    (void)arg;
    drey_interval tick;
    int rc = drey_interval_init(&tick, DREY_MS(1), DREY_MISSED_SKIP);
    while (rc == 0)
        rc = drey_interval_wait(&tick, NULL);
    return rc;
}

/* A daemon does not keep its scope open: it is cancelled once the body and all others have ended. */
static DREY_ASYNC int with_heartbeat(void)
{
    int zero = 0;
    DREY_SCOPE(scope);
    int rc = drey_go_daemon(&scope, heartbeat, NULL);
    if (rc == 0)
        rc = drey_go(&scope, succeed_if_zero, &zero);
    rc = drey_scope_close(&scope, rc);
    if (rc == 0)
        puts("the heartbeat ended with its scope");
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    int rc = keep_going();
    if (rc == 0)
        rc = join_one();
    if (rc == 0)
        rc = race();
    return rc == 0 ? with_heartbeat() : rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
