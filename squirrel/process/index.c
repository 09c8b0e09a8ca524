/* SPDX-License-Identifier: MIT */
#include "process/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "process/compute.h"
#include "process/hash.h"
#include "process/load.h"
#include "json/stop.h"
#include "process/run.h"
#include "process/walk.h"

typedef struct peek_job {
    sq_run *run;
    char *path;
    size_t number;
} peek_job;

int sq_index_init(sq_index *index)
{
    return getrandom(index->key, sizeof index->key, 0) == sizeof index->key ? 0 : -EIO;
}

/* Only 0 is taken: it stands for none. */
static uint64_t hash_id(const sq_index *index, const char *project, const char *id)
{
    char name[2 * SQ_ID_BYTES + 2];
    int bytes = snprintf(name, sizeof name, "%s/%s", project, id);
    uint64_t hash = sq_hash(index->key, name, (size_t)bytes);
    return hash ? hash : 1;
}

static DREY_ASYNC int peek(void *arg)
{
    const peek_job *job = arg;
    sq_context context;
    sq_error error = {.code = SQ_OK};
    int rc = sq_load_context(job->run->compute, job->path, job->run->options->max_bytes, &context, &error);
    free(job->path);
    if (rc == -ECANCELED || error.code == SQ_QUOTA)
        return rc; /* what could not be looked at may be the parent that somebody wants */
    if (rc < 0)
        return 0; /* it will be reported as an input */
    {
        sq_index *index = &job->run->index;
        DREY_LOCKED(&index->lock);
        index->records[job->number] = (sq_index_record){
            .key = hash_id(index, context.project, context.id),
            .parent = context.parent_id ? hash_id(index, context.project, context.parent_id) : 0,
        };
    }
    sq_load_free(job->run->compute, &context);
    return 0;
}

static DREY_ASYNC int add_record(sq_index *index, size_t *room)
{
    DREY_LOCKED(&index->lock);
    if (index->record_count == *room) {
        size_t wanted = *room ? *room * 2 : 256;
        sq_index_record *records = realloc(index->records, wanted * sizeof *records);
        if (!records)
            return -ENOMEM;
        index->records = records;
        *room = wanted;
    }
    index->records[index->record_count++] = (sq_index_record){0};
    return 0;
}

static DREY_ASYNC int peek_all(sq_run *run, sq_walk *walk)
{
    DREY_SCOPE(scope, .limit = run->options->limit, .name = "index");
    size_t room = 0;
    int rc, failure;
    char *path;
    while ((rc = sq_walk_next(walk, &path, &failure)) > 0) {
        rc = failure == -EMFILE || failure == -ENFILE ? failure : add_record(&run->index, &room);
        peek_job job = {run, path, run->index.record_count - 1};
        bool started = rc == 0 && failure == 0;
        if (started)
            rc = drey_go_copy(&scope, peek, &job, sizeof job);
        if (!started || rc < 0)
            free(path);
        if (rc < 0)
            break;
    }
    return drey_scope_close(&scope, rc);
}

