/* SPDX-License-Identifier: MIT */
#include "process/compute.h"

#include <errno.h>
#include <unistd.h>

#include "json/stop.h"

enum { STACK_BYTES = 8 << 20, THREADS_MAX = 64 };

int sq_compute_open(drey_pool **out)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    drey_pool_options options = {
        .name = "compute",
        .threads = cpus < 1             ? 1
                   : cpus > THREADS_MAX ? THREADS_MAX
                                        : (unsigned)cpus,
        .stack_size = STACK_BYTES,
    };
    return drey_pool_open(options, out);
}

typedef struct compute_job {
    drey_fn *fn;
    void *arg;
    sq_stop *stop;
    bool ran;
} compute_job;

static int run_job(void *arg)
{
    compute_job *job = arg;
    job->ran = true;
    sq_stop_set(job->stop);
    int rc = job->fn(job->arg);
    sq_stop_set(NULL);
    return rc;
}

int sq_compute(drey_pool *pool, size_t bytes, drey_fn *fn, void *arg)
{
    if (bytes <= SQ_COMPUTE_SMALL)
        return drey_call_deep(fn, arg);
    compute_job job = {.fn = fn, .arg = arg, .stop = drey_cancelled};
    int rc = drey_pool_call(pool, &(drey_job){.fn = run_job, .arg = &job});
    return rc == 0 && drey_cancelled() ? -ECANCELED : rc;
}

void sq_compute_uncut(drey_pool *pool, size_t bytes, drey_fn *fn, void *arg)
{
    compute_job job = {.fn = fn, .arg = arg};
    if (bytes > SQ_COMPUTE_SMALL) {
        DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(3600), .name = "freeing");
        int rc = drey_pool_call(pool, &(drey_job){.fn = run_job, .arg = &job});
        rc = drey_scope_close(&scope, rc);
        (void)rc; /* whether it ran is what counts */
    }
    if (!job.ran)
        (void)drey_call_deep(fn, arg);
}
