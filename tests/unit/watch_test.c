/* SPDX-License-Identifier: MIT */
/* Watches: the newest value is never skipped (R7), cancellation (R4, R5), selects (R6). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

typedef struct {
    drey_watch *watch;
    uint64_t version, value;
    int rc;
} reader;

static DREY_ASYNC int wait_one(void *arg)
{
    reader *r = arg;
    r->rc = drey_watch_wait(r->watch, &r->version, &r->value);
    return 0;
}

static DREY_ASYNC int select_one(void *arg)
{
    reader *r = arg;
    drey_case cases[] = {drey_on_watch(r->watch, &r->version, &r->value), drey_on_after(DREY_SEC(5))};
    int which = drey_select(cases, 2);
    r->rc = which == 0 ? cases[0].result : which < 0 ? which : -ETIME;
    return 0;
}

static drey_watch *watch(uint64_t initial)
{
    drey_watch *w;
    return drey_watch_new(8, &initial, &w) == 0 ? w : NULL;
}

DREY_TEST(r7_a_newer_value_is_seen_at_once)
{
    drey_watch *w = watch(10);
    reader r = {.watch = w};
    uint64_t value = 0;
    DREY_CHECK_EQ(drey_watch_get(w, &value), 1);
    DREY_CHECK_EQ(value, 10);
    DREY_CHECK_EQ(wait_one(&r), 0);
    DREY_CHECK(r.rc == 0 && r.version == 1 && r.value == 10);
    for (value = 11; value <= 13; value++)
        drey_watch_set(w, &value);
    DREY_CHECK_EQ(wait_one(&r), 0);
    DREY_CHECK(r.rc == 0 && r.version == 4 && r.value == 13);
    drey_watch_close(w);
    drey_watch_close(w);
    DREY_CHECK_EQ(wait_one(&r), 0);
    DREY_CHECK(r.rc == -EPIPE && r.version == 4 && r.value == 13);
    r.version = 0;
    DREY_CHECK_EQ(wait_one(&r), 0);
    DREY_CHECK(r.rc == 0 && r.version == 4);
    drey_watch_unref(drey_watch_ref(w));
    drey_watch_unref(w);
    return 0;
}

DREY_TEST(r19_limits_are_clear_errors)
{
    static char large[65537];
    drey_watch *w;
    DREY_CHECK_EQ(drey_watch_new(sizeof large, large, &w), -EINVAL);
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_watch_new(8, large, &w), -ENOMEM);
    DREY_CHECK_EQ(drey_watch_new(0, NULL, &w), 0);
    DREY_CHECK_EQ(drey_watch_get(w, NULL), 1);
    drey_watch_unref(w);
    return 0;
}

enum ending { BY_CHANGE, BY_CLOSE, BY_CANCEL, BY_DEADLINE, BY_CHANGE_THEN_CANCEL };

/* Two wait, and both are ended in the same way. */
static DREY_ASYNC int end_waiting(drey_fn *fn, enum ending ending, int want)
{
    drey_watch *w = watch(1);
    reader readers[2] = {{w, 1, 7, 1}, {w, 1, 7, 1}};
    DREY_SCOPE(scope, .timeout = ending == BY_DEADLINE ? DREY_SEC(1) : 0);
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = drey_go(&scope, fn, &readers[i]);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    for (uint64_t value = 4; value <= 5 && (ending == BY_CHANGE || ending == BY_CHANGE_THEN_CANCEL); value++)
        drey_watch_set(w, &value);
    if (ending == BY_CLOSE)
        drey_watch_close(w);
    if (ending == BY_CANCEL || ending == BY_CHANGE_THEN_CANCEL)
        drey_scope_cancel(&scope, 0, "test");
    rc = drey_scope_close(&scope, rc);
    drey_watch_unref(w);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK_EQ(readers[i].rc, want);
        /* Woken on another worker it may run between the two changes. */
        DREY_CHECK(want == 0 ? readers[i].value == 2 + readers[i].version : readers[i].value == 7);
        DREY_CHECK(want == 0 ? readers[i].version > 1 : readers[i].version == 1);
    }
    return rc;
}

static DREY_ASYNC int end_waiting_all(drey_fn *fn)
{
    DREY_CHECK_EQ(end_waiting(fn, BY_CHANGE, 0), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_CLOSE, -EPIPE), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_CANCEL, -ECANCELED), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_DEADLINE, -ECANCELED), 0);
    DREY_CHECK_EQ(end_waiting(fn, BY_CHANGE_THEN_CANCEL, 0), 0);
    return 0;
}

DREY_TEST(r5_a_wait_ends_by_change_close_or_cancellation)
{
    return end_waiting_all(wait_one);
}

DREY_TEST(r6_the_same_as_cases_of_a_select)
{
    return end_waiting_all(select_one);
}

DREY_TEST(r4_refused_once_cancelled)
{
    drey_watch *w = watch(1);
    reader r = {w, 0, 7, 1};
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int ignored = wait_one(&r);
    int rc = drey_scope_close(&scope, ignored);
    drey_watch_unref(w);
    DREY_CHECK_EQ(r.rc, -ECANCELED);
    DREY_CHECK(r.version == 0 && r.value == 7);
    return rc;
}

enum { CHANGES = 5000, READERS = 4 };

/* Follows to the end: values only rise, and the last one is seen. */
static DREY_ASYNC int follow(void *arg)
{
    reader *r = arg;
    for (;;) {
        uint64_t before = r->value;
        r->rc = drey_watch_wait(r->watch, &r->version, &r->value);
        if (r->rc < 0)
            return r->rc == -EPIPE ? 0 : r->rc;
        if (r->value <= before || r->value != r->version)
            return -EIO;
    }
}

static DREY_ASYNC int follow_all(void)
{
    drey_watch *w = watch(1);
    reader readers[READERS];
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < READERS && rc == 0; i++) {
        readers[i] = (reader){.watch = w};
        rc = drey_go(&scope, follow, &readers[i]);
    }
    for (uint64_t i = 2; i <= CHANGES && rc == 0; i++) {
        drey_watch_set(w, &i);
        if (i % 7 == 0)
            rc = drey_yield();
    }
    drey_watch_close(w);
    rc = drey_scope_close(&scope, rc);
    drey_watch_unref(w);
    for (int i = 0; i < READERS; i++)
        DREY_CHECK_EQ(readers[i].value, CHANGES);
    return rc;
}

DREY_TEST(r7_the_newest_is_never_skipped, .schedules = 3)
{
    return follow_all();
}

DREY_TEST(r7_the_newest_is_never_skipped_with_two_workers, .workers = 2)
{
    return follow_all();
}

DREY_TEST(r7_the_newest_is_never_skipped_with_four_workers, .workers = 4)
{
    return follow_all();
}

static DREY_ASYNC int leave_a_waiter(void *arg)
{
    (void)arg;
    reader r = {watch(1), 1, 0, 0};
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, wait_one, &r);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    drey_watch_unref(r.watch);
    return drey_scope_close(&scope, rc);
}

static void die_with_a_waiter(void)
{
    int rc = drey_run(&(drey_config){.workers = 1, .clock = DREY_CLOCK_VIRTUAL}, leave_a_waiter, NULL);
    (void)rc;
}

DREY_TEST(r7_the_last_reference_goes_with_waiters, .no_runtime = true)
{
    DREY_CHECK_EQ(drey_test_dies(die_with_a_waiter, "drey_watch_unref"), 1);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_watch *w;
    uint64_t value = 0;
    DREY_CHECK_EQ(drey_watch_new(8, &value, &w), -EPERM);
    return 0;
}

DREY_TEST_MAIN()
