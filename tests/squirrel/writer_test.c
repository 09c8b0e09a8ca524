/* SPDX-License-Identifier: MIT */
/* The queue in front of a store, over a store in memory whose commits take a second and can be made to fail. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slow_store.h"

static bool has(slow *s, const char *id)
{
    sq_error error;
    const sq_revision *found;
    if (sq_read_get(&(sq_reader){.store = &s->store, .tables = &s->tables}, "p", id, 0, &found, &error) < 0)
        return false;
    sq_revision_unref(found);
    return true;
}

typedef struct job {
    slow *s;
    sq_write write;
    int rc;
    sq_error error;
    drey_time done_at;
    size_t seen;                     /* by the listener when it was answered */
} job;

static DREY_ASYNC int ask(void *arg)
{
    job *j = arg;
    sq_written written;
    j->rc = sq_writer_write(j->s->writer, &j->write, 1, &written, &j->error);
    j->done_at = drey_now();
    j->seen = __atomic_load_n(&j->s->seen_count, __ATOMIC_RELAXED);
    sq_written_free(&written);
    return 0;
}

#define CREATE(name)                                                                                              \
    (sq_write){.verb = SQ_CREATE, .project = "p", .id = (name), .principal = "local:1", .set = SQ_SET_DATA,       \
               .data = "{}", .data_bytes = 2}

#define JOB(slow, name) (job){.s = (slow), .write = CREATE(name)}

static DREY_ASYNC sq_status status_of(slow *s)
{
    sq_status status = {0};
    sq_writer_status(s->writer, &status);
    return status;
}

typedef DREY_ASYNC int body(slow *s, drey_scope *asking);

