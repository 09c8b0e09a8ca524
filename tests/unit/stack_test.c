/* SPDX-License-Identifier: MIT */
/* R15: stacks. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stack/stack.h"

enum { TASKS = 500, ROUNDS = 20, KB = 1024 };

static __attribute__((noinline)) int use(size_t bytes)
{
    char frame[1 * KB];
    memset(frame, 1, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
    return bytes <= sizeof frame ? frame[0] : use(bytes - sizeof frame) + frame[bytes % sizeof frame];
}

static DREY_ASYNC int use_kb(void *arg)
{
    int rc = drey_yield();
    return rc < 0 ? rc : use((size_t)(intptr_t)arg * KB) > 0 ? drey_yield() : -EPROTO;
}

DREY_TEST(r15_stack_size_of_a_scope)
{
    DREY_SCOPE(large, .stack_size = 512 * KB);
    DREY_SCOPE(small);
    for (int i = 0; i < 20; i++) {
        DREY_CHECK_EQ(drey_go(&large, use_kb, (void *)300), 0);
        DREY_CHECK_EQ(drey_go(&small, use_kb, (void *)20), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&small, 0), 0);
    return drey_scope_close(&large, 0);
}

static DREY_ASYNC int print_long(void *arg)
{
    char text[4100];
    (void)arg;
    int n = snprintf(text, sizeof text, "%.4000Lf", 3.25L); /* 47 KB inside */
    return n == 4002 ? drey_yield() : -EPROTO;
}

DREY_TEST(r15_the_default_takes_a_long_printf)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, print_long, NULL), 0);
    return drey_scope_close(&scope, 0);
}

static int deep(void *arg)
{
    return use((size_t)(intptr_t)arg * KB) > 0 ? 17 : -EPROTO;
}

static int deeper(void *arg)
{
    return drey_call_deep(deep, arg);
}

DREY_TEST(r15_call_deep)
{
    DREY_CHECK_EQ(drey_call_deep(deep, (void *)4000), 17);
    DREY_CHECK_EQ(drey_call_deep(deeper, (void *)2000), 17);
    return drey_yield(); /* its budget is as it was */
}

static int suspend_there(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_MS(1));
}

static DREY_ASYNC int call_what_suspends(void *arg)
{
    return drey_call_deep(suspend_there, arg);
}

static void run_what_suspends(void)
{
    int ignored = drey_run(NULL, call_what_suspends, NULL);
    (void)ignored;
}

static int join_there(void *arg)
{
    return drey_join(arg, NULL);
}

static int return_at_once(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC int call_what_joins(void *arg)
{
    (void)arg;
    drey_task *task;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, return_at_once, NULL, &task), 0);
    return drey_scope_close(&scope, drey_call_deep(join_there, task));
}

static void run_what_joins(void)
{
    int ignored = drey_run(NULL, call_what_joins, NULL);
    (void)ignored;
}

DREY_TEST(r15_no_suspension_in_call_deep, .no_runtime = true)
{
    DREY_CHECK(drey_test_dies(run_what_suspends, "drey_call_deep") == 1);
    DREY_CHECK(drey_test_dies(run_what_joins, "drey_call_deep") == 1);
    return 0;
}

int recurse_without_end(void *arg); /* not static: the report names it */

DREY_ASYNC int recurse_without_end(void *arg)
{
    int rc = drey_yield();
    return rc < 0 ? rc : use((size_t)(intptr_t)arg * KB);
}

static DREY_ASYNC int start_recursion(void *arg)
{
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, recurse_without_end, arg);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r15_an_overflow_names_the_task, .no_runtime = true)
{
    int ends[2], status;
    char said[4096];
    DREY_CHECK_EQ(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        _exit(drey_run(NULL, start_recursion, (void *)1000));
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], said + used, sizeof said - 1 - used)) > 0;)
        used += (size_t)n;
    said[used] = '\0';
    close(ends[0]);
    DREY_CHECK_EQ(waitpid(pid, &status, 0), pid);
    DREY_CHECK(WIFSIGNALED(status));
    DREY_CHECK(strstr(said, "stack overflow in task recurse_without_end") != NULL);
    return 0;
}

/* Long enough that all of them are on their stacks at once, also under a sanitizer. */
static DREY_ASYNC int nap(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_MS(200));
}

/* Stacks are used again: rounds of parked tasks do not add up. */
DREY_TEST(r19_stacks_are_used_again)
{
    uint64_t first = 0, mapped = 0, cold;
    for (int i = 0; i < ROUNDS; i++) {
        DREY_SCOPE(scope);
        for (int k = 0; k < TASKS; k++)
            DREY_CHECK_EQ(drey_go(&scope, nap, NULL), 0);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        drey__stack_counts(&mapped, &cold);
        first = i == 0 ? mapped : first;
    }
    DREY_CHECK(mapped <= first + TASKS); /* some for the other workers */
    return 0;
}

