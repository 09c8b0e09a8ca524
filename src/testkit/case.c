/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drey/run.h>

#include "base/failing.h"
#include "testkit/testkit.h"

/* A failed check has been printed; written by whatever thread the check runs on. */
static _Atomic bool failed;
static int64_t time_up_ms;

int drey__test_fail(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    atomic_store_explicit(&failed, true, memory_order_relaxed);
    atomic_store_explicit(&drey__failing, true, memory_order_relaxed);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    return -ENOTRECOVERABLE;
}

int drey__test_skip(const char *reason)
{
    if (drey__note != NULL)
        snprintf(drey__note->skipped, sizeof drey__note->skipped, "%s", reason);
    atomic_store_explicit(&drey__failing, true, memory_order_relaxed);
    return 0;
}

bool drey__test_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int64_t drey__case_time_left(void)
{
    return time_up_ms == 0 ? DREY__TEST_SECONDS * 1000 : time_up_ms - drey__real_ms();
}

static DREY_ASYNC int run_body(void *arg)
{
    const drey_test *test = arg;
    return test->body();
}

static int run_once(const drey_test *test, uint64_t seed)
{
    const drey_test_options *o = &test->options;
    if (o->no_runtime)
        return test->body();
    drey_config config = {
        .workers = o->workers > 0          ? o->workers
                   : drey__kit.workers > 0 ? drey__kit.workers
                                           : 1,
        .io = o->io,
        .clock = o->real_clock ? DREY_CLOCK_REAL : DREY_CLOCK_VIRTUAL,
        .seed = seed,
        .lock_rule = DREY_LOCK_RULE_ABORT,
        .name = test->name,
    };
    drey__alarm_start(test->name);
    int rc = drey_run(&config, run_body, (void *)(uintptr_t)test);
    drey__alarm_stop();
    return rc;
}

/* One run, and a look at what it left behind. */
static bool passes(const drey_test *test, uint64_t seed)
{
    struct drey__open_fds before;
    drey__open_fds_take(&before);
    int rc = run_once(test, seed);
    drey_test_fail_alloc(0);
    drey__directory_remove();
    bool checked = !atomic_load_explicit(&failed, memory_order_relaxed);
    if (checked && rc < 0)
        fprintf(stderr, "%s:%d: %s returned %d (%s)\n", test->file, test->line, test->name, rc, strerror(-rc));
    bool same = drey__open_fds_same(&before, test->name);
    return checked && rc >= 0 && same;
}

bool drey__case_run(const drey_test *test)
{
    const drey_test_options *o = &test->options;
    uint64_t runs = o->schedules > 1 ? (uint64_t)o->schedules * drey__kit.schedules : 1;
    uint64_t seed = o->schedules > 1 && o->seed == 0 ? 1 : o->seed;
    if (drey__kit.seeded) {
        runs = 1;
        seed = drey__kit.seed;
    }
    unsigned seconds = o->timeout_seconds > 0 ? o->timeout_seconds : DREY__TEST_SECONDS;
    time_up_ms = drey__real_ms() + (int64_t)seconds * 1000;
    atomic_store_explicit(&failed, false, memory_order_relaxed);
    for (uint64_t i = 0; i < runs && drey__note->skipped[0] == '\0'; i++) {
        atomic_store_explicit(&drey__failing, false, memory_order_relaxed);
        if (passes(test, seed + i))
            continue;
        if (seed + i != 0)
            fprintf(stderr, "to repeat: --seed %" PRIu64 " %s\n", seed + i, test->name);
        return false;
    }
    return true;
}
