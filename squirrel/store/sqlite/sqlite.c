/* SPDX-License-Identifier: MIT */
/* Opening, writing, status and closing. */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/filesystem.h"
#include "store/group.h"
#include "store/schemes.h"

enum {
    THREAD_STACK = 1 << 20,
    TAIL_MARGIN = 1024, /* what one group may add, cascades included */
    RENEW_BATCHES = 4,  /* that are indexed before a group, of an index that is made anew */
    KEEP_SECONDS = 3600,
};

/* Writing */

typedef struct grouping {
    sq_sqlite *store;
    sq_group *group;
} grouping;

/* Q3: the writers wait for the index here. They do not for one that is damaged: that is made anew. */
static int shorten_tail(sq_sqlite *store, sq_error *error)
{
    int rc = 0, most = store->lag > SQ_TAIL_MAX ? RENEW_BATCHES : SQ_TAIL_MAX;
    for (int i = 0; rc >= 0 && i < most && store->lag > SQ_TAIL_MAX - TAIL_MARGIN; i++)
        rc = sq_sqlite_index_batch(store, error);
    return store->db.index_damaged ? 0 : rc;
}

static int run_on_pool(void *arg)
{
    grouping *g = arg;
    sq_error error;
    int rc = g->group->first->alone ? 0 : shorten_tail(g->store, &error);
    if (rc < 0)
        sq_group_fail(g->group, rc == -ENOMEM ? rc : -EINVAL, &error);
    else
        sq_group_run(g->group, &g->store->txn.txn);
    sq_sqlite_look_at_index(g->store, &g->store->db);
    drey_notify_one(&g->store->work);
    return 0;
}

static DREY_ASYNC int run_group(sq_store *store, sq_group *group)
{
    grouping g = {(sq_sqlite *)store, group};
    return sq_sqlite_write_call(g.store, run_on_pool, &g);
}

static DREY_ASYNC int write_batch(sq_store *store, const sq_write *writes, size_t count, sq_written *out,
                                  sq_error *error)
{
    return sq_writer_write(((sq_sqlite *)store)->writer, writes, count, out, error);
}

typedef struct reaping {
    size_t count;
} reaping;

static int reap_some(sq_txn *txn, void *arg, sq_error *error)
{
    enum { AT_ONCE = 100 };
    return sq_decide_reap(txn, AT_ONCE, &((reaping *)arg)->count, error);
}

static DREY_ASYNC int reap(sq_store *store, size_t *out_count, sq_error *error)
{
    reaping r = {0};
    int rc = sq_writer_call(((sq_sqlite *)store)->writer, reap_some, &r, false, error);
    if (rc == 0)
        *out_count = r.count;
    return rc;
}

/* Status */

static int totals(sq_sqlite *store, sq_db *db, void *arg, sq_error *error)
{
    sq_status *out = arg;
    (void)store;
    sqlite3_stmt *s = sq_db_sql(db, SQ_SQL_TOTALS);
    int rc = sq_db_row(db, s, error);
    if (rc == 0) {
        out->projects = sq_column_integer(s, 0);
        out->live = sq_column_integer(s, 1);
        out->bytes = sq_column_integer(s, 2);
    }
    sqlite3_reset(s);
    return rc;
}

static DREY_ASYNC int status(sq_store *base, sq_status *out, sq_error *error)
{
    sq_sqlite *store = (sq_sqlite *)base;
    sq_status made = {.store = "sqlite"};
    snprintf(made.path, sizeof made.path, "%.*s", (int)sizeof made.path - 1, store->path);
    sq_writer_status(store->writer, &made);
    {
        DREY_LOCKED(&store->trouble_lock);
        if (strcmp(made.condition, "ok") == 0 && store->trouble.code != SQ_OK) {
            snprintf(made.condition, sizeof made.condition, "degraded");
            memcpy(made.last_error, store->trouble.message, sizeof made.last_error);
        }
    }
    made.index_lag = store->lag;
    made.scrubs = store->scrubs;
    int rc = sq_sqlite_read(store, totals, &made, error);
    if (rc == 0)
        *out = made;
    return rc;
}

