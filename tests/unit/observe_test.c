/* SPDX-License-Identifier: MIT */
/* Dumps and counters, from inside and from other threads. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <drey.h>
#include <drey/test.h>

static char text[1 << 16];

/* Dump into `text`. */
static int dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = drey_dump(fd);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return rc;
}

static bool shown(const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s", part, text);
    return false;
}

DREY_TEST(without_a_runtime_there_is_nothing_to_see, .no_runtime = true)
{
    drey_counters c = {.workers = 9, .io_backend = "?"};
    drey_counters_get(&c);
    DREY_CHECK_EQ(c.workers, 0);
    DREY_CHECK(c.io_backend == NULL);
    DREY_CHECK_EQ(dump(), 0);
    DREY_CHECK_STR(text, "no runtime runs\n");
    return 0;
}

DREY_TEST(a_dump_into_nowhere_says_so)
{
    DREY_CHECK_EQ(drey_dump(-1), -EBADF);
    return 0;
}

/* Not static: a dump names what the dynamic symbols name. */
drey_fn wait_at_gate, hold_and_wait, open_and_wait, hog;

DREY_ASYNC int wait_at_gate(void *gate)
{
    int ignored;
    return drey_gate_wait(gate, &ignored);
}

DREY_ASYNC int open_and_wait(void *gate)
{
    DREY_SCOPE(inner, .name = "inner", .timeout = DREY_SEC(60));
    int rc = drey_go(&inner, wait_at_gate, gate);
    return drey_scope_close(&inner, rc);
}

static DREY_ASYNC int step(void *arg, int event)
{
    (void)arg;
    return event;
}

static DREY_ASYNC int look_at_tree(drey_scope *scope, drey_gate *gate, drey_token *token)
{
    drey_case on_token = drey_on_token(token);
    int rc = drey_go(scope, wait_at_gate, gate);
    if (rc == 0)
        rc = drey_go(scope, open_and_wait, gate);
    if (rc == 0)
        rc = drey_go_when(scope, step, NULL, &on_token, 1);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    return rc == 0 ? dump() : rc;
}

DREY_TEST(the_dump_shows_the_tree)
{
    drey_gate gate = {0};
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    DREY_SCOPE(scope, .name = "outer", .limit = 8);
    int rc = look_at_tree(&scope, &gate, token);
    drey_gate_open(&gate, 0);
    drey_token_cancel(token, NULL);
    rc = drey_scope_close(&scope, rc);
    drey_token_unref(token);
    DREY_CHECK(shown("runtime the_dump_shows_the_tree: "));
    DREY_CHECK(shown("virtual clock"));
    DREY_CHECK(shown("tasks: 5 live: 0 not started, 1 running or ready, 3 waiting, 1 dormant\n"));
    DREY_CHECK(shown("    scope outer opened at "));
    DREY_CHECK(shown(": 3 children; 3 of at most 8 admitted\n"));
    DREY_CHECK(shown("      task wait_at_gate: waits for "));
    DREY_CHECK(shown("        scope inner opened at "));
    DREY_CHECK(shown(": 1 children; 59999 ms left\n"));
    DREY_CHECK(shown("          task wait_at_gate: waits for "));
    DREY_CHECK(shown("dormant"));
    return rc;
}

/* Not static, as above. */
drey_fn read_from;

DREY_ASYNC int read_from(void *fd)
{
    char byte;
    ssize_t n = drey_read(*(int *)fd, &byte, 1);
    return n == 1 ? 0 : -EIO;
}

/* What waits for a descriptor is shown with its number, and where the program called, not what it called. */
DREY_TEST(the_dump_shows_waits_for_descriptors)
{
    int fds[2];
    char wanted[64];
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    snprintf(wanted, sizeof wanted, "waits for a descriptor %p, called at read_from+", (void *)(uintptr_t)fds[0]);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, read_from, &fds[0]), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(dump(), 0);
    DREY_CHECK(shown(wanted));
    DREY_CHECK_EQ(drey_write(fds[1], "x", 1), 1);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

/* R10: held locks are listed with the place where they were taken. */
DREY_TEST(the_dump_shows_held_locks)
{
    drey_mutex mutex = {0};
    DREY_CHECK_EQ(drey_mutex_lock(&mutex), 0);
    int rc = dump();
    drey_mutex_unlock(&mutex);
    DREY_CHECK(shown("; holds lock 0x"));
    return rc;
}

struct spun {
    _Atomic bool stop, running;
};

DREY_ASYNC int hog(void *arg)
{
    struct spun *s = arg;
    s->running = true;
    while (!s->stop)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return 0;
}

static void *dump_while_hogged(void *arg)
{
    struct spun *s = arg;
    while (!s->running)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    int rc = dump();
    s->stop = true;
    return (void *)(intptr_t)rc;
}

