/* SPDX-License-Identifier: MIT */
/* The interface: opening, asking, closing. */
#include "store/dir/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/files.h"
#include "store/heavy.h"
#include "store/schemes.h"

enum { REAP_AT_ONCE = 256, THREAD_STACK = 1 << 20, CLOSE_SECONDS = 3600 };

static sq_dir *dir_of(sq_store *store)
{
    return (sq_dir *)store;
}

/* ---- reading: a body is loaded where the reader is */

static DREY_ASYNC int load(sq_store *store, const sq_revision *thin, int64_t place, const sq_revision **out,
                           sq_error *error)
{
    return sq_journal_load(&dir_of(store)->journal, thin, place, out, error);
}

static int load_here(sq_store *store, const sq_revision *thin, int64_t place, const sq_revision **out, sq_error *error)
{
    return sq_journal_load_here(&dir_of(store)->journal, false, thin, place, out, error);
}

typedef struct reading {
    sq_reader reader;
    sq_journal_file *file; /* J3 */
} reading;

static reading start(sq_store *store)
{
    sq_dir *dir = dir_of(store);
    return (reading){{.store = store, .tables = &dir->tables, .load = load}, sq_journal_use(&dir->journal)};
}

static DREY_ASYNC int end(sq_store *store, const reading *r, int rc)
{
    sq_journal_done(&dir_of(store)->journal, r->file);
    return rc;
}

static DREY_ASYNC int get(sq_store *store, const char *project, const char *id, int64_t rev, const sq_revision **out,
                          sq_error *error)
{
    reading r = start(store);
    return end(store, &r, sq_read_get(&r.reader, project, id, rev, out, error));
}

static DREY_ASYNC int lineage(sq_store *store, const char *project, const char *id, const sq_revision **out,
                              size_t *out_count, sq_error *error)
{
    reading r = start(store);
    return end(store, &r, sq_read_lineage(&r.reader, project, id, out, out_count, error));
}

typedef struct list_run {
    reading r;
    const sq_list *asked;
    sq_page *out;
    sq_error *error;
} list_run;

static int list_deep(void *arg)
{
    const list_run *l = arg;
    return sq_read_list(&l->r.reader, l->asked, l->out, l->error);
}

/* Heads alone are in memory; bodies are read on a thread. */
static DREY_ASYNC int list(sq_store *store, const sq_list *asked, sq_page *out, sq_error *error)
{
    list_run args = {start(store), asked, out, error};
    bool bodies = !asked->without_data || (asked->query && asked->query[0]);
    args.r.reader.load = load_here;
    return end(store, &args.r, sq_heavy(bodies ? SIZE_MAX : 0, list_deep, &args));
}

static DREY_ASYNC int history(sq_store *store, const sq_history *asked, sq_page *out, sq_error *error)
{
    reading r = start(store);
    return end(store, &r, sq_read_history(&r.reader, asked, out, error));
}

static DREY_ASYNC int changes(sq_store *store, const char *project, int64_t after, uint32_t limit, size_t max_bytes,
                              sq_changes *out, sq_error *error)
{
    reading r = start(store);
    return end(store, &r, sq_read_changes(&r.reader, project, after, limit, max_bytes, out, error));
}

static DREY_ASYNC int projects(sq_store *store, const char *after, sq_project *out, size_t *count, sq_error *error)
{
    (void)error;
    sq_reader reader = {.store = store, .tables = &dir_of(store)->tables};
    return sq_read_projects(&reader, after, out, count);
}

static void add_keeper(sq_keeper *keeper, sq_status *out)
{
    pthread_mutex_lock(&keeper->lock);
    out->conflicts = keeper->conflicts;
    out->scrubs = keeper->scrubs;
    if (strcmp(out->condition, "ok") == 0 && keeper->trouble.code != SQ_OK) {
        snprintf(out->condition, sizeof out->condition, "degraded");
        memcpy(out->last_error, keeper->trouble.message, sizeof out->last_error);
    }
    pthread_mutex_unlock(&keeper->lock);
}

static DREY_ASYNC int status(sq_store *store, sq_status *out, sq_error *error)
{
    (void)error;
    sq_dir *dir = dir_of(store);
    sq_reader reader = {.store = store, .tables = &dir->tables};
    sq_status made = {.store = "dir"};
    snprintf(made.path, sizeof made.path, "%.*s", (int)sizeof made.path - 1, dir->path);
    sq_writer_status(dir->writer, &made);
    sq_read_totals(&reader, &made);
    add_keeper(&dir->keeper, &made);
    *out = made;
    return 0;
}

/* ---- writing */

static DREY_ASYNC int write_all(sq_store *store, const sq_write *writes, size_t count, sq_written *out, sq_error *error)
{
    return sq_writer_write(dir_of(store)->writer, writes, count, out, error);
}

static int reap_some(sq_txn *txn, void *arg, sq_error *error)
{
    return sq_decide_reap(txn, REAP_AT_ONCE, arg, error);
}

static DREY_ASYNC int reap(sq_store *store, size_t *out_count, sq_error *error)
{
    size_t count = 0;
    int rc = sq_writer_call(dir_of(store)->writer, reap_some, &count, false, error);
    if (rc == 0)
        *out_count = count;
    return rc;
}

