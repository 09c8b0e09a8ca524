/* SPDX-License-Identifier: MIT */
/* The rate limiter (R4, R5, R7) and retrying, on the virtual clock. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

static drey_rate rate;

DREY_TEST(arguments)
{
    DREY_CHECK_EQ(drey_rate_init(&rate, 0, 1), -EINVAL);
    DREY_CHECK_EQ(drey_rate_init(&rate, -1, 1), -EINVAL);
    DREY_CHECK_EQ(drey_rate_init(&rate, __builtin_nan(""), 1), -EINVAL);
    DREY_CHECK_EQ(drey_rate_init(&rate, __builtin_inf(), 1), -EINVAL);
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 0), -EINVAL);
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 2), 0);
    DREY_CHECK_EQ(drey_rate_wait(&rate, 3), -EINVAL);
    DREY_CHECK_EQ(drey_rate_try(&rate, 3), -EINVAL);
    drey_rate_deinit(&rate);
    return 0;
}

DREY_TEST(outside_a_task, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 1), -EPERM);
    DREY_CHECK_EQ(drey_rate_wait(&rate, 0), -EPERM);
    return 0;
}

DREY_TEST(burst_then_steady)
{
    DREY_CHECK_EQ(drey_rate_init(&rate, 50, 10), 0);
    drey_time start = drey_now();
    for (int i = 0; i < 10; i++)
        DREY_CHECK_EQ(drey_rate_wait(&rate, 1), 0);
    DREY_CHECK_EQ(drey_now() - start, 0);
    DREY_CHECK_EQ(drey_rate_try(&rate, 1), -EAGAIN);
    for (int i = 0; i < 100; i++)
        DREY_CHECK_EQ(drey_rate_wait(&rate, 1), 0);
    drey_duration took = drey_now() - start;
    DREY_CHECK(took >= DREY_SEC(2) - DREY_US(1) && took <= DREY_SEC(2) + DREY_US(1));
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(100)), 0);
    DREY_CHECK_EQ(drey_rate_try(&rate, 10), 0);
    DREY_CHECK_EQ(drey_rate_try(&rate, 1), -EAGAIN);
    drey_rate_deinit(&rate);
    return 0;
}

struct wish {
    uint32_t count;
    int rc;
    drey_time when;
};

static DREY_ASYNC int wait_for(void *arg)
{
    struct wish *w = arg;
    w->rc = drey_rate_wait(&rate, w->count);
    w->when = drey_now();
    return 0;
}

/* R7: a large wish at the head holds back the small one behind it; a try does not overtake. */
DREY_TEST(r7_first_come_first_served)
{
    struct wish w[2] = {{.count = 4}, {.count = 1}};
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 4), 0);
    DREY_CHECK_EQ(drey_rate_try(&rate, 4), 0);
    drey_time start = drey_now();
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_for, &w[0]);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1)); /* so that it stands first, whatever the seed */
    if (rc == 0)
        rc = drey_go(&scope, wait_for, &w[1]);
    if (rc == 0)
        rc = drey_sleep(DREY_SEC(2));
    int overtaking = drey_rate_try(&rate, 1);
    rc = drey_scope_close(&scope, rc);
    drey_rate_deinit(&rate);
    DREY_CHECK_EQ(overtaking, -EAGAIN);
    DREY_CHECK_EQ((w[0].when - start + DREY_MS(1)) / DREY_SEC(1), 4);
    DREY_CHECK_EQ((w[1].when - start + DREY_MS(1)) / DREY_SEC(1), 5);
    return rc;
}

/* R5: who is cancelled took nothing, and the next moves up. */
DREY_TEST(r5_cancelled_head_takes_nothing)
{
    struct wish head = {.count = 4}, next = {.count = 1};
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 4), 0);
    DREY_CHECK_EQ(drey_rate_try(&rate, 4), 0);
    drey_time start = drey_now();
    drey_task *task;
    DREY_SCOPE(scope);
    int rc = drey_spawn(&scope, wait_for, &head, &task);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = drey_go(&scope, wait_for, &next);
    if (rc == 0)
        rc = drey_sleep_until(start + DREY_SEC(2));
    if (rc == 0)
        drey_task_cancel(task, "test");
    rc = drey_scope_close(&scope, rc);
    int left = drey_rate_try(&rate, 1);
    drey_rate_deinit(&rate);
    DREY_CHECK_EQ(head.rc, -ECANCELED);
    DREY_CHECK_EQ(next.rc, 0);
    DREY_CHECK_EQ(next.when - start, DREY_SEC(2));
    DREY_CHECK_EQ(left, 0);
    return rc;
}

