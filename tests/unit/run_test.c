/* SPDX-License-Identifier: MIT */
/* R12: one runtime a process, and what is legal where. R18: shutdown. R19: max_tasks. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static DREY_ASYNC int give(void *arg)
{
    return (int)(intptr_t)arg;
}

static const drey_config virtual = {.workers = 1, .clock = DREY_CLOCK_VIRTUAL};

DREY_TEST(r12_result_and_again, .no_runtime = true)
{
    for (unsigned workers = 1; workers <= 4; workers++)
        for (int i = 0; i < 5; i++) {
            drey_config config = {.workers = workers};
            DREY_CHECK_EQ(drey_run(&config, give, (void *)7), 7);
            DREY_CHECK_EQ(drey_run(&config, give, (void *)(intptr_t)-EIO), -EIO);
        }
    DREY_CHECK(!drey_in_task());
    return 0;
}

static DREY_ASYNC int run_inside(void *arg)
{
    DREY_CHECK(drey_in_task());
    return drey_run(NULL, give, arg) == -EPERM ? 0 : -EPROTO;
}

static void *run_on_thread(void *arg)
{
    *(int *)arg = drey_run(NULL, give, NULL);
    return NULL;
}

static DREY_ASYNC int run_beside(void *arg)
{
    pthread_t thread;
    (void)arg;
    int result = 0;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, run_on_thread, &result), 0);
    pthread_join(thread, NULL);
    return result == -EBUSY ? 0 : -EPROTO;
}

static DREY_ASYNC int run_in_fork(void *arg)
{
    int status;
    pid_t pid = fork();
    (void)arg;
    if (pid == 0) {
        int result = -1;
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_on_thread, &result) == 0)
            pthread_join(thread, NULL);
        _exit(result == -EPERM ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status == 0 ? 0 : -EPROTO;
}

DREY_TEST(r12_one_runtime_a_process, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_run(&virtual, run_inside, NULL), 0);
    DREY_CHECK_EQ(drey_run(&virtual, run_beside, NULL), 0);
    return 0;
}

DREY_TEST(r12_not_after_fork, .no_runtime = true)
{
#ifdef __SANITIZE_THREAD__
    DREY_SKIP("ThreadSanitizer starts no threads after fork");
#endif
    return drey_run(&virtual, run_in_fork, NULL);
}

DREY_TEST(bad_configurations, .no_runtime = true)
{
    const drey_config bad[] = {{.workers = 100000}, {.io = 9}, {.io = -1}, {.clock = 2}, {.lock_rule = 4},
                               {.lock_rule = -1}, {.shutdown_grace = -1}, {.stack_size = (size_t)1 << 40}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        DREY_CHECK_EQ(drey_run(&bad[i], give, NULL), -EINVAL);
    static const char *const broken[][2] = {{"DREY_WORKERS", "0"}, {"DREY_WORKERS", "two"}, {"DREY_WORKERS", "-1"},
                                            {"DREY_WORKERS", "99999999999999999999"}, {"DREY_SEED", "x"},
                                            {"DREY_LOCK_RULE", "maybe"}, {"DREY_IO", "carrier pigeon"}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        setenv(broken[i][0], broken[i][1], 1);
        DREY_CHECK_EQ(drey_run(NULL, give, NULL), -EINVAL);
        unsetenv(broken[i][0]);
    }
    setenv("DREY_WORKERS", "2", 1);
    DREY_CHECK_EQ(drey_run(NULL, give, (void *)3), 3);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_scope scope = {{0}};
    drey_mutex mutex = {{0}};
    drey_task *task;
    int result;
    drey_call call = {give, NULL};
    drey_case ready = drey_on_ready();
    DREY_CHECK_EQ(drey_go(&scope, give, NULL), -EPERM);
    DREY_CHECK_EQ(drey_try_go(&scope, give, NULL), -EPERM);
    DREY_CHECK_EQ(drey_go_copy(&scope, give, &result, sizeof result), -EPERM);
    DREY_CHECK_EQ(drey_go_daemon(&scope, give, NULL), -EPERM);
    DREY_CHECK_EQ(drey_go_when(&scope, NULL, NULL, &ready, 1), -EPERM);
    DREY_CHECK_EQ(drey_spawn(&scope, give, NULL, &task), -EPERM);
    DREY_CHECK_EQ(drey_join(NULL, &result), -EPERM);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), -EPERM);
    DREY_CHECK_EQ(drey_timeout(1, give, NULL), -EPERM);
    DREY_CHECK_EQ(drey_race(&call, 1, &result), -EPERM);
    DREY_CHECK_EQ(drey_check(), -EPERM);
    DREY_CHECK_EQ(drey_mutex_lock(&mutex), -EPERM);
    DREY_CHECK_EQ(drey_call_deep(give, NULL), -EPERM);
    DREY_CHECK(!drey_cancelled());
    DREY_CHECK_EQ(drey_deadline(), 0);
    return 0;
}

static DREY_ASYNC int write_to_nobody(void *arg)
{
    int ends[2];
    (void)arg;
    if (pipe(ends) < 0)
        return -errno;
    close(ends[0]);
    ssize_t n = write(ends[1], "x", 1);
    int rc = n < 0 && errno == EPIPE ? 0 : -EPROTO;
    close(ends[1]);
    return rc;
}

DREY_TEST(r12_sigpipe_is_a_result_and_the_mask_comes_back, .no_runtime = true)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    DREY_CHECK_EQ(drey_run(&virtual, write_to_nobody, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int s = 1; s < 32; s++)
        DREY_CHECK_EQ(sigismember(&before, s), sigismember(&after, s));
    return 0;
}

/* R18, R4: shutdown. */

