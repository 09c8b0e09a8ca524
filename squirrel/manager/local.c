/* SPDX-License-Identifier: MIT */
/* The manager over a store of this process: decide, persist, publish (S1). Decided and persisted is by the store; its
 * listener publishes, to the cache and to the watchers, before the write is answered. So who has an answer finds its
 * write in the cache or in the store, and nobody finds what was not committed. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "manager/cache.h"
#include "manager/resolve.h"
#include "manager/watch.h"
#include "store/txn.h"
#include "store/wall.h"

enum { CACHE_BYTES = 32 << 20, WATCH_EVENTS = 1024, PROCESS_AT_ONCE = 16, CLOSE_SECONDS = 3600, REAP_BREAK = 256 };

typedef struct local {
    sq_manager manager;
    sq_store *store;
    sq_cache *cache;
    sq_watchers watchers;
    drey_duration reap_every;
    drey_notify closing;             /* for the reaper */
    drey_gate reaper_ended;
} local;

static local *local_of(sq_manager *manager)
{
    return (local *)manager;
}

static DREY_ASYNC void committed(void *arg, const sq_revision *const *revisions, size_t count)
{
    local *m = arg;
    sq_cache_publish(m->cache, revisions, count);
    sq_watchers_publish(&m->watchers, revisions, count);
}

static DREY_ASYNC int batch(sq_manager *manager, const sq_write *writes, size_t count, sq_written *out, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->write(store, writes, count, out, error);
}

static DREY_ASYNC int write_one(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error)
{
    return batch(manager, write, 1, out, error);
}

/* A head of the cache; 0: not there. */
static DREY_ASYNC int get_cached(local *m, const char *project, const char *id, int64_t rev, const sq_revision **out,
                                 uint64_t *out_stamp, sq_error *error)
{
    const sq_revision *head = sq_cache_get(m->cache, project, id, out_stamp);
    if (head && rev == 0 && !sq_revision_there(head, sq_wall())) {
        sq_revision_unref(head);
        return sq_fail_absent(error, project, id, &(sq_head){.state = SQ_LIVE});
    }
    if (head && (rev == 0 || rev == head->rev)) {
        *out = head;
        return 1;
    }
    sq_revision_unref(head);
    return 0;
}

static DREY_ASYNC int get(sq_manager *manager, const char *project, const char *id, int64_t rev,
                          const sq_revision **out, sq_error *error)
{
    local *m = local_of(manager);
    uint64_t stamp;
    int rc = get_cached(m, project, id, rev, out, &stamp, error);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = m->store->ops->get(m->store, project, id, rev, out, error);
    if (rc == 0 && rev == 0)
        sq_cache_fill(m->cache, *out, stamp);
    return rc;
}

static DREY_ASYNC int list(sq_manager *manager, const sq_list *asked, sq_page *out, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->list(store, asked, out, error);
}

static DREY_ASYNC int history(sq_manager *manager, const sq_history *asked, sq_page *out, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->history(store, asked, out, error);
}

static DREY_ASYNC int projects(sq_manager *manager, const char *after, sq_project *out, size_t *count, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->projects(store, after, out, count, error);
}

static DREY_ASYNC int resolve_with(local *m, const char *project, const char *id, sq_json *schema, sq_resolved *out,
                                   sq_error *error)
{
    const sq_revision *line[SQ_ANCESTORS_MAX + 1];
    size_t count = 0;
    int rc = m->store->ops->lineage(m->store, project, id, line, &count, error);
    return rc < 0 ? rc : sq_resolve_line(line, count, schema, m->store->options.limits.data_bytes, out, error);
}

static DREY_ASYNC int resolve(sq_manager *manager, const char *project, const char *id, sq_resolved *out,
                              sq_error *error)
{
    return resolve_with(local_of(manager), project, id, NULL, out, error);
}

typedef struct processing {
    local *m;
    const char *project;
    sq_json *schema;
    _Atomic size_t bytes;            /* of the results so far */
} processing;

typedef struct process_job {
    processing *all;
    const char *id;
    sq_processed *out;
} process_job;

/* Its failure is in the item. */
static DREY_ASYNC int process_one(void *arg)
{
    const process_job *job = arg;
    processing *all = job->all;
    sq_processed *out = job->out;
    out->rc = resolve_with(all->m, all->project, job->id, all->schema, &out->resolved, &out->error);
    if (out->rc == 0) {
        size_t bytes = out->resolved.data.bytes + out->resolved.revision->data_bytes;
        if (atomic_fetch_add(&all->bytes, bytes) + bytes > SQ_PROCESS_BYTES) {
            atomic_fetch_sub(&all->bytes, bytes);
            sq_resolved_free(&out->resolved);
            out->rc = sq_fail(&out->error, SQ_TOO_LARGE, "the results of all have over %d bytes: ask for fewer at once",
                              SQ_PROCESS_BYTES);
        }
    }
    return out->rc == -ECANCELED ? -ECANCELED : 0;
}