/* Opening */

typedef struct opening {
    sq_sqlite *store;
    bool must_exist;
    sq_error *error;
} opening;

static int note_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
    sq_sqlite *store = arg;
    (void)handle, (void)name;
    if (pages < store->wal_pages)
        store->wal_moved = 0; /* it was started anew */
    store->wal_pages = pages;
    return SQLITE_OK;
}

static int fail_path(const opening *o, int code)
{
    sq_fail(o->error,
            code == ENOENT   ? SQ_NOT_FOUND
            : code == ENOSPC ? SQ_DISK_FULL
                             : SQ_STORE_UNREACHABLE,
            "%.150s: %s", o->store->path, strerror(code));
    return -EINVAL;
}

/* The file exists and its name is durable afterwards; only its owner can read it. */
static int make_file(const opening *o)
{
    char *folder = o->store->folder;
    sq_disk_folder(o->store->path, folder);
    if (!o->must_exist && mkdir(folder, 0700) < 0 && errno != EEXIST)
        return fail_path(o, errno);
    int rc = sq_filesystem_check(folder, o->error);
    if (rc < 0)
        return rc;
    int fd = open(o->store->path, O_RDWR | O_CLOEXEC | (o->must_exist ? 0 : O_CREAT), 0600);
    if (fd < 0)
        return fail_path(o, errno);
    close(fd);
    rc = o->must_exist ? 0 : sq_disk_sync_folder(folder);
    return rc < 0 ? fail_path(o, -rc) : 0;
}

/* What is left over from before: a tail to index, a purge to finish. */
static int find_state(sq_sqlite *store, sq_error *error)
{
    int64_t rid = 0, indexed = 0, scrub = 0;
    sqlite3_stmt *s = sq_db_sql(&store->db, SQ_SQL_LAST_RID);
    int rc = sq_db_row(&store->db, s, error);
    if (rc == 0)
        rid = sq_column_integer(s, 0);
    sqlite3_reset(s);
    if (rc == 0 || rc == -ENOENT)
        rc = sq_meta_integer(&store->db, "indexed", &indexed, error);
    if (rc == 0 || rc == -ENOENT)
        rc = sq_meta_integer(&store->db, "scrub", &scrub, error);
    store->lag = rid - indexed;
    store->scrubs = scrub;
    return rc == -ENOENT ? 0 : rc;
}

static int open_on_pool(void *arg)
{
    opening *o = arg;
    sq_sqlite *store = o->store;
    int rc = make_file(o);
    if (rc == 0)
        rc = sq_db_open(&store->db, store->path, true, o->error);
    if (rc == 0)
        rc = sq_sqlite_schema(&store->db, store->path, store->store.secret, o->error);
    if (rc == 0)
        rc = sq_sqlite_index_check_version(store, o->error);
    if (rc == 0)
        rc = find_state(store, o->error);
    if (rc < 0)
        sq_db_close(&store->db);
    else
        sqlite3_wal_hook(store->db.handle, note_wal, store);
    return rc == -EIO ? -EINVAL : rc;
}

/* Readers first: the last connection to close moves the WAL into the file (S6). */
static int close_on_pool(void *arg)
{
    sq_sqlite *store = arg;
    while (store->readers) {
        sq_reader *reader = store->readers;
        store->readers = reader->next;
        sq_db_close(&reader->db);
        free(reader);
    }
    sq_db_close(&store->db);
    return 0;
}

static void free_store(sq_sqlite *store)
{
    sq_sqlite_txn_deinit(store);
    sq_columns_free(&store->columns);
    sq_pins_deinit(&store->store.pins);
    pthread_mutex_destroy(&store->readers_lock);
    drey_mutex_deinit(&store->trouble_lock);
    drey_notify_deinit(&store->work);
    drey_gate_deinit(&store->kept);
    free(store);
}

/* What must happen, whatever was cancelled. */
static DREY_ASYNC int uncut(sq_sqlite *store, DREY_ASYNC int (*step)(sq_sqlite *))
{
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(KEEP_SECONDS), .name = "closing a store");
    return drey_scope_close(&scope, step(store));
}

