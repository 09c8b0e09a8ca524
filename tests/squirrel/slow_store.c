/* SPDX-License-Identifier: MIT */
#include "slow_store.h"

#include <errno.h>

static slow *slow_of(sq_txn *txn)
{
    return (slow *)((char *)txn - offsetof(slow, stage));
}

static DREY_ASYNC int commit(sq_txn *txn, sq_error *error)
{
    slow *s = slow_of(txn);
    if (s->publish_early)
        s->store.options.committed(s->store.options.arg, txn->made, txn->made_count);
    if (s->in_commit && drey_sleep(s->in_commit) < 0)
        return sq_fail(error, SQ_UNKNOWN_OUTCOME, "cancelled");
    if (s->fail_commit && --s->fail_commit == 0) {
        sq_fail(error, SQ_UNKNOWN_OUTCOME, "the disk failed");
        return -EIO;
    }
    sq_stage_publish(&s->stage);
    return 0;
}

static int put(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *revision, sq_error *error)
{
    slow *s = slow_of(txn);
    if (s->fail_put && --s->fail_put == 0) {
        sq_fail(error, SQ_DISK_FULL, "the disk is full");
        return -EIO;
    }
    return sq_stage_ops.put(txn, project, head, revision, error);
}

static DREY_ASYNC int run(sq_store *store, sq_group *group)
{
    slow *s = (slow *)store;
    int rc = drey_sleep(s->before_group);
    if (rc == 0)
        sq_group_run(group, &s->stage.txn);
    return rc;
}

static DREY_ASYNC void committed(void *arg, const sq_revision *const *revisions, size_t count)
{
    slow *s = arg;
    for (size_t i = 0; i < count; i++) {
        size_t at = __atomic_fetch_add(&s->seen_count, 1, __ATOMIC_RELAXED);
        if (at < SLOW_MADE_MAX)
            s->seen[at] = revisions[i]->seq;
    }
}

static DREY_ASYNC int write_all(sq_store *store, const sq_write *writes, size_t count, sq_written *out, sq_error *error)
{
    return sq_writer_write(((slow *)store)->writer, writes, count, out, error);
}

static DREY_ASYNC int get(sq_store *store, const char *project, const char *id, int64_t rev, const sq_revision **out,
                          sq_error *error)
{
    slow *s = (slow *)store;
    sq_reader reader = {.store = store, .tables = &s->tables};
    int rc = s->in_read ? drey_sleep(s->in_read) : 0;
    if (rc == 0)
        rc = sq_read_get(&reader, project, id, rev, out, error);
    if (rc == 0 && s->in_read && drey_sleep(s->in_read) < 0) {
        sq_revision_unref(*out);
        rc = -ECANCELED;
    }
    return rc;
}

static DREY_ASYNC void close_store(sq_store *store)
{
    slow_close((slow *)store);
}

/* No deep stack here: a commit suspends. */
int slow_open(slow *s, drey_scope *scope, sq_store_options options)
{
    static sq_txn_ops ops;
    static const sq_store_ops store_ops = {.scheme = "slow", .write = write_all, .get = get, .close = close_store};
    sq_error error;
    ops = sq_stage_ops;
    ops.commit = commit;
    ops.put = put;
    *s = (slow){.before_group = DREY_SEC(1)};
    options.limits = sq_limits_with_defaults(options.limits);
    options.queue_writes = options.queue_writes ? options.queue_writes : 100;
    options.queue_bytes = (size_t)1 << 20;
    options.group_writes = options.group_writes ? options.group_writes : 100;
    options.group_bytes = (size_t)1 << 20;
    options.committed = committed;
    options.arg = s;
    s->store.options = options;
    s->store.ops = &store_ops;
    sq_pins_init(&s->store.pins);
    if (sq_tables_init(&s->tables) < 0)
        return -ENOMEM;
    sq_stage_init(&s->stage, &s->tables, &s->store, &ops);
    return sq_writer_open(scope, &s->store, run, &s->writer, &error);
}

void slow_close(slow *s)
{
    if (s->writer)
        sq_writer_close(s->writer);
    sq_stage_deinit(&s->stage);
    sq_tables_deinit(&s->tables);
    sq_pins_deinit(&s->store.pins);
}