static drey_token *stop;

static drey_config with_token(drey_duration grace)
{
    drey_config config = virtual;
    config.token = stop;
    config.shutdown_grace = grace;
    return config;
}

static DREY_ASYNC int stop_and_see(void *arg)
{
    drey_reason reason = {.cause = DREY_CAUSE_NONE};
    (void)arg;
    DREY_SCOPE(scope);
    drey_token_cancel(stop, "going down");
    int rc = drey_sleep(DREY_SEC(1));
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK(drey_cancel_reason(&reason));
    DREY_CHECK_EQ(reason.cause, DREY_CAUSE_SHUTDOWN);
    DREY_CHECK_STR(reason.why, "going down");
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ECANCELED);
    return 5;
}

DREY_TEST(r18_token_shuts_down, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    drey_config config = with_token(0);
    DREY_CHECK_EQ(drey_run(&config, stop_and_see, NULL), 5);
    DREY_CHECK_EQ(drey_run(&config, give, (void *)6), 6); /* fired before it began */
    drey_token_unref(stop);
    return 0;
}

DREY_TEST(r18_token_outlives_the_runtime, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    drey_config config = with_token(0);
    DREY_CHECK_EQ(drey_run(&config, give, (void *)6), 6);
    drey_token_cancel(stop, "nobody is there");
    drey_token_unref(stop);
    return 0;
}

static DREY_ASYNC int clean_up(void *arg)
{
    drey_time start = drey_now();
    drey_duration *out = arg;
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(3600));
    drey_token_cancel(stop, "going down");
    int rc = drey_scope_close(&shield, drey_sleep(*out));
    *out = drey_now() - start;
    return rc;
}

/* Shields hold for the grace, and no longer. */
DREY_TEST(r4_r18_shutdown_grace, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    drey_config config = with_token(DREY_SEC(10));
    drey_duration took = DREY_SEC(5);
    DREY_CHECK_EQ(drey_run(&config, clean_up, &took), 0);
    DREY_CHECK_EQ(took, DREY_SEC(5));
    drey_token_unref(stop);
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    config.token = stop;
    took = DREY_SEC(50);
    DREY_CHECK_EQ(drey_run(&config, clean_up, &took), -ECANCELED);
    DREY_CHECK_EQ(took, DREY_SEC(10));
    drey_token_unref(stop);
    return 0;
}

static DREY_ASYNC int will_not_end(void *arg)
{
    drey_token_cancel(stop, "going down");
    while (arg == NULL && drey_yield() <= 0) {
    }
    return 0;
}

static void run_what_will_not_end(void)
{
    drey_config config = {.workers = 2, .shutdown_grace = DREY_MS(20)};
    if (drey_token_new(NULL, &stop) == 0) {
        config.token = stop;
        if (drey_run(&config, will_not_end, NULL) == -ETIMEDOUT)
            abort(); /* as expected */
    }
}

