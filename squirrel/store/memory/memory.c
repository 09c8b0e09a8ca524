/* SPDX-License-Identifier: MIT */
/* memory: a store that ends with its process. For tests, and for what need not last. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "store/group.h"
#include "store/heavy.h"
#include "store/memory/tables.h"
#include "store/schemes.h"
#include "store/writer.h"

enum { REAP_AT_ONCE = 256 };

typedef struct memory_store {
    sq_store store;
    sq_tables tables;
    sq_stage stage;
    sq_writer *writer;
} memory_store;

static memory_store *memory_of(sq_store *store)
{
    return (memory_store *)store;
}

static sq_reader reader_of(sq_store *store)
{
    return (sq_reader){.store = store, .tables = &memory_of(store)->tables};
}

typedef struct group_run {
    sq_group *group;
    sq_txn *txn;
} group_run;

static int run_deep(void *arg)
{
    const group_run *run = arg;
    sq_group_run(run->group, run->txn);
    return 0;
}

static DREY_ASYNC int run(sq_store *store, sq_group *group)
{
    group_run args = {group, &memory_of(store)->stage.txn};
    return sq_heavy(group->bytes, run_deep, &args);
}

static DREY_ASYNC int write_all(sq_store *store, const sq_write *writes, size_t count, sq_written *out, sq_error *error)
{
    return sq_writer_write(memory_of(store)->writer, writes, count, out, error);
}

static DREY_ASYNC int get(sq_store *store, const char *project, const char *id, int64_t rev, const sq_revision **out,
                          sq_error *error)
{
    sq_reader reader = reader_of(store);
    return sq_read_get(&reader, project, id, rev, out, error);
}

static DREY_ASYNC int lineage(sq_store *store, const char *project, const char *id, const sq_revision **out,
                              size_t *out_count, sq_error *error)
{
    sq_reader reader = reader_of(store);
    return sq_read_lineage(&reader, project, id, out, out_count, error);
}

typedef struct list_run {
    sq_store *store;
    const sq_list *asked;
    sq_page *out;
    sq_error *error;
} list_run;

static int list_deep(void *arg)
{
    const list_run *l = arg;
    sq_reader reader = reader_of(l->store);
    return sq_read_list(&reader, l->asked, l->out, l->error);
}

/* A search looks at texts, a list without a query at heads alone. */
static DREY_ASYNC int list(sq_store *store, const sq_list *asked, sq_page *out, sq_error *error)
{
    list_run args = {store, asked, out, error};
    return sq_heavy(asked->query && asked->query[0] ? SIZE_MAX : 0, list_deep, &args);
}

static DREY_ASYNC int history(sq_store *store, const sq_history *asked, sq_page *out, sq_error *error)
{
    sq_reader reader = reader_of(store);
    return sq_read_history(&reader, asked, out, error);
}

static DREY_ASYNC int changes(sq_store *store, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                              sq_changes *out, sq_error *error)
{
    sq_reader reader = reader_of(store);
    return sq_read_changes(&reader, project, after, limit, max_bytes, out, error);
}

static DREY_ASYNC int projects(sq_store *store, const char *after, sq_project *out, size_t *count, sq_error *error)
{
    (void)error;
    sq_reader reader = reader_of(store);
    return sq_read_projects(&reader, after, out, count);
}

static DREY_ASYNC int status(sq_store *store, sq_status *out, sq_error *error)
{
    (void)error;
    sq_reader reader = reader_of(store);
    sq_status made = {.store = "memory"};
    sq_writer_status(memory_of(store)->writer, &made);
    sq_read_totals(&reader, &made);
    *out = made;
    return 0;
}

static int reap_some(sq_txn *txn, void *arg, sq_error *error)
{
    return sq_decide_reap(txn, REAP_AT_ONCE, arg, error);
}

static DREY_ASYNC int reap(sq_store *store, size_t *out_count, sq_error *error)
{
    return sq_writer_call(memory_of(store)->writer, reap_some, out_count, false, error);
}

static DREY_ASYNC int backup(sq_store *store, const char *path, sq_error *error)
{
    (void)store;
    (void)path;
    return sq_fail(error, SQ_INVALID, "a store in memory cannot be backed up: export it");
}

static DREY_ASYNC int verify(sq_store *store, sq_verified *out, sq_error *error)
{
    (void)error;
    sq_tables *tables = &memory_of(store)->tables;
    sq_verified made = {0};
    pthread_rwlock_rdlock(&tables->lock);
    for (size_t i = 0; i < tables->shelf_count; i++)
        sq_shelf_verify(tables->shelves[i], &made);
    pthread_rwlock_unlock(&tables->lock);
    *out = made;
    return 0;
}

static DREY_ASYNC int scrub(sq_store *store, sq_error *error)
{
    (void)store;
    (void)error;
    return 0;   /* there are no files, and what was freed is not kept */
}

static DREY_ASYNC void close_store(sq_store *store)
{
    memory_store *m = memory_of(store);
    sq_writer_close(m->writer);
    sq_stage_deinit(&m->stage);
    sq_tables_deinit(&m->tables);
    sq_pins_deinit(&store->pins);
    free(m);
}

static const sq_store_ops memory_ops = {
    .scheme = "memory",
    .write = write_all,
    .get = get,
    .lineage = lineage,
    .list = list,
    .history = history,
    .changes = changes,
    .projects = projects,
    .status = status,
    .reap = reap,
    .backup = backup,
    .verify = verify,
    .scrub = scrub,
    .close = close_store,
};

static DREY_ASYNC int open_memory(drey_scope *scope, const char *path, const sq_store_options *options, sq_store **out,
                                  sq_error *error)
{
    if (path[0])
        return sq_fail(error, SQ_USAGE, "memory: takes nothing behind the colon, not \"%.60s\"", path);
    memory_store *m = calloc(1, sizeof *m);
    if (!m || sq_tables_init(&m->tables) < 0) {
        free(m);
        return sq_fail_memory(error);
    }
    m->store.ops = &memory_ops;
    m->store.options = *options;
    sq_pins_init(&m->store.pins);
    sq_stage_init(&m->stage, &m->tables, &m->store, &sq_stage_ops);
    int rc = RAND_bytes(m->store.secret, sizeof m->store.secret) == 1
                 ? sq_writer_open(scope, &m->store, run, &m->writer, error)
                 : sq_fail(error, SQ_INTERNAL, "OpenSSL has no random numbers");
    if (rc < 0) {
        sq_tables_deinit(&m->tables);
        sq_pins_deinit(&m->store.pins);
        free(m);
        return rc;
    }
    *out = &m->store;
    return 0;
}

const sq_scheme sq_scheme_memory = {.name = "memory", .open = open_memory};
