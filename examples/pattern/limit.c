/* SPDX-License-Identifier: MIT */
/*
 * Resource management: at most so many at once. In one place it is a scope's limit; for a resource that several scopes
 * share it is a semaphore.
 *
 * Prints:
 *     scope: 20 done, at most 4 at once
 *     semaphore: 20 done, at most 2 at once
 */
#include <drey.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct meter {
    atomic_uint now, most, done;
    drey_sem connections;
} meter;

static DREY_ASYNC int process_single_context(meter *m)
{
    unsigned now = atomic_fetch_add(&m->now, 1) + 1, most = atomic_load(&m->most);
    while (now > most && !atomic_compare_exchange_weak(&m->most, &most, now)) {
    }
    int rc = drey_sleep(DREY_MS(2));
    atomic_fetch_sub(&m->now, 1);
    atomic_fetch_add(&m->done, 1);
    return rc;
}

static DREY_ASYNC int process_one(void *arg)
{
    return process_single_context(arg);
}

static DREY_ASYNC int process_with_limit(meter *m, size_t n, unsigned max)
{
    DREY_SCOPE(scope, .limit = max);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, process_one, m);         /* waits here while max are running */
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int process_on_connection(void *arg)
{
    meter *m = arg;
    int rc = drey_sem_acquire(&m->connections, 1);
    if (rc < 0)
        return rc;
    rc = process_single_context(m);
    drey_sem_release(&m->connections, 1);
    return rc;
}

static DREY_ASYNC int process_sharing(meter *m, size_t n)
{
    DREY_SCOPE(scope, .limit = 8);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, process_on_connection, m);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    meter by_scope = {0}, by_sem = {0};
    int rc = process_with_limit(&by_scope, 20, 4);
    if (rc == 0)
        printf("scope: %u done, at most %u at once\n", by_scope.done, by_scope.most);

    drey_sem_init(&by_sem.connections, 2, 2);
    if (rc == 0)
        rc = process_sharing(&by_sem, 20);
    if (rc == 0)
        printf("semaphore: %u done, at most %u at once\n", by_sem.done, by_sem.most);
    drey_sem_deinit(&by_sem.connections);
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