DREY_TEST(r18_gives_up_in_the_end, .no_runtime = true)
{
    DREY_CHECK(drey_test_dies(run_what_will_not_end, "tasks would not end") == 1);
    return 0;
}

static struct {
    pthread_t root;
    _Atomic bool elsewhere;
} stuck;

static DREY_ASYNC int never_return(void *arg)
{
    (void)arg;
    if (pthread_equal(pthread_self(), stuck.root))
        return 0;
    stuck.elsewhere = true;
    for (;;)
        pause();
}

static DREY_ASYNC int leave_another_stuck(void *arg)
{
    int rc = 0;
    (void)arg;
    stuck.root = pthread_self();
    DREY_SCOPE(scope, .spread = true);
    while (rc == 0 && !stuck.elsewhere) {
        rc = drey_go(&scope, never_return, NULL);
        if (rc == 0)
            rc = drey_sleep(DREY_MS(1));
    }
    drey_token_cancel(stop, "going down");
    return drey_scope_close(&scope, rc);
}

static void run_what_is_stuck(void)
{
    drey_config config = {.workers = 2, .shutdown_grace = DREY_MS(20)};
    if (drey_token_new(NULL, &stop) == 0) {
        config.token = stop;
        if (drey_run(&config, leave_another_stuck, NULL) == -ETIMEDOUT)
            abort(); /* as expected */
    }
}

/* The thread of a task that will not end is not waited for. */
DREY_TEST(r18_gives_up_although_another_worker_is_stuck, .no_runtime = true, .timeout_seconds = 10)
{
    DREY_CHECK(drey_test_dies(run_what_is_stuck, "tasks would not end") == 1);
    return 0;
}

static struct {
    drey_gate idle;
    int replies, drained;
} server;

static DREY_ASYNC int idle_connection(void *arg, int event)
{
    (void)arg;
    server.drained += event == 1;
    return event < 0 ? event : 0;
}

static DREY_ASYNC int busy_connection(void *arg)
{
    int rc = drey_sleep(DREY_SEC((intptr_t)arg));
    server.replies += rc == 0;
    return 0;
}

/* R18: drain token, deadline, close: idle ones leave, quick replies are given, slow ones are cut. */
DREY_TEST(r18_two_phases, .workers = 1)
{
    drey_token *drain;
    DREY_CHECK_EQ(drey_token_new(NULL, &drain), 0);
    drey_time start = drey_now();
    DREY_SCOPE(connections);
    for (intptr_t i = 0; i < 10; i++) {
        drey_case cases[] = {drey_on_gate(&server.idle), drey_on_token(drain)};
        DREY_CHECK_EQ(drey_go_when(&connections, idle_connection, NULL, cases, 2), 0);
        DREY_CHECK_EQ(drey_go(&connections, busy_connection, (void *)(i * 2 + 1)), 0);
    }
    DREY_CHECK_EQ(drey_yield(), 0);
    drey_token_cancel(drain, "drain");
    drey_scope_set_deadline(&connections, start + DREY_SEC(10));
    DREY_CHECK_EQ(drey_scope_close(&connections, 0), 0);
    DREY_CHECK_EQ(server.drained, 10);
    DREY_CHECK_EQ(server.replies, 5);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(10));
    drey_token_unref(drain);
    return 0;
}

static DREY_ASYNC int sleep_a_second(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(1));
}

static DREY_ASYNC int start_too_many(void *arg)
{
    (void)arg;
    for (int round = 0; round < 3; round++) { /* what ended gives its place back */
        DREY_SCOPE(scope);
        for (int i = 0; i < 10; i++)
            DREY_CHECK_EQ(drey_go(&scope, sleep_a_second, NULL), 0);
        DREY_CHECK_EQ(drey_go(&scope, sleep_a_second, NULL), -ENOMEM);
        DREY_CHECK_EQ(drey_try_go(&scope, sleep_a_second, NULL), -ENOMEM);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    }
    return 0;
}

DREY_TEST(r19_max_tasks, .no_runtime = true)
{
    drey_config config = virtual;
    config.max_tasks = 10;
    return drey_run(&config, start_too_many, NULL);
}

DREY_TEST_MAIN()
