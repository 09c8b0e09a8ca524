/* SPDX-License-Identifier: MIT */
/* A store without protocols around it. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "bench.h"

enum { TASKS = 64, GETS = 10000, CREATES = 1000, PASSES = 3 };

typedef struct run {
    const char *url;
    uint32_t group;
    long count;
    sq_store *store;
    long next; /* the write that is to be made; all tasks are on one worker */
} run;

static int complain(int rc, const sq_error *error)
{
    fprintf(stderr, "bench-store: %s\n", rc == -ECANCELED ? "canceled" : error->message);
    return rc;
}

static DREY_ASYNC int write_one(run *r, long i)
{
    char id[32], body[BENCH_BODY_ROOM];
    sq_written written;
    sq_error error;
    sq_write write = bench_write(i, id, body);
    int rc = r->store->ops->write(r->store, &write, 1, &written, &error);
    if (rc < 0)
        return complain(rc, &error);
    sq_written_free(&written);
    return 0;
}

static DREY_ASYNC int write_some(void *arg)
{
    run *r = arg;
    int rc = 0;
    while (rc == 0 && r->next < r->count)
        rc = write_one(r, r->next++);
    return rc;
}

static DREY_ASYNC int write_all(run *r)
{
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, write_some, r);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int open_store(drey_scope *scope, run *r)
{
    sq_error error = {0};
    int rc = sq_store_open(scope, r->url, &(sq_store_options){.group_writes = r->group}, &r->store, &error);
    return rc < 0 ? complain(rc, &error) : 0;
}

static DREY_ASYNC int64_t lag(run *r)
{
    sq_status status = {0};
    sq_error error;
    return r->store->ops->status(r->store, &status, &error) < 0 ? -1 : status.index_lag;
}

static DREY_ASYNC int direct(void *arg)
{
    run *r = arg;
    DREY_SCOPE(scope);
    int rc = open_store(&scope, r);
    if (rc == 0) {
        double cpu = bench_cpu_ms();
        drey_time start = drey_now();
        rc = write_all(r);
        double seconds = (double)(drey_now() - start) / 1e9;
        printf("{\"figure\":\"direct\",\"per_second\":%.0f,\"cpu_ms\":%.4f,\"lag\":%lld}\n", (double)r->count / seconds,
               (bench_cpu_ms() - cpu) / (double)r->count, (long long)lag(r));
        r->store->ops->close(r->store);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int fill(void *arg)
{
    run *r = arg;
    DREY_SCOPE(scope);
    int rc = open_store(&scope, r);
    if (rc == 0) {
        drey_time start = drey_now();
        rc = write_all(r);
        while (rc == 0 && lag(r) > 0)
            rc = drey_sleep(DREY_MS(50));
        printf("{\"figure\":\"fill\",\"contexts\":%ld,\"seconds\":%.1f}\n", r->count,
               (double)(drey_now() - start) / 1e9);
        r->store->ops->close(r->store);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int measure_get(run *r)
{
    static double ms[GETS];
    double cpu = bench_cpu_ms();
    for (int i = 0; i < GETS; i++) {
        char id[32];
        const sq_revision *found;
        sq_error error;
        long n = (long)(bench_draw() % (uint64_t)r->count);
        snprintf(id, sizeof id, "c%ld", n);
        drey_time start = drey_now();
        int rc = r->store->ops->get(r->store, bench_project(n), id, 0, &found, &error);
        if (rc < 0)
            return complain(rc, &error);
        ms[i] = (double)(drey_now() - start) / 1e6;
        sq_revision_unref(found);
    }
    bench_report("get", ms, GETS, bench_cpu_ms() - cpu);
    return 0;
}

/* One after the other; ids that no run before had. */
static DREY_ASYNC int measure_create(run *r)
{
    double ms[CREATES], cpu = bench_cpu_ms();
    long first = time(NULL) * CREATES;
    int rc = 0;
    for (int i = 0; i < CREATES && rc == 0; i++) {
        drey_time start = drey_now();
        rc = write_one(r, first + i);
        ms[i] = (double)(drey_now() - start) / 1e6;
    }
    if (rc == 0)
        bench_report("create", ms, CREATES, bench_cpu_ms() - cpu);
    return rc;
}

static DREY_ASYNC int measure_list(run *r, const char *figure, const char *project, bool query, sq_order order)
{
    enum { TIMES = PASSES * BENCH_QUERIES };
    double ms[TIMES], cpu = bench_cpu_ms();
    for (int i = 0; i < TIMES; i++) {
        char text[BENCH_WORD_ROOM] = "";
        sq_page page;
        sq_error error;
        if (query)
            bench_query(i, text);
        sq_list list = {.project = project, .query = text, .order = order, .principal = "bench"};
        drey_time start = drey_now();
        int rc = r->store->ops->list(r->store, &list, &page, &error);
        if (rc < 0)
            return complain(rc, &error);
        ms[i] = (double)(drey_now() - start) / 1e6;
        sq_page_free(&page);
    }
    bench_report(figure, ms, TIMES, bench_cpu_ms() - cpu);
    return 0;
}

static DREY_ASYNC int reads(void *arg)
{
    run *r = arg;
    DREY_SCOPE(scope);
    int rc = open_store(&scope, r);
    if (rc == 0) {
        rc = measure_get(r);
        rc = rc < 0 ? rc : measure_list(r, "list", "big", false, SQ_NEWEST);
        rc = rc < 0 ? rc : measure_list(r, "search", "big", true, SQ_NEWEST);
        rc = rc < 0 ? rc : measure_list(r, "search_tenth", "small", true, SQ_NEWEST);
        rc = rc < 0 ? rc : measure_list(r, "search_none", "other", true, SQ_NEWEST);
        rc = rc < 0 ? rc : measure_list(r, "relevance", "big", true, SQ_RELEVANCE);
        rc = rc < 0 ? rc : measure_create(r);
        r->store->ops->close(r->store);
    }
    return drey_scope_close(&scope, rc);
}

static int start(const char *url, uint32_t group, long count, drey_fn *fn)
{
    run r = {.url = url, .group = group, .count = count};
    return drey_run(&(drey_config){.workers = 1}, fn, &r) < 0;
}

int bench_direct(const char *url, uint32_t group, long count)
{
    return start(url, group, count, direct);
}

int bench_fill(const char *url, long count)
{
    return start(url, 0, count, fill);
}

int bench_reads(const char *url, long count)
{
    return start(url, 0, count, reads);
}