DREY_TEST(r4_already_cancelled)
{
    DREY_CHECK_EQ(drey_rate_init(&rate, 1, 1), 0);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int refused = drey_rate_wait(&rate, 1);
    int tried = drey_rate_try(&rate, 1);
    int rc = drey_scope_close(&scope, 0);
    drey_rate_deinit(&rate);
    DREY_CHECK_EQ(refused, -ECANCELED);
    DREY_CHECK_EQ(tried, 0);
    return rc;
}

static DREY_ASYNC int wait_many(void *arg)
{
    (void)arg;
    int rc = 0;
    for (int i = 0; i < 100 && rc == 0; i++)
        rc = drey_rate_wait(&rate, 1);
    return rc;
}

/* Several workers take from one bucket: never more than it held and got. */
DREY_TEST(shared_by_workers, .workers = 4)
{
    DREY_CHECK_EQ(drey_rate_init(&rate, 1000, 5), 0);
    drey_time start = drey_now();
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = drey_go(&scope, wait_many, NULL);
    rc = drey_scope_close(&scope, rc);
    drey_rate_deinit(&rate);
    DREY_CHECK(drey_now() - start >= DREY_MS(995) - DREY_US(1));
    return rc;
}

struct trial {
    int calls, succeed_at, error;
    drey_time at[16];
    drey_scope *scope;
};

static DREY_ASYNC int attempt(void *arg)
{
    struct trial *t = arg;
    t->at[t->calls++] = drey_now();
    if (t->scope != NULL)
        drey_scope_cancel(t->scope, 0, "test");
    return t->calls == t->succeed_at ? 5 : t->error;
}

static bool is_timeout(int error)
{
    return error == -ETIMEDOUT;
}

DREY_TEST(retry_until_success)
{
    struct trial t = {.succeed_at = 3, .error = -EIO};
    DREY_CHECK_EQ(drey_retry(&(drey_backoff){0}, attempt, &t), 5);
    DREY_CHECK_EQ(t.calls, 3);
    return 0;
}

DREY_TEST(retry_gives_up)
{
    struct trial t = {.error = -EIO}, other = {.error = -EIO};
    DREY_CHECK_EQ(drey_retry(&(drey_backoff){.attempts = 4}, attempt, &t), -EIO);
    DREY_CHECK_EQ(t.calls, 4);
    DREY_CHECK_EQ(drey_retry(&(drey_backoff){.retryable = is_timeout}, attempt, &other), -EIO);
    DREY_CHECK_EQ(other.calls, 1);
    return 0;
}

DREY_TEST(retry_pauses_grow, .schedules = 5)
{
    struct trial t = {.error = -EIO};
    drey_backoff backoff = {.first = DREY_SEC(1), .max = DREY_SEC(5), .factor = 2, .jitter = 0.25, .attempts = 6};
    DREY_CHECK_EQ(drey_retry(&backoff, attempt, &t), -EIO);
    static const int seconds[] = {1, 2, 4, 5, 5};
    for (int i = 0; i < 5; i++) {
        drey_duration pause = t.at[i + 1] - t.at[i];
        DREY_CHECK(pause <= DREY_SEC(seconds[i]) && pause >= DREY_SEC(seconds[i]) * 3 / 4);
    }
    return 0;
}

DREY_TEST(r4_retry_and_cancellation)
{
    struct trial before = {.error = -EIO}, during = {.error = -EIO};
    DREY_SCOPE(scope);
    during.scope = &scope;
    int cut = drey_retry(&(drey_backoff){0}, attempt, &during);
    int refused = drey_retry(&(drey_backoff){0}, attempt, &before);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(cut, -ECANCELED);
    DREY_CHECK_EQ(during.calls, 1);
    DREY_CHECK_EQ(refused, -ECANCELED);
    DREY_CHECK_EQ(before.calls, 0);
    return rc;
}

DREY_TEST_MAIN()
