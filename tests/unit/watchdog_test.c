/* SPDX-License-Identifier: MIT */
/* R11: whom the watchdog names. */
#include <drey.h>
#include <drey/test.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int compute_in_a_step(void *arg, int event); /* not static: the report names it */

/* Until something was reported; what it was is told on stderr as it was before. */
DREY_ASYNC int compute_in_a_step(void *arg, int event)
{
    struct pollfd report = {.fd = *(int *)arg, .events = POLLIN};
    while (poll(&report, 1, 0) == 0) {
    }
    return event < 0 ? event : 0;
}

static DREY_ASYNC int go_and_compute(void *arg)
{
    drey_case soon[] = {drey_on_after(DREY_MS(1))};
    DREY_SCOPE(scope);
    int rc = drey_go_when(&scope, compute_in_a_step, arg, soon, 1);
    return drey_scope_close(&scope, rc);
}

static void run_a_hog(void)
{
    char text[1024];
    int ends[2], stderr_before = dup(STDERR_FILENO);
    drey_config config = {.workers = 1};
    if (pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0 || drey_run(&config, go_and_compute, &ends[0]) < 0)
        return;
    ssize_t n = read(ends[0], text, sizeof text);
    if (n > 0 && write(stderr_before, text, (size_t)n) == n)
        abort(); /* as expected */
}

/* R11: the watchdog names the step function of a dormant task. */
DREY_TEST(r11_r9_the_watchdog_names_a_step, .no_runtime = true, .timeout_seconds = 10)
{
    DREY_CHECK(drey_test_dies(run_a_hog, "task compute_in_a_step has kept worker 0") == 1);
    return 0;
}

/* Others take the processor away: it runs for a third of the time at most, all in all for 60 ms. */
enum { CROWD = 3, COMPUTED_MS = 60 };

static void *crowd(void *arg)
{
    while (!__atomic_load_n((bool *)arg, __ATOMIC_RELAXED)) {
    }
    return NULL;
}

static int64_t thread_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static DREY_ASYNC int compute_in_a_crowd(void *arg)
{
    bool over = false;
    pthread_t threads[CROWD];
    (void)arg;
    for (int i = 0; i < CROWD; i++)
        DREY_CHECK_EQ(pthread_create(&threads[i], NULL, crowd, &over), 0);
    for (int64_t end = thread_ms() + COMPUTED_MS; thread_ms() < end;) {
    }
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    for (int i = 0; i < CROWD; i++)
        DREY_CHECK_EQ(pthread_join(threads[i], NULL), 0);
    return 0;
}

static void run_in_a_crowd(void)
{
    char text[1024];
    int ends[2], stderr_before = dup(STDERR_FILENO);
    drey_config config = {.workers = 1};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0 || pipe2(ends, O_NONBLOCK) < 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
        drey_run(&config, compute_in_a_crowd, NULL) < 0)
        return;
    ssize_t n = read(ends[0], text, sizeof text);
    if (n > 0 && write(stderr_before, text, (size_t)n) == n)
        return;
    if (write(stderr_before, "nobody was named\n", 17) == 17)
        abort();
}

/* R11: a worker that gets no processor is no hog. */
DREY_TEST(r11_who_gets_no_processor_is_not_named, .no_runtime = true)
{
    if (access("/proc/self/schedstat", R_OK) < 0)
        DREY_SKIP("this kernel does not say how long a thread has run");
    DREY_CHECK(drey_test_dies(run_in_a_crowd, "nobody was named") == 1);
    return 0;
}

DREY_TEST_MAIN()