/* ---- closing */

/* The last notes, and an empty group behind them (J2). A failure changes nothing for who opens it. */
static DREY_ASYNC void end_journal(sq_dir *dir)
{
    bool clean;
    for (int i = 0; i < 2; i++) {
        sq_text_clear(&dir->journal.pending);
        if (i == 0)
            sq_keeper_put_notes(dir);
        if (i == 0 && dir->journal.pending.bytes == 0)
            continue;
        sq_journal_seal(&dir->journal);
        if (dir->journal.pending.failed || sq_journal_append(&dir->journal, &clean) < 0)
            return;
    }
}

/* Whatever was cancelled. */
static DREY_ASYNC int end_files(sq_dir *dir)
{
    int ended;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(CLOSE_SECONDS), .name = "closing a store");
    int rc = dir->keeper.runs ? drey_gate_wait(&dir->keeper.ended, &ended) : 0;
    sq_status status = {0};
    if (rc == 0 && dir->writer) {
        sq_writer_status(dir->writer, &status);
        sq_writer_close(dir->writer);
    }
    if (strcmp(status.condition, "ok") == 0)
        end_journal(dir);
    if (rc == 0 && dir->opened)
        sq_journal_close(&dir->journal);
    return drey_scope_close(&scope, rc);
}

static void free_keeper(sq_keeper *keeper)
{
    free(keeper->changed);
    free(keeper->notes);
    free(keeper->purged);
    drey_notify_deinit(&keeper->work);
    drey_gate_deinit(&keeper->ready);
    drey_gate_deinit(&keeper->ended);
    pthread_mutex_destroy(&keeper->lock);
}

static DREY_ASYNC void free_store(sq_dir *dir)
{
    if (end_files(dir) < 0 || (dir->pool && drey_pool_close(dir->pool) < 0))
        return; /* the runtime's grace is over: the process is about to exit */
    free_keeper(&dir->keeper);
    sq_stage_deinit(&dir->stage);
    sq_tables_deinit(&dir->tables);
    sq_pins_deinit(&dir->store.pins);
    free(dir);
}

static DREY_ASYNC void close_store(sq_store *store)
{
    sq_dir *dir = dir_of(store);
    dir->keeper.closing = true;
    drey_notify_one(&dir->keeper.work);
    free_store(dir);
}

static const sq_store_ops ops = {
    .scheme = "dir",
    .write = write_all,
    .get = get,
    .lineage = lineage,
    .list = list,
    .history = history,
    .changes = changes,
    .projects = projects,
    .status = status,
    .reap = reap,
    .backup = sq_dir_backup,
    .verify = sq_dir_verify,
    .scrub = sq_dir_scrub,
    .close = close_store,
};

static sq_dir *make_store(const char *path, const sq_store_options *options)
{
    sq_dir *dir = calloc(1, sizeof *dir);
    if (!dir || sq_tables_init(&dir->tables) < 0) {
        free(dir);
        return NULL;
    }
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/')
        bytes--;
    memcpy(dir->path, path, bytes);
    snprintf(dir->own, sizeof dir->own, "%.*s/.squirrel", SQ_DIR_PATH_BYTES - 16, dir->path);
    dir->store.ops = &ops;
    dir->store.options = *options;
    sq_pins_init(&dir->store.pins);
    pthread_mutex_init(&dir->keeper.lock, NULL);
    sq_stage_init(&dir->stage, &dir->tables, &dir->store, &sq_dir_txn_ops);
    return dir;
}

/* Returns once it has looked at everything; what keeps sheets and store apart then is in the status. */
static DREY_ASYNC int start_keeper(drey_scope *scope, sq_dir *dir, sq_error *error)
{
    int found, rc = drey_go_daemon(scope, sq_keeper_main, dir);
    if (rc < 0)
        return rc == -ENOMEM ? sq_fail_memory(error) : rc;
    dir->keeper.runs = true;
    rc = drey_gate_wait(&dir->keeper.ready, &found);
    return rc < 0 ? rc : found == -ECANCELED ? found : 0;
}

static DREY_ASYNC int open_dir(drey_scope *scope, const char *path, const sq_store_options *options, sq_store **out,
                               sq_error *error)
{
    if (!*path || strlen(path) >= SQ_DIR_PATH_BYTES - 512)
        return sq_fail(error, SQ_USAGE, "dir: needs the path of a folder");
    sq_dir *dir = make_store(path, options);
    if (!dir)
        return sq_fail_memory(error);
    drey_pool_options pool = {.name = "squirrel-dir", .threads = 1, .stack_size = THREAD_STACK};
    int rc = drey_pool_open(pool, &dir->pool);
    if (rc < 0)
        rc = sq_fail_memory(error);
    if (rc == 0)
        rc = sq_dir_open(dir, options->must_exist, error);
    if (rc == 0)
        rc = sq_writer_open(scope, &dir->store, sq_dir_run_group, &dir->writer, error);
    if (rc == 0)
        rc = start_keeper(scope, dir, error);
    if (rc < 0)
        close_store(&dir->store);
    else
        *out = &dir->store;
    return rc;
}

const sq_scheme sq_scheme_dir = {.name = "dir", .open = open_dir, .restore = sq_dir_restore};
