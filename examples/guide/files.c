/* SPDX-License-Identifier: MIT */
/*
 * Files, and work that blocks: read and replace a file, call a library that blocks or computes long, and one that needs
 * much stack.
 *
 * Prints:
 *     too large: File too large
 *     stored and loaded: {"step": 2}
 *     checksum: 1109
 *     interrupted: Operation canceled
 *     depth: 1000
 */
#include <drey.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static DREY_ASYNC int load_and_store(const char *path)
{
    static const char text[] = "{\"step\": 2}";
    void *data;
    size_t bytes;
    int rc = drey_file_store(path, text, sizeof text - 1, 0644);   /* the old file or the new one, also after a crash */
    if (rc < 0)
        return rc;
    printf("too large: %s\n", strerror(-drey_file_load(path, 4, &data, &bytes)));
    rc = drey_file_load(path, 1 << 20, &data, &bytes);
    if (rc < 0)
        return rc;
    printf("stored and loaded: %s\n", (char *)data);
    free(data);
    return 0;
}

typedef struct checksum_job {
    const char *text;
    unsigned sum;
} checksum_job;

/* On a thread of the pool: no task, so nothing here may be DREY_ASYNC. */
static int checksum(void *arg)
{
    checksum_job *job = arg;
    for (const char *c = job->text; *c != '\0'; c++)
        job->sum += (unsigned char)*c;
    return 0;
}

static DREY_ASYNC int compute_elsewhere(void)
{
    checksum_job job = {.text = "structured"};
    int rc = drey_offload(checksum, &job);            /* only this task waits */
    if (rc == 0)
        printf("checksum: %u\n", job.sum);
    return rc;
}

typedef struct query {
    atomic_bool interrupted;
} query;

/* Stands for a database call that only the library's own interrupt ends early. */
static int run_query(void *arg)
{
    query *q = arg;
    while (!atomic_load(&q->interrupted))
        usleep(1000);
    return -ECANCELED;
}

static void interrupt_query(void *arg)
{
    atomic_store(&((query *)arg)->interrupted, true);
}

/* Running work is waited for, so its memory may be in this frame; the hook makes it return early. */
static DREY_ASYNC int query_with_timeout(void)
{
    query q = {0};
    drey_pool *database;
    int rc = drey_pool_open((drey_pool_options){.name = "database", .threads = 2, .queue = 16}, &database);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope, .timeout = DREY_MS(20));
    drey_job job = {.fn = run_query, .arg = &q, .interrupt = interrupt_query};
    int result = drey_pool_call(database, &job);
    printf("interrupted: %s\n", strerror(-result));
    rc = drey_scope_close(&scope, result);
    int closed = drey_pool_close(database);
    return rc == -ETIMEDOUT ? closed : rc;
}

static int descend(int depth)
{
    volatile char frame[512];
    frame[0] = 0;
    return depth == 0 ? frame[0] : 1 + descend(depth - 1);
}

/* Half a megabyte of frames: too much for a task's 64 KB, no problem on the worker's deep stack. */
static int recurse(void *arg)
{
    return descend(*(int *)arg);
}

static DREY_ASYNC int run(void *arg)
{
    int depth = 1000;
    int rc = load_and_store(arg);
    if (rc == 0)
        rc = compute_elsewhere();
    if (rc == 0)
        rc = query_with_timeout();
    if (rc == 0)
        printf("depth: %d\n", drey_call_deep(recurse, &depth));
    return rc;
}

int main(void)
{
    char path[] = P_tmpdir "/context-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) {
        perror(path);
        return EXIT_FAILURE;
    }
    close(fd);
    int rc = drey_run(NULL, run, path);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    unlink(path);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
