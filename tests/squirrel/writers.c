/* SPDX-License-Identifier: MIT */
/* A process of writers for kill_test.py: writers STORE PROGRAM TASKS UPDATES CONTEXTS SEED
 *
 * TASKS tasks share a connection to the store's owner, which PROGRAM is, and together make UPDATES changes to contexts
 * c0, c1, ... of project p, each with the revision that it has seen. What became of each goes to standard output:
 *
 *     ack ID REV KEY             it was written, as this revision
 *     conflict ID SEEN CURRENT   somebody was faster
 *     error CODE MESSAGE         what must not happen */
#include <drey.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/discover.h"
#include "store/wall.h"
#include "transport/remote.h"

typedef struct writing {
    sq_discovery discovery;
    sq_site site;
    sq_manager *manager;
    int tasks, contexts;
    _Atomic int left;
    _Atomic uint64_t random;
} writing;

static uint64_t next_random(writing *w)
{
    uint64_t x = atomic_fetch_add(&w->random, UINT64_C(0x9e3779b97f4a7c15));
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void tell_error(const sq_error *error)
{
    printf("error %s %s\n", sq_code_name(error->code), error->message);
}

static DREY_ASYNC int look(writing *w, const char *id, int64_t *out_rev)
{
    const sq_revision *head;
    sq_error error;
    int rc = w->manager->ops->get(w->manager, "p", id, 0, &head, &error);
    if (rc < 0) {
        if (rc != -ECANCELED)
            tell_error(&error);
        return rc;
    }
    *out_rev = head->rev;
    sq_revision_unref(head);
    return 0;
}

/* One change; *rev is what was seen, and becomes what there is. */
static DREY_ASYNC int change(writing *w, const char *id, int64_t *rev)
{
    char key[SQ_UUID_BYTES], data[64];
    sq_written written = {0};
    sq_error error;
    sq_uuid7(sq_wall(), key);
    int bytes = snprintf(data, sizeof data, "{\"n\":%d}", (int)(next_random(w) % 1000000));
    sq_write write = {.verb = SQ_REPLACE, .project = "p", .id = id, .set = SQ_SET_DATA, .data = data,
                      .data_bytes = (size_t)bytes, .expected_rev = *rev, .principal = "local", .key = key};
    int rc = w->manager->ops->update(w->manager, &write, &written, &error);
    if (rc == 0) {
        *rev = written.revision->rev;
        printf("ack %s %lld %s\n", id, (long long)*rev, key);
    } else if (rc == -EINVAL && error.code == SQ_CONFLICT && written.current) {
        printf("conflict %s %lld %lld\n", id, (long long)*rev, (long long)written.current->rev);
        *rev = written.current->rev;
        rc = 0;
    } else if (rc != -ECANCELED) {
        tell_error(&error);
    }
    sq_written_free(&written);
    return rc;
}

static DREY_ASYNC int write_many(void *arg)
{
    writing *w = arg;
    char id[16];
    int64_t rev;
    int rc = 0;
    while (rc == 0 && atomic_fetch_sub(&w->left, 1) > 0) {
        snprintf(id, sizeof id, "c%d", (int)(next_random(w) % (unsigned)w->contexts));
        rc = look(w, id, &rev);
        if (rc == 0)
            rc = change(w, id, &rev);
    }
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    writing *w = arg;
    sq_error error;
    DREY_SCOPE(scope, .name = "writers");
    int rc = sq_remote_open(&scope, (sq_connector){sq_discover_connect, &w->discovery}, &w->manager, &error);
    if (rc == 0) {
        DREY_SCOPE(tasks, .name = "tasks");
        for (int i = 0; i < w->tasks && rc == 0; i++)
            rc = drey_go(&tasks, write_many, w);
        rc = drey_scope_close(&tasks, rc);
        w->manager->ops->close(w->manager);
    }
    return drey_scope_close(&scope, rc);
}

int main(int argc, char **argv)
{
    writing w = {0};
    sq_error error;
    if (argc != 7 || sq_site_find(argv[1], &w.site, &error) < 0)
        return 2;
    w.discovery = (sq_discovery){.site = &w.site, .program = argv[2], .idle_ms = 20000};
    w.tasks = atoi(argv[3]);
    w.left = atoi(argv[4]);
    w.contexts = atoi(argv[5]);
    w.random = strtoull(argv[6], NULL, 10);
    int rc = drey_run(NULL, run, &w);
    sq_site_free(&w.site);
    return rc < 0;
}
