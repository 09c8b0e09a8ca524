/* SPDX-License-Identifier: MIT */
/* Over the socket of a store's owner: each client has a connection of its own and one request at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "service/discover.h"
#include "service/owner.h"
#include "store/wall.h"
#include "transport/remote.h"

enum { STATUS_MS = 100, BODIES = 20000 };

typedef struct run {
    sq_site site;
    sq_discovery discovery;
    long count; /* 0: until `until` */
    int clients, seconds;
    drey_time until;
    long next, first; /* all tasks are on one worker */
    double *ms;       /* of each write; NULL: not kept */
    long lag_max;
} run;

static int complain(int rc, const sq_error *error)
{
    fprintf(stderr, "bench-store: %s\n", rc == -ECANCELED ? "canceled" : error->message);
    return rc;
}

static DREY_ASYNC int write_one(sq_manager *manager, long i)
{
    char id[32], body[BENCH_BODY_ROOM], key[SQ_UUID_BYTES];
    sq_written written;
    sq_error error;
    sq_write write = bench_write(i, id, body);
    sq_uuid7(sq_wall(), key);
    write.verb = SQ_CREATE;
    write.expected_rev = SQ_REV_NONE;
    write.key = key;
    int rc = manager->ops->create(manager, &write, &written, &error);
    if (rc < 0)
        return complain(rc, &error);
    sq_written_free(&written);
    return 0;
}

static bool more(const run *r)
{
    return r->count ? r->next < r->count : drey_now() < r->until;
}

static DREY_ASYNC int write_some(run *r, sq_manager *manager)
{
    int rc = 0;
    while (rc == 0 && more(r)) {
        long i = r->next++;
        drey_time start = drey_now();
        rc = write_one(manager, r->first + i);
        if (r->ms)
            r->ms[i] = (double)(drey_now() - start) / 1e6;
    }
    return rc;
}

/* With a connection, which the first call makes. */
typedef DREY_ASYNC int work(run *r, sq_manager *manager);

static DREY_ASYNC int with_manager(run *r, work *fn)
{
    sq_manager *manager;
    sq_error error;
    DREY_SCOPE(scope);
    int rc = sq_remote_open(&scope, (sq_connector){sq_discover_connect, &r->discovery}, &manager, &error);
    if (rc == 0) {
        rc = fn(r, manager);
        manager->ops->close(manager);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int client(void *arg)
{
    return with_manager(arg, write_some);
}

static DREY_ASYNC int watch_lag(run *r, sq_manager *manager)
{
    sq_error error;
    int rc = 0;
    while (rc == 0 && more(r)) {
        sq_status status;
        rc = manager->ops->status(manager, &status, &error);
        if (rc < 0)
            return complain(rc, &error);
        r->lag_max = status.index_lag > r->lag_max ? status.index_lag : r->lag_max;
        rc = drey_sleep(DREY_MS(STATUS_MS));
    }
    return rc;
}

static DREY_ASYNC int watcher(void *arg)
{
    return with_manager(arg, watch_lag);
}

static DREY_ASYNC int run_clients(run *r)
{
    DREY_SCOPE(scope);
    int rc = r->seconds ? drey_go(&scope, watcher, r) : 0;
    for (int i = 0; i < r->clients && rc == 0; i++)
        rc = drey_go(&scope, client, r);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int clients(void *arg)
{
    run *r = arg;
    double cpu = bench_cpu_ms();
    r->first = time(NULL) * 1000000;
    drey_time start = drey_now();
    r->until = start + DREY_SEC(r->seconds);
    int rc = run_clients(r);
    double seconds = (double)(drey_now() - start) / 1e9;
    if (rc < 0)
        return rc;
    printf("{\"figure\":\"clients\",\"per_second\":%.0f,\"writes\":%ld,\"client_cpu_ms\":%.4f,\"lag_max\":%ld}\n",
           (double)r->next / seconds, r->next, (bench_cpu_ms() - cpu) / (double)r->next, r->lag_max);
    if (r->ms)
        bench_report("write", r->ms, (size_t)r->count, 0);
    return 0;
}

static int start(run *r, const char *url, drey_fn *fn)
{
    sq_error error;
    if (sq_site_find(url, &r->site, &error) < 0) {
        complain(-EINVAL, &error);
        return 2;
    }
    r->discovery = (sq_discovery){.site = &r->site, .program = getenv("BENCH_SQUIRREL")};
    int rc = drey_run(&(drey_config){.workers = 1}, fn, r);
    sq_site_free(&r->site);
    free(r->ms);
    return rc < 0;
}

int bench_clients(const char *url, long count, int clients_count)
{
    bench_make_bodies(BODIES);
    run r = {.count = count, .clients = clients_count, .ms = calloc((size_t)count, sizeof *r.ms)};
    return start(&r, url, clients);
}

int bench_sustain(const char *url, int seconds, int clients_count)
{
    bench_make_bodies(BODIES);
    run r = {.seconds = seconds, .clients = clients_count};
    return start(&r, url, clients);
}

int bench_owner(const char *url, uint32_t group)
{
    sq_site site;
    sq_error error;
    if (sq_site_find(url, &site, &error) < 0)
        return 2;
    int status = sq_owner_run(&(sq_owner_options){.site = &site, .local.store.group_writes = group});
    sq_site_free(&site);
    return status;
}

/* What one client does, one after the other: the work of the reference memory server's tools. */

static DREY_ASYNC int get_one(sq_manager *manager, long i)
{
    char id[32];
    const sq_revision *found;
    sq_error error;
    snprintf(id, sizeof id, "c%ld", i);
    int rc = manager->ops->get(manager, bench_project(i), id, 0, &found, &error);
    if (rc < 0)
        return complain(rc, &error);
    sq_revision_unref(found);
    return 0;
}

static DREY_ASYNC int search_one(sq_manager *manager, int i)
{
    char text[BENCH_WORD_ROOM];
    sq_page page;
    sq_error error;
    bench_query(i, text);
    sq_list list = {.project = "big", .query = text, .principal = "bench"};
    int rc = manager->ops->list(manager, &list, &page, &error);
    if (rc < 0)
        return complain(rc, &error);
    sq_page_free(&page);
    return 0;
}

static DREY_ASYNC int one_of(run *r, sq_manager *manager, int kind, long i)
{
    long stored = r->first;
    return kind == 0   ? write_one(manager, time(NULL) * 1000000 + i)
           : kind == 1 ? get_one(manager, (long)(bench_draw() % (uint64_t)stored))
                       : search_one(manager, (int)i);
}

static DREY_ASYNC int do_single(run *r, sq_manager *manager)
{
    static const char *const names[] = {"create", "get", "search"};
    double *ms = calloc((size_t)r->count, sizeof *ms);
    int rc = ms ? 0 : -ENOMEM;
    for (int kind = 0; kind < 3 && rc == 0; kind++) {
        for (long i = 0; i < r->count && rc == 0; i++) {
            drey_time begun = drey_now();
            rc = one_of(r, manager, kind, i);
            ms[i] = (double)(drey_now() - begun) / 1e6;
        }
        if (rc == 0)
            bench_report(names[kind], ms, (size_t)r->count, 0);
    }
    free(ms);
    return rc;
}

static DREY_ASYNC int single(void *arg)
{
    return with_manager(arg, do_single);
}

int bench_single(const char *url, long count, long stored)
{
    run r = {.count = count, .first = stored};
    return start(&r, url, single);
}