/* A worker that is stuck in a task is what a dump is most wanted for. */
DREY_TEST(a_worker_that_does_not_answer_is_named, .workers = 2, .real_clock = true)
{
    struct spun s = {0};
    pthread_t thread;
    void *result = NULL;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, dump_while_hogged, &s), 0);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, hog, &s);
    rc = drey_scope_close(&scope, rc);
    pthread_join(thread, &result);
    DREY_CHECK_EQ((intptr_t)result, 0);
    DREY_CHECK(shown("busy in hog; no answer within 100 ms"));
    return rc;
}

static void *dump_often(void *arg)
{
    drey_counters c;
    for (int i = 0; i < 50; i++) {
        *(int *)arg = dump();
        drey_counters_get(&c);
    }
    return NULL;
}

static DREY_ASYNC int nap(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_US(100));
}

static DREY_ASYNC int churn(pthread_t thread)
{
    int rc = 0;
    while (rc == 0 && pthread_tryjoin_np(thread, NULL) == EBUSY) {
        DREY_SCOPE(scope, .limit = 50, .spread = true);
        for (int i = 0; i < 200 && rc == 0; i++)
            rc = drey_go(&scope, nap, NULL);
        rc = drey_scope_close(&scope, rc);
    }
    return rc;
}

DREY_TEST(dumps_from_outside_disturb_nothing, .workers = 4, .real_clock = true)
{
    pthread_t thread;
    int dumped = -1;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, dump_often, &dumped), 0);
    DREY_CHECK_EQ(churn(thread), 0);
    DREY_CHECK_EQ(dumped, 0);
    DREY_CHECK(shown("4 workers"));
    return 0;
}

static DREY_ASYNC int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void *dump_until(void *stop)
{
    while (!*(_Atomic bool *)stop) {
        (void)!dump();
        sched_yield();
    }
    return NULL;
}

/* A runtime is not taken down under a dump. */
DREY_TEST(dumps_meet_the_beginning_and_the_end, .no_runtime = true)
{
    _Atomic bool stop = false;
    pthread_t thread;
    int rc = 0;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, dump_until, &stop), 0);
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = drey_run(&(drey_config){.workers = 2}, do_nothing, NULL);
    stop = true;
    pthread_join(thread, NULL);
    return rc;
}

static int count_in_scope(drey_scope *scope, drey_gate *gate, drey_counters *out_before, drey_counters *out_with)
{
    drey_counters_get(out_before);
    int rc = 0;
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = drey_go(scope, wait_at_gate, gate);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_counters_get(out_with);
    return rc;
}

DREY_TEST(counters_count, .workers = 1)
{
    drey_counters before, with, after;
    drey_gate gate = {0};
    DREY_SCOPE(scope, .timeout = DREY_SEC(60));
    int rc = count_in_scope(&scope, &gate, &before, &with);
    drey_gate_open(&gate, 0);
    rc = drey_scope_close(&scope, rc);
    drey_counters_get(&after);
    DREY_CHECK_EQ(before.workers, 1);
    DREY_CHECK_EQ(before.tasks_live, 1);
    DREY_CHECK_EQ(before.tasks_started, 1);
    DREY_CHECK_EQ(before.timers, 1);
    DREY_CHECK_EQ(with.tasks_live, 11);
    DREY_CHECK_EQ(with.tasks_parked, 10);
    DREY_CHECK_EQ(with.spawned - before.spawned, 10);
    DREY_CHECK_EQ(after.completed - before.completed, 10);
    DREY_CHECK(after.switches > before.switches);
    DREY_CHECK(with.stacks_mapped >= 11);
    DREY_CHECK_EQ(after.tasks_live, 1);
    DREY_CHECK_EQ(after.timers, 0);
    DREY_CHECK(after.io_backend[0] != '\0');
    return rc;
}

static DREY_ASYNC int many_dormant(drey_scope *scope, drey_token *token)
{
    enum { MORE_THAN_A_DUMP_HOLDS = 70000 };
    drey_case on_token = drey_on_token(token);
    int rc = 0;
    for (int i = 0; i < MORE_THAN_A_DUMP_HOLDS && rc == 0; i++)
        rc = drey_go_when(scope, step, NULL, &on_token, 1);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    return rc == 0 ? dump() : rc;
}

/* R19 */
DREY_TEST(a_dump_has_a_limit, .workers = 1)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    DREY_SCOPE(scope, .keep_going = true);
    int rc = many_dormant(&scope, token);
    drey_token_cancel(token, NULL);
    rc = drey_scope_close(&scope, rc);
    drey_token_unref(token);
    DREY_CHECK(shown("task step: dormant (worker 0; 65"));
    DREY_CHECK(shown("tasks and scopes: the rest of its own is not shown"));
    return rc;
}

DREY_TEST_MAIN()