/* R19: memory of idle stacks goes back to the system. */
DREY_TEST(r19_idle_memory_is_given_back, .real_clock = true, .workers = 1)
{
    uint64_t mapped, cold = 0;
    DREY_SCOPE(scope);
    for (int k = 0; k < TASKS; k++)
        DREY_CHECK_EQ(drey_go(&scope, nap, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < 1000 && cold < TASKS / 2; i++) {
        DREY_CHECK_EQ(drey_sleep(DREY_MS(60)), 0);
        drey__stack_counts(&mapped, &cold);
    }
    DREY_CHECK(cold >= TASKS / 2);
    return 0;
}

/* Naps of so many tasks, then rounds of pauses until half of their stacks were given back. */
static DREY_ASYNC int give_back(size_t stack_size, drey_duration pause, int pauses)
{
    uint64_t mapped, cold = 0, before;
    drey__stack_counts(&mapped, &before);
    DREY_SCOPE(scope, .stack_size = stack_size);
    for (int k = 0; k < TASKS; k++)
        DREY_CHECK_EQ(drey_go(&scope, nap, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < pauses && cold < TASKS / 2; i++) {
        DREY_CHECK_EQ(drey_sleep(pause), 0);
        drey__stack_counts(&mapped, &cold);
    }
    DREY_CHECK(cold >= TASKS / 2);
    return 0;
}

DREY_TEST(r19_idle_memory_of_every_size_is_given_back, .real_clock = true, .workers = 1)
{
    return give_back(256 * KB, DREY_MS(60), 200);
}

/* A worker that is never idle for long gives it back too. */
DREY_TEST(r19_idle_memory_is_given_back_beside_a_ticker, .real_clock = true, .workers = 1)
{
    return give_back(0, DREY_MS(5), 2000);
}

/* A worker that gives memory back is not kept from its work for long: a call gives back a few. */
DREY_TEST(r19_memory_is_given_back_a_few_stacks_at_a_time, .no_runtime = true)
{
    enum { STACKS = 200, AT_MOST = 64 };
    struct drey__stack_pool pool = {0};
    struct drey__stack *taken[STACKS];
    for (int i = 0; i < STACKS; i++)
        DREY_CHECK((taken[i] = drey__stack_get(&pool, 0)) != NULL);
    for (int i = 0; i < STACKS; i++)
        drey__stack_put(&pool, taken[i]);
    uint32_t before = drey__stack_pool_most(&pool), calls = 0;
    DREY_CHECK(before >= STACKS);
    for (uint32_t left; (left = drey__stack_pool_most(&pool)) > 0; calls++) {
        DREY_CHECK(drey__stack_pool_trim(&pool, 0));
        DREY_CHECK(drey__stack_pool_most(&pool) + AT_MOST >= left);
    }
    DREY_CHECK(calls >= before / AT_MOST);
    DREY_CHECK(!drey__stack_pool_trim(&pool, 0));
    drey__stack_release_all();
    return 0;
}

static DREY_ASYNC int count_up(void *arg)
{
    ++*(int *)arg;
    return 0;
}

/* R19, R17: no memory for a stack now means later, also where no time passes meanwhile. */
DREY_TEST(r19_r17_a_start_without_memory_is_tried_again, .workers = 1, .timeout_seconds = 10)
{
    static const size_t sizes[] = {32 * KB, 512 * KB, 1024 * KB, 2048 * KB};
    int started = 0;
    for (int i = 0; i < 4; i++) {
        DREY_SCOPE(scope, .stack_size = sizes[i]); /* of a class that no stack was made of yet */
        DREY_CHECK_EQ(drey_go(&scope, count_up, &started), 0);
        drey_test_fail_alloc((uint64_t)i % 2 + 1);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        drey_test_fail_alloc(0);
        DREY_CHECK_EQ(started, i + 1);
    }
    return 0;
}

static struct {
    drey_scope *small;
    drey_notify go;
    int parked;
} reserve;

static DREY_ASYNC int park_without_memory(void *arg)
{
    (void)arg;
    drey_test_fail_alloc(1);
    int rc = drey_sleep(DREY_MS(1));
    drey_test_fail_alloc(0);
    reserve.parked++;
    return rc;
}

static DREY_ASYNC int start_it_from_a_large_stack(void *arg)
{
    int rc = drey_notify_wait(&reserve.go);
    return rc < 0 ? rc : drey_go(reserve.small, park_without_memory, arg);
}

static DREY_ASYNC int sleep_long(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(1));
}

/* R15: whoever starts finds a spare stack to park beside, however the worker came to the stack that it runs on. The
 * number of small stacks in use is varied until the spare one is the last of its chunk. */
DREY_TEST(r15_parking_never_needs_memory, .workers = 1)
{
    enum { MOST = 80 };
    for (int sleepers = 0; sleepers < MOST; sleepers++) {
        DREY_SCOPE(small);
        reserve.small = &small;
        DREY_SCOPE(large, .stack_size = 1024 * KB);
        DREY_CHECK_EQ(drey_go(&large, sleep_long, NULL), 0);
        DREY_CHECK_EQ(drey_go(&large, start_it_from_a_large_stack, NULL), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
        for (int i = 0; i < sleepers; i++)
            DREY_CHECK_EQ(drey_go(&small, sleep_long, NULL), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
        drey_notify_one(&reserve.go);
        DREY_CHECK_EQ(drey_scope_close(&large, 0), 0);
        DREY_CHECK_EQ(drey_scope_close(&small, 0), 0);
    }
    DREY_CHECK_EQ(reserve.parked, MOST);
    return 0;
}

/* Classes of sizes: the smallest that holds what is asked. */
DREY_TEST(classes, .no_runtime = true)
{
    DREY_CHECK_EQ(drey__stack_class(0), DREY__STACK_CLASS_DEFAULT);
    DREY_CHECK_EQ(drey__stack_class(1), 0);
    for (size_t bytes = 1; bytes <= 8192 * KB; bytes = bytes * 3 + 1) {
        uint32_t c = drey__stack_class(bytes);
        DREY_CHECK(drey__stack_class_bytes(c) >= bytes);
        DREY_CHECK(c == 0 || drey__stack_class_bytes(c - 1) < bytes);
    }
    DREY_CHECK_EQ(drey__stack_class(SIZE_MAX), DREY__STACK_CLASSES - 1);
    return 0;
}

DREY_TEST_MAIN()