static DREY_ASYNC int with_slow_and(body *fn, sq_store_options options)
{
    slow s;
    DREY_SCOPE(scope, .name = "store");
    int rc = slow_open(&s, &scope, options);
    if (rc == 0) {
        DREY_SCOPE(asking, .name = "asking");
        rc = fn(&s, &asking);
        rc = drey_scope_close(&asking, rc);
    }
    slow_close(&s);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int with_slow(body *fn)
{
    return with_slow_and(fn, (sq_store_options){0});
}

static DREY_ASYNC int grouping(slow *s, drey_scope *asking)
{
    job jobs[4] = {JOB(s, "a"), JOB(s, "b"), JOB(s, "b"), JOB(s, "c")};
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[0]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
    for (int i = 1; i < 4; i++)
        DREY_CHECK_EQ(drey_go(asking, ask, &jobs[i]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK(jobs[0].rc == 0 && jobs[1].rc == 0 && jobs[3].rc == 0);
    DREY_CHECK(jobs[2].rc == -EINVAL && jobs[2].error.code == SQ_EXISTS);   /* W2 */
    DREY_CHECK_EQ(jobs[3].done_at - jobs[0].done_at, DREY_SEC(1));
    DREY_CHECK_EQ(jobs[1].done_at, jobs[3].done_at);
    DREY_CHECK(status_of(s).groups == 2 && status_of(s).writes == 3);
    DREY_CHECK_EQ(s->seen_count, 3);
    for (int64_t i = 0; i < 3; i++)
        DREY_CHECK_EQ(s->seen[i], i + 1);
    DREY_CHECK(jobs[0].seen == 1 && jobs[1].seen == 3);                     /* W4 */
    return 0;
}

DREY_TEST(what_queues_up_is_one_group) /* S20 */
{
    return with_slow(grouping);
}

static DREY_ASYNC int withdrawing(slow *s, drey_scope *asking)
{
    drey_task *first, *second;
    job jobs[3] = {JOB(s, "taken"), JOB(s, "queued"), JOB(s, "after")};
    DREY_CHECK_EQ(drey_spawn(asking, ask, &jobs[0], &first), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
    DREY_CHECK_EQ(drey_spawn(asking, ask, &jobs[1], &second), 0);
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[2]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    drey_task_cancel(first, "test");
    drey_task_cancel(second, "test");
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(jobs[1].rc, -ECANCELED);   /* withdrawn at once */
    DREY_CHECK_EQ(jobs[0].done_at, 0);       /* in a group: it waits for the commit */
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK(jobs[0].rc == 0 && jobs[2].rc == 0);
    DREY_CHECK(has(s, "taken") && has(s, "after") && !has(s, "queued"));
    DREY_CHECK_EQ(s->seen_count, 2);
    return 0;
}

DREY_TEST(a_queued_write_is_withdrawn_and_a_taken_one_commits) /* S20 */
{
    return with_slow(withdrawing);
}

static DREY_ASYNC int poisoning(slow *s, drey_scope *asking)
{
    job jobs[4] = {JOB(s, "a"), JOB(s, "b"), JOB(s, "c"), JOB(s, "d")};
    s->fail_commit = 2;
    DREY_CHECK_EQ(ask(&jobs[0]), 0);
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[1]), 0);
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[2]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK(jobs[0].rc == 0 && has(s, "a"));
    for (int i = 1; i < 3; i++)
        DREY_CHECK(jobs[i].rc == -EINVAL && jobs[i].error.code == SQ_UNKNOWN_OUTCOME);
    DREY_CHECK(!has(s, "b") && !has(s, "c") && s->seen_count == 1);
    DREY_CHECK_EQ(ask(&jobs[3]), 0);
    DREY_CHECK(jobs[3].rc == -EINVAL && jobs[3].error.code == SQ_STORE_FAILED);
    DREY_CHECK(strstr(jobs[3].error.message, "the disk failed") != NULL);
    DREY_CHECK_STR(status_of(s).condition, "failed");
    return 0;
}

DREY_TEST(a_failed_commit_ends_writing) /* S4 */
{
    return with_slow(poisoning);
}

static DREY_ASYNC int failing(slow *s, drey_scope *asking)
{
    job jobs[3] = {JOB(s, "a"), JOB(s, "b"), JOB(s, "c")};
    s->fail_put = 2;
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[0]), 0);
    DREY_CHECK_EQ(drey_go(asking, ask, &jobs[1]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    for (int i = 0; i < 2; i++)
        DREY_CHECK(jobs[i].rc == -EINVAL && jobs[i].error.code == SQ_DISK_FULL);
    DREY_CHECK(!has(s, "a") && !has(s, "b"));
    DREY_CHECK_EQ(ask(&jobs[2]), 0);   /* nothing reached a commit, so the store goes on */
    DREY_CHECK(jobs[2].rc == 0 && has(s, "c"));
    return 0;
}

DREY_TEST(a_store_that_fails_before_its_commit_takes_the_group_back) /* S4 */
{
    return with_slow(failing);
}

static DREY_ASYNC int filling(slow *s, drey_scope *asking)
{
    job jobs[4] = {JOB(s, "a"), JOB(s, "b"), JOB(s, "c"), JOB(s, "d")};
    for (int i = 0; i < 3; i++)
        DREY_CHECK_EQ(drey_go(asking, ask, &jobs[i]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    DREY_CHECK_EQ(ask(&jobs[3]), 0);
    DREY_CHECK(jobs[3].rc == -EINVAL && jobs[3].error.code == SQ_BUSY);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK_EQ(ask(&jobs[3]), 0);
    DREY_CHECK_EQ(jobs[3].rc, 0);
    return 0;
}

DREY_TEST(a_full_queue_refuses_where_asked_to) /* R19 */
{
    return with_slow_and(filling, (sq_store_options){.queue_writes = 3, .refuse_when_full = true});
}

static DREY_ASYNC int waiting(slow *s, drey_scope *asking)
{
    job jobs[4] = {JOB(s, "a"), JOB(s, "b"), JOB(s, "c"), JOB(s, "d")};
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(drey_go(asking, ask, &jobs[i]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(9)), 0);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(jobs[i].rc, 0);
    DREY_CHECK_EQ(status_of(s).groups, 4);
    return 0;
}

DREY_TEST(a_full_queue_makes_writers_wait) /* R19 */
{
    return with_slow_and(waiting, (sq_store_options){.queue_writes = 2, .group_writes = 1});
}

static DREY_ASYNC int work(slow *s, drey_scope *asking);

static int count_work(sq_txn *txn, void *arg, sq_error *error)
{
    int *calls = arg;
    (*calls)++;
    if (*calls < 3)
        return txn ? 0 : -EPROTO;
    return txn ? -EPROTO : sq_fail(error, SQ_INVALID, "no");
}

static DREY_ASYNC int work(slow *s, drey_scope *asking)
{
    int calls = 0;
    sq_error error;
    job write = JOB(s, "a");
    DREY_CHECK_EQ(drey_go(asking, ask, &write), 0);
    DREY_CHECK_EQ(sq_writer_call(s->writer, count_work, &calls, false, &error), 0);
    DREY_CHECK_EQ(sq_writer_call(s->writer, count_work, &calls, false, &error), 0);
    DREY_CHECK_EQ(sq_writer_call(s->writer, count_work, &calls, true, &error), -EINVAL);
    DREY_CHECK(calls == 3 && error.code == SQ_INVALID && write.rc == 0);
    return 0;
}

DREY_TEST(the_store_s_own_work_runs_between_writes)
{
    return with_slow(work);
}

static DREY_ASYNC int close_while_asked(void *arg)
{
    slow s;
    job jobs[2] = {JOB(&s, "a"), JOB(&s, "b")};
    (void)arg;
    DREY_SCOPE(outer);
    DREY_SCOPE(scope, .name = "store");
    int rc = slow_open(&s, &scope, (sq_store_options){.group_writes = 1});
    DREY_CHECK_EQ(rc, 0);
    for (int i = 0; i < 2; i++)
        DREY_CHECK_EQ(drey_go(&outer, ask, &jobs[i]), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    sq_writer_close(s.writer);
    s.writer = NULL;
    bool both = has(&s, "a") && has(&s, "b");
    rc = drey_scope_close(&scope, 0);
    rc = drey_scope_close(&outer, rc);
    slow_close(&s);
    DREY_CHECK(both && jobs[0].rc == 0 && jobs[1].rc == 0);
    return rc;
}

DREY_TEST(closing_commits_what_is_queued)
{
    return close_while_asked(NULL);
}

/* Whatever the point of cancellation: a write that failed is not there, one that succeeded is. */
static DREY_ASYNC int write_and_look(void *arg)
{
    slow s;
    job jobs[2] = {JOB(&s, "a"), JOB(&s, "b")};
    (void)arg;
    DREY_SCOPE(scope, .name = "store");
    int rc = slow_open(&s, &scope, (sq_store_options){0});
    s.before_group = 0;
    if (rc == 0) {
        DREY_SCOPE(asking);
        rc = drey_go(&asking, ask, &jobs[0]);
        if (rc < 0)
            jobs[0].rc = rc;
        rc = ask(&jobs[1]);
        rc = drey_scope_close(&asking, rc);
    }
    bool good = !s.writer || ((jobs[0].rc == 0) == has(&s, "a") && (jobs[1].rc == 0) == has(&s, "b"));
    slow_close(&s);
    rc = drey_scope_close(&scope, rc);
    return good ? rc : -EPROTO;
}

DREY_TEST(cancelled_anywhere_a_write_is_there_or_not, .timeout_seconds = 600, .no_runtime = true) /* S20 */
{
    DREY_CHECK(drey_test_cancel_everywhere(write_and_look, NULL, 1) > 3);
    DREY_CHECK(drey_test_cancel_everywhere(write_and_look, NULL, 2) > 3);
    return 0;
}

DREY_TEST_MAIN()