static int compare_keys(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static int add_entry(sq_index *index, uint64_t key, char *path)
{
    if (index->count == index->room) {
        size_t room = index->room ? index->room * 2 : 64;
        sq_index_entry *entries = realloc(index->entries, room * sizeof *entries);
        if (!entries)
            return -ENOMEM;
        index->entries = entries;
        index->room = room;
    }
    index->entries[index->count++] = (sq_index_entry){key, path};
    return 0;
}

/* Walks again and keeps the paths whose key some parent member asks for. */
static DREY_ASYNC int keep_parents(sq_index *index, sq_walk *walk, const uint64_t *wanted, size_t wanted_count)
{
    int rc = 0, failure;
    char *path;
    for (size_t i = 0; i < index->record_count && (rc = sq_walk_next(walk, &path, &failure)) > 0; i++) {
        uint64_t key = index->records[i].key;
        if (key != 0 && bsearch(&key, wanted, wanted_count, sizeof key, compare_keys))
            rc = add_entry(index, key, path);
        else
            rc = 1;
        if (rc != 0)
            free(path);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

typedef struct sort_job {
    void *items;
    size_t count, size;
} sort_job;

static int sort(void *arg)
{
    const sort_job *job = arg;
    return sq_sort(job->items, job->count, job->size, compare_keys) ? 0 : -ENOMEM;
}

static DREY_ASYNC int sort_keys(const sq_run *run, void *items, size_t count, size_t size)
{
    return count > 1 ? sq_compute(run->compute, count * size, sort, &(sort_job){items, count, size}) : 0;
}

static DREY_ASYNC int build_from(sq_run *run, sq_walk *walk)
{
    sq_index *index = &run->index;
    int rc = peek_all(run, walk);
    uint64_t *wanted = rc < 0 ? NULL : calloc(index->record_count + 1, sizeof *wanted);
    if (!wanted)
        return rc < 0 ? rc : -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < index->record_count; i++) {
        if (index->records[i].parent != 0)
            wanted[count++] = index->records[i].parent;
    }
    rc = sort_keys(run, wanted, count, sizeof *wanted);
    sq_walk_close(walk);
    sq_walk_open(walk, run->options->paths, run->options->path_count);
    if (rc == 0)
        rc = keep_parents(index, walk, wanted, count);
    if (rc == 0)
        rc = sort_keys(run, index->entries, index->count, sizeof *index->entries);
    free(wanted);
    return rc;
}

static DREY_ASYNC int build(void *arg)
{
    sq_run *run = arg;
    sq_walk *walk = malloc(sizeof *walk);
    int rc = -ENOMEM;
    if (walk) {
        sq_walk_open(walk, run->options->paths, run->options->path_count);
        rc = build_from(run, walk);
        sq_walk_close(walk);
        free(walk);
    }
    free(run->index.records);
    run->index.records = NULL;
    drey_gate_open(&run->index.built, rc);
    return rc;
}

/* Outside the limit and outside the asking input's own timeout: everybody waits for the one index. */
int sq_index_wait(sq_run *run, sq_error *error)
{
    int result;
    if (!atomic_exchange(&run->index.asked, true)) {
        int rc = drey_go_daemon(&run->work, build, run);
        if (rc < 0)
            drey_gate_open(&run->index.built, rc);
    }
    int rc = drey_gate_wait(&run->index.built, &result);
    if (rc == 0)
        rc = result;
    return rc < 0 && rc != -ECANCELED ? sq_fail_errno(error, rc, "looking for parents") : rc;
}

/* Inputs may be named twice, as by a file and its directory. */
static DREY_ASYNC bool same_file(const char *a, const char *b)
{
    struct stat one, two;
    if (strcmp(a, b) == 0)
        return true;
    return drey_file_stat(a, &one) == 0 && drey_file_stat(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

int sq_index_find(const sq_run *run, const char *project, const char *id, char **out_path, sq_error *error)
{
    const sq_index *index = &run->index;
    uint64_t key = hash_id(index, project, id);
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->count || index->entries[low].key != key)
        return sq_fail(error, SQ_BROKEN_PARENT, "its parent \"%s\" is not among the valid inputs of project \"%.60s\"",
                       id, project);
    for (size_t i = low + 1; i < index->count && index->entries[i].key == key; i++) {
        if (!same_file(index->entries[low].path, index->entries[i].path))
            return sq_fail(error, SQ_BROKEN_PARENT, "its parent \"%.60s\" is in two inputs: %.80s and %.80s", id,
                           index->entries[low].path, index->entries[i].path);
    }
    *out_path = strdup(index->entries[low].path);
    return *out_path ? 0 : sq_fail_memory(error);
}

void sq_index_deinit(sq_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free(index->entries[i].path);
    free(index->entries);
    drey_mutex_deinit(&index->lock);
    drey_gate_deinit(&index->built);
}