static DREY_ASYNC int wait_kept(sq_sqlite *store)
{
    int ended;
    return drey_gate_wait(&store->kept, &ended);
}

static DREY_ASYNC int close_connections(sq_sqlite *store)
{
    return sq_sqlite_write_call(store, close_on_pool, store);
}

static DREY_ASYNC void close_pools(sq_sqlite *store)
{
    if (store->read_pool && drey_pool_close(store->read_pool) < 0)
        return;
    if (store->write_pool && drey_pool_close(store->write_pool) < 0)
        return;
    free_store(store);
}

static DREY_ASYNC void close_store(sq_store *base)
{
    sq_sqlite *store = (sq_sqlite *)base;
    store->closing = true;
    drey_notify_one(&store->work);
    if (store->keeps && uncut(store, wait_kept) < 0)
        return; /* the runtime's grace is over: the process is about to exit */
    if (store->writer)
        sq_writer_close(store->writer);
    if (uncut(store, close_connections) == 0)
        close_pools(store);
}

static const sq_store_ops ops = {
    .scheme = "sqlite",
    .write = write_batch,
    .get = sq_sqlite_get,
    .lineage = sq_sqlite_lineage,
    .list = sq_sqlite_list,
    .history = sq_sqlite_history,
    .changes = sq_sqlite_changes,
    .projects = sq_sqlite_projects,
    .status = status,
    .reap = reap,
    .backup = sq_sqlite_backup,
    .verify = sq_sqlite_verify,
    .scrub = sq_sqlite_scrub,
    .close = close_store,
};

static sq_sqlite *make_store(const char *path, const sq_store_options *options)
{
    sq_sqlite *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->store.ops = &ops;
    store->store.options = *options;
    snprintf(store->path, sizeof store->path, "%s", path);
    pthread_mutex_init(&store->readers_lock, NULL);
    sq_pins_init(&store->store.pins);
    sq_sqlite_txn_init(store);
    return store;
}

static DREY_ASYNC int open_pools(sq_sqlite *store, sq_error *error)
{
    int rc = drey_pool_open((drey_pool_options){.name = "sqlite-write", .threads = 1, .stack_size = THREAD_STACK},
                            &store->write_pool);
    if (rc == 0)
        rc = drey_pool_open(
            (drey_pool_options){.name = "sqlite-read", .threads = SQ_READERS, .stack_size = THREAD_STACK},
            &store->read_pool);
    return rc == -ENOMEM ? sq_fail_memory(error) : rc;
}

static DREY_ASYNC int open_tasks(drey_scope *scope, sq_sqlite *store, sq_error *error)
{
    int rc = sq_writer_open(scope, &store->store, run_group, &store->writer, error);
    if (rc < 0)
        return rc;
    rc = drey_go_daemon(scope, sq_sqlite_keep, store);
    if (rc < 0)
        return rc == -ENOMEM ? sq_fail_memory(error) : rc;
    store->keeps = true;
    drey_notify_one(&store->work);
    return 0;
}

static DREY_ASYNC int open_sqlite(drey_scope *scope, const char *path, const sq_store_options *options, sq_store **out,
                                  sq_error *error)
{
    if (!*path || strlen(path) >= SQ_PATH_BYTES)
        return sq_fail(error, SQ_USAGE, "sqlite: needs the path of a file");
    sq_sqlite *store = make_store(path, options);
    if (!store)
        return sq_fail_memory(error);
    opening o = {store, options->must_exist, error};
    int rc = open_pools(store, error);
    if (rc == 0)
        rc = sq_sqlite_write_call(store, open_on_pool, &o);
    if (rc < 0) {
        close_pools(store);
        return rc;
    }
    rc = open_tasks(scope, store, error);
    if (rc < 0)
        close_store(&store->store);
    else
        *out = &store->store;
    return rc;
}

const sq_scheme sq_scheme_sqlite = {.name = "sqlite", .open = open_sqlite, .restore = sq_sqlite_restore};
