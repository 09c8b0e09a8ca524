/* SPDX-License-Identifier: MIT */
/* Broadcasts: all get each message in order (R7), slow subscribers are told what they missed (R19), cancellation
 * (R4). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

typedef struct {
    drey_subscription subscription;
    uint64_t value, missed;
    int rc;
} reader;

static DREY_ASYNC int recv_one(void *arg)
{
    reader *r = arg;
    r->rc = drey_broadcast_recv(&r->subscription, &r->value, &r->missed);
    return 0;
}

static DREY_ASYNC int select_one(void *arg)
{
    reader *r = arg;
    drey_case cases[] = {drey_on_broadcast(&r->subscription, &r->value), drey_on_after(DREY_SEC(5))};
    int which = drey_select(cases, 2);
    r->rc = which == 0 ? cases[0].result : which < 0 ? which : -ETIME;
    return 0;
}

static drey_broadcast *broadcast(size_t capacity)
{
    drey_broadcast *b;
    return drey_broadcast_new(8, capacity, &b) == 0 ? b : NULL;
}

DREY_TEST(r7_each_subscriber_gets_each_message)
{
    drey_broadcast *b = broadcast(4);
    drey_subscription early, late;
    uint64_t message = 1, missed = 77;
    DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0); /* to nobody */
    drey_subscription_open(&early, b);
    for (message = 2; message <= 3; message++)
        DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0);
    drey_subscription_open(&late, b);
    DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0);
    for (uint64_t want = 2; want <= 4; want++) {
        DREY_CHECK_EQ(drey_broadcast_recv(&early, &message, &missed), 0);
        DREY_CHECK_EQ(message, want);
    }
    DREY_CHECK_EQ(drey_broadcast_recv(&late, &message, &missed), 0);
    DREY_CHECK_EQ(message, 4);
    DREY_CHECK_EQ(missed, 77);
    drey_subscription_close(&early);
    drey_broadcast_unref(b);
    drey_subscription_close(&late);
    return 0;
}

DREY_TEST(r19_slow_subscribers_are_told_what_they_missed)
{
    drey_broadcast *b = broadcast(3);
    drey_subscription s;
    uint64_t message, missed = 0;
    drey_subscription_open(&s, b);
    for (message = 0; message < 103; message++)
        DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0);
    DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), -EOVERFLOW);
    DREY_CHECK_EQ(missed, 100);
    for (uint64_t want = 100; want < 103; want++) {
        DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), 0);
        DREY_CHECK_EQ(message, want);
    }
    drey_subscription_close(&s);
    drey_broadcast_unref(b);
    return 0;
}

DREY_TEST(r19_no_memory_drops_earlier)
{
    drey_broadcast *b = broadcast(1000);
    drey_subscription s;
    uint64_t message, missed = 0, first;
    drey_subscription_open(&s, b);
    drey_test_fail_alloc(1);
    for (message = 0; message < 30; message++)
        DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0);
    DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), -EOVERFLOW);
    DREY_CHECK(missed >= 1 && missed < 30);
    for (first = missed; first < 30; first++) {
        DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), 0);
        DREY_CHECK_EQ(message, first);
    }
    drey_subscription_close(&s);
    drey_broadcast_unref(b);
    return 0;
}

DREY_TEST(r19_limits_are_clear_errors)
{
    drey_broadcast *b;
    DREY_CHECK_EQ(drey_broadcast_new(8, 0, &b), -EINVAL);
    DREY_CHECK_EQ(drey_broadcast_new(65537, 1, &b), -EINVAL);
    DREY_CHECK_EQ(drey_broadcast_new(8, SIZE_MAX, &b), -EINVAL);
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_broadcast_new(8, 1, &b), -ENOMEM);
    return 0;
}

DREY_TEST(closing_lets_subscribers_read_what_is_kept)
{
    drey_broadcast *b = broadcast(2);
    drey_subscription s;
    uint64_t message = 9, missed;
    drey_subscription_open(&s, b);
    DREY_CHECK_EQ(drey_broadcast_send(b, &message), 0);
    drey_broadcast_close(b);
    drey_broadcast_close(b);
    DREY_CHECK_EQ(drey_broadcast_send(b, &message), -EPIPE);
    DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), 0);
    DREY_CHECK_EQ(drey_broadcast_recv(&s, &message, &missed), -EPIPE);
    drey_subscription_close(&s);
    drey_broadcast_unref(b);
    return 0;
}

enum ending { BY_MESSAGE, BY_CLOSE, BY_CANCEL, BY_DEADLINE, BY_MESSAGE_THEN_CANCEL };

