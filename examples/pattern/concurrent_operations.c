/* SPDX-License-Identifier: MIT */
/*
 * Concurrent operations: one child of a scope for each context. The first failure cancels the others, and all have
 * ended when drey_scope_close returns.
 *
 * Prints:
 *     3 contexts: 4 8 4 bytes
 *     with a bad one: Invalid argument
 *     its siblings: cancelled, cancelled
 */
#include <drey.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct process_job {
    const char *id;
    int result;      /* bytes, or a negative errno */
} process_job;

/* Stands for real work: it waits, then fails or succeeds. */
static DREY_ASYNC int process_single_context(const char *id)
{
    bool bad = strchr(id, '!') != NULL;
    int rc = drey_sleep(bad ? DREY_MS(1) : DREY_MS(30));
    if (rc < 0)
        return rc;
    return bad ? -EINVAL : (int)strlen(id);
}

static DREY_ASYNC int process_one(void *arg)
{
    process_job *job = arg;
    return job->result = process_single_context(job->id);
}

static DREY_ASYNC int process_contexts(process_job *jobs, size_t n)
{
    DREY_SCOPE(scope, .name = "process_contexts");
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        jobs[i].result = -ECANCELED;                  /* what is never started looks cancelled */
        rc = drey_go(&scope, process_one, &jobs[i]);
    }
    return drey_scope_close(&scope, rc);              /* 0, or the first failure */
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    process_job good[] = {{.id = "plan"}, {.id = "sessions"}, {.id = "task"}};
    int rc = process_contexts(good, 3);
    if (rc < 0)
        return rc;
    printf("3 contexts: %d %d %d bytes\n", good[0].result, good[1].result, good[2].result);

    process_job bad[] = {{.id = "plan"}, {.id = "sess!ons"}, {.id = "task"}};
    rc = process_contexts(bad, 3);
    printf("with a bad one: %s\n", strerror(-rc));
    printf("its siblings: %s, %s\n", bad[0].result == -ECANCELED ? "cancelled" : "done",
           bad[2].result == -ECANCELED ? "cancelled" : "done");
    return 0;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