static DREY_ASYNC int process_all(local *m, const char *project, const char *const *ids, size_t count, sq_json *schema,
                                  sq_processed *out)
{
    processing all = {m, project, schema, 0};
    DREY_SCOPE(scope, .limit = PROCESS_AT_ONCE, .name = "process");
    int rc = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = (sq_processed){.rc = -ECANCELED};
    for (size_t i = 0; i < count && rc == 0; i++) {
        process_job job = {&all, ids[i], &out[i]};
        rc = drey_go_copy(&scope, process_one, &job, sizeof job);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int process(sq_manager *manager, const char *project, const char *const *ids, size_t count,
                              const char *schema, sq_processed *out, sq_error *error)
{
    sq_json *checked = NULL;
    if (count > SQ_PAGE_MAX)
        return sq_fail(error, SQ_INVALID, "at most %d contexts are processed at once, not %zu", SQ_PAGE_MAX, count);
    int rc = schema ? sq_resolve_schema(schema, &checked, error) : 0;
    if (rc < 0)
        return rc;
    rc = process_all(local_of(manager), project, ids, count, checked, out);
    sq_json_unref(checked);
    if (rc < 0) {
        for (size_t i = 0; i < count; i++)
            sq_resolved_free(&out[i].resolved);
    }
    return rc == -ENOMEM ? sq_fail_memory(error) : rc;
}

static DREY_ASYNC int watch_open(sq_manager *manager, const char *project, int64_t after, sq_watch **out,
                                 sq_error *error)
{
    return sq_watchers_open(&local_of(manager)->watchers, project, after, out, error);
}

static DREY_ASYNC int backup(sq_manager *manager, const char *path, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->backup(store, path, error);
}

static DREY_ASYNC int verify(sq_manager *manager, sq_verified *out, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->verify(store, out, error);
}

static DREY_ASYNC int scrub(sq_manager *manager, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->scrub(store, error);
}

static DREY_ASYNC int status(sq_manager *manager, sq_status *out, sq_error *error)
{
    sq_store *store = local_of(manager)->store;
    return store->ops->status(store, out, error);
}

/* ---- its life */

/* What has expired becomes a tombstone, a few at a time, so that writers are not kept waiting. */
static DREY_ASYNC int reap(local *m)
{
    size_t count = 1;
    sq_error error;
    int rc = 0;
    while (rc == 0 && count > 0)
        rc = m->store->ops->reap(m->store, &count, &error);
    return rc == -ECANCELED ? rc : 0;   /* the store says in its status what is wrong with it */
}

static DREY_ASYNC int reaper(void *arg)
{
    local *m = arg;
    int rc = 0;
    while (rc == 0) {
        drey_case cases[] = {drey_on_notify(&m->closing), drey_on_after(m->reap_every)};
        rc = drey_select(cases, 2);
        if (rc != 1)
            break;
        rc = reap(m);
    }
    drey_gate_open(&m->reaper_ended, 0);
    return 0;
}

static DREY_ASYNC int stop_reaper(local *m)
{
    int opened;
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(CLOSE_SECONDS), .name = "waiting for the reaper");
    drey_notify_one(&m->closing);
    int rc = drey_gate_wait(&m->reaper_ended, &opened);
    return drey_scope_close(&scope, rc);
}

static void local_free(local *m)
{
    drey_mutex_deinit(&m->watchers.lock);
    drey_gate_deinit(&m->reaper_ended);
    drey_notify_deinit(&m->closing);
    sq_cache_free(m->cache);
    free(m);
}

static DREY_ASYNC void close_manager(sq_manager *manager)
{
    local *m = local_of(manager);
    if (stop_reaper(m) < 0)
        return;   /* the runtime's grace is over, and the process is about to exit */
    m->store->ops->close(m->store);
    local_free(m);
}

static const sq_manager_ops local_ops = {
    .create = write_one,
    .update = write_one,
    .remove = write_one,
    .undo = write_one,
    .purge = write_one,
    .batch = batch,
    .get = get,
    .list = list,
    .history = history,
    .projects = projects,
    .resolve = resolve,
    .process = process,
    .watch_open = watch_open,
    .watch_next = sq_watchers_next,
    .watch_close = sq_watchers_close,
    .backup = backup,
    .verify = verify,
    .scrub = scrub,
    .status = status,
    .close = close_manager,
};

/* What is committed before it listens is in the store, and in no cache. */
int sq_local_over(drey_scope *scope, sq_store *store, const sq_local_options *options, sq_manager **out,
                  sq_error *error)
{
    sq_local_options o = options ? *options : (sq_local_options){0};
    local *m = calloc(1, sizeof *m);
    int rc = m && sq_cache_new(o.cache_bytes ? o.cache_bytes : CACHE_BYTES, &m->cache) == 0 ? 0 : -ENOMEM;
    if (rc == 0) {
        m->manager.ops = &local_ops;
        m->store = store;
        m->watchers.manager = &m->manager;
        m->watchers.max_events = o.watch_events ? o.watch_events : WATCH_EVENTS;
        m->watchers.store = store;
        m->reap_every = o.reap_every ? o.reap_every : DREY_SEC(60);
        store->options.arg = m;
        /* A store may commit by itself, as dir: does with what others edit. */
        __atomic_store_n(&store->options.committed, committed, __ATOMIC_RELEASE);
        rc = drey_go_daemon(scope, reaper, m);
        if (rc < 0)
            sq_cache_free(m->cache);
    }
    if (rc < 0) {
        store->ops->close(store);
        free(m);
        return rc == -ENOMEM ? sq_fail_memory(error) : rc;
    }
    *out = &m->manager;
    return 0;
}

int sq_local_open(drey_scope *scope, const char *url, const sq_local_options *options, sq_manager **out,
                  sq_error *error)
{
    sq_store *store;
    int rc = sq_store_open(scope, url, options ? &options->store : NULL, &store, error);
    return rc < 0 ? rc : sq_local_over(scope, store, options, out, error);
}