/* Two subscribers wait, and both are ended in the same way. */
static DREY_ASYNC int end_waiting(drey_fn *fn, enum ending ending, int want)
{
    drey_broadcast *b = broadcast(1);
    reader readers[2] = {{.value = 7, .rc = 1}, {.value = 7, .rc = 1}};
    uint64_t message = 5;
    DREY_SCOPE(scope, .timeout = ending == BY_DEADLINE ? DREY_SEC(1) : 0);
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        drey_subscription_open(&readers[i].subscription, b);
        rc = drey_go(&scope, fn, &readers[i]);
    }
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (ending == BY_MESSAGE || ending == BY_MESSAGE_THEN_CANCEL)
        rc = drey_broadcast_send(b, &message);
    if (ending == BY_CLOSE)
        drey_broadcast_close(b);
    if (ending == BY_CANCEL || ending == BY_MESSAGE_THEN_CANCEL)
        drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < 2; i++)
        drey_subscription_close(&readers[i].subscription);
    drey_broadcast_unref(b);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK_EQ(readers[i].rc, want);
        DREY_CHECK_EQ(readers[i].value, want == 0 ? 5 : 7);
    }
    return rc;
}

static DREY_ASYNC int end_waiting_all(drey_fn *fn)
{
    DREY_CHECK_EQ(end_waiting(fn, BY_MESSAGE, 0), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_CLOSE, -EPIPE), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_CANCEL, -ECANCELED), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_DEADLINE, -ECANCELED), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_MESSAGE_THEN_CANCEL, 0), 0);
    return 0;
}

DREY_TEST(r5_a_wait_ends_by_message_close_or_cancellation)
{
    return end_waiting_all(recv_one);
}

DREY_TEST(r6_the_same_as_cases_of_a_select)
{
    return end_waiting_all(select_one);
}

DREY_TEST(r4_refused_once_cancelled)
{
    drey_broadcast *b = broadcast(1);
    reader r = {.value = 7};
    uint64_t message = 5;
    drey_subscription_open(&r.subscription, b);
    int sent = drey_broadcast_send(b, &message);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int refused = recv_one(&r);
    int rc = drey_scope_close(&scope, refused);
    int got = drey_broadcast_recv(&r.subscription, &message, NULL);
    drey_subscription_close(&r.subscription);
    drey_broadcast_unref(b);
    DREY_CHECK_EQ(sent, 0);
    DREY_CHECK_EQ(r.rc, -ECANCELED);
    DREY_CHECK_EQ(got, 0);
    return rc;
}

enum { MESSAGES = 5000, READERS = 4 };

/* Reads to the end; what it got and what it missed must add up, and the order be kept. */
static DREY_ASYNC int follow(void *arg)
{
    reader *r = arg;
    uint64_t next = 0, message, missed;
    while ((r->rc = drey_broadcast_recv(&r->subscription, &message, &missed)) != -EPIPE) {
        if (r->rc == -EOVERFLOW)
            next += missed;
        else if (r->rc != 0 || message != next++)
            return -EIO;
    }
    r->value = next;
    return 0;
}

static DREY_ASYNC int follow_all(void)
{
    drey_broadcast *b = broadcast(16);
    reader readers[READERS] = {0};
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < READERS; i++)
        drey_subscription_open(&readers[i].subscription, b);
    for (int i = 0; i < READERS && rc == 0; i++)
        rc = drey_go(&scope, follow, &readers[i]);
    for (uint64_t i = 0; i < MESSAGES && rc == 0; i++) {
        rc = drey_broadcast_send(b, &i);
        if (rc == 0 && i % 7 == 0)
            rc = drey_yield();
    }
    drey_broadcast_close(b);
    rc = drey_scope_close(&scope, rc);
    for (int i = 0; i < READERS; i++)
        drey_subscription_close(&readers[i].subscription);
    drey_broadcast_unref(b);
    for (int i = 0; i < READERS; i++)
        DREY_CHECK_EQ(readers[i].value, MESSAGES);
    return rc;
}

DREY_TEST(r7_nothing_is_lost_unsaid, .schedules = 3)
{
    return follow_all();
}

DREY_TEST(r7_nothing_is_lost_unsaid_with_two_workers, .workers = 2)
{
    return follow_all();
}

DREY_TEST(r7_nothing_is_lost_unsaid_with_four_workers, .workers = 4)
{
    return follow_all();
}

static DREY_ASYNC int close_under_a_reader(void *arg)
{
    (void)arg;
    drey_broadcast *b = broadcast(1);
    reader r = {0};
    drey_subscription_open(&r.subscription, b);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, recv_one, &r);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_subscription_close(&r.subscription);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int read_twice(void *arg)
{
    (void)arg;
    drey_broadcast *b = broadcast(1);
    reader r = {0};
    drey_subscription_open(&r.subscription, b);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, recv_one, &r);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    if (rc == 0)
        rc = recv_one(&r);
    return drey_scope_close(&scope, rc);
}

static void run(drey_fn *fn)
{
    int rc = drey_run(&(drey_config){.workers = 1, .clock = DREY_CLOCK_VIRTUAL}, fn, NULL);
    (void)rc;
}

static void die_closed(void)
{
    run(close_under_a_reader);
}

static void die_shared(void)
{
    run(read_twice);
}

DREY_TEST(r7_misuse_aborts, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(die_closed, "drey_subscription_close: a task waits"), 1);
    DREY_CHECK_EQ(drey_test_dies(die_shared, "another task waits on this subscription"), 1);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_broadcast *b;
    DREY_CHECK_EQ(drey_broadcast_new(8, 1, &b), -EPERM);
    return 0;
}

DREY_TEST_MAIN()
