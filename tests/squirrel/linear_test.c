/* SPDX-License-Identifier: MIT */
/* Histories of clients that read and write a few contexts through the manager must be linearizable (S1), and those of a
 * manager that publishes before the commit must not pass. The checker is tried first on histories made by hand. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/kit.h"
#include "linear.h"
#include "manager/manager.h"
#include "slow_store.h"

#define OPS(...) (const linear_op[]){__VA_ARGS__}, sizeof((linear_op[]){__VA_ARGS__}) / sizeof(linear_op)

static int check(const linear_op *ops, size_t count)
{
    unsigned key;
    return linear_check(ops, count, 2, &key);
}

DREY_TEST(the_checker_accepts_what_has_an_order, .no_runtime = true)
{
    DREY_CHECK_EQ(check(OPS({LINEAR_READ, 0, 0, 0, 0, false, 0, 1}, {LINEAR_WRITE, 0, 0, 1, 7, false, 1, 2},
                            {LINEAR_READ, 0, 0, 1, 7, false, 2, 3})), 1);
    /* A read beside a write may see either. */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 1, 7, false, 0, 9}, {LINEAR_READ, 0, 0, 0, 0, false, 1, 2},
                            {LINEAR_READ, 0, 0, 1, 7, false, 3, 4})), 1);
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 1, 7, false, 0, 1}, {LINEAR_CAS, 0, 1, 2, 8, false, 1, 9},
                            {LINEAR_REFUSED, 0, 1, 2, 0, false, 2, 8})), 1);
    /* An unknown write may have happened much later, or never. */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 0, 7, true, 0, 1}, {LINEAR_READ, 0, 0, 0, 0, false, 5, 6},
                            {LINEAR_READ, 0, 0, 1, 7, false, 7, 8}, {LINEAR_WRITE, 0, 0, 0, 9, true, 7, 8})), 1);
    return 0;
}

DREY_TEST(the_checker_refuses_what_has_none, .no_runtime = true)
{
    /* stale read */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 1, 0, 1, 7, false, 0, 1}, {LINEAR_READ, 1, 0, 0, 0, false, 1, 2})), 0);
    /* new, then old again */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 1, 7, false, 0, 9}, {LINEAR_READ, 0, 0, 1, 7, false, 1, 2},
                            {LINEAR_READ, 0, 0, 0, 0, false, 3, 4})), 0);
    /* one rev for two */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 1, 7, false, 0, 9}, {LINEAR_WRITE, 0, 0, 1, 8, false, 0, 9})), 0);
    /* a lost update */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 1, 7, false, 0, 1}, {LINEAR_CAS, 0, 1, 2, 8, false, 2, 5},
                            {LINEAR_CAS, 0, 1, 2, 9, false, 2, 5})), 0);
    /* seen before it was called */
    DREY_CHECK_EQ(check(OPS({LINEAR_WRITE, 0, 0, 0, 7, true, 5, 6}, {LINEAR_READ, 0, 0, 1, 7, false, 1, 2})), 0);
    return 0;
}

enum { CLIENTS = 20, EACH = 100, KEYS = 8, OPS_MAX = CLIENTS * EACH + KEYS };

typedef struct history {
    sq_manager *m;
    unsigned random;
    int64_t clock, value;
    linear_op ops[OPS_MAX];
    size_t count;
} history;

static unsigned draw(history *h, unsigned below)
{
    unsigned next = __atomic_add_fetch(&h->random, 0x9e3779b9u, __ATOMIC_RELAXED);
    next = (next ^ next >> 16) * 0x7feb352du;
    next = (next ^ next >> 15) * 0x846ca68bu;
    return (next ^ next >> 16) % below;
}

static int64_t tick(history *h)
{
    return __atomic_fetch_add(&h->clock, 1, __ATOMIC_SEQ_CST);
}

static int64_t value_of(const sq_revision *revision)
{
    return strtoll(strchr(revision->data, ':') + 1, NULL, 10);
}

/* The head as a read found it; 0 or a negative errno. */
static DREY_ASYNC int read_one(history *h, linear_op *op, const char *id)
{
    sq_error error;
    const sq_revision *head;
    op->kind = LINEAR_READ;
    int rc = h->m->ops->get(h->m, "p", id, 0, &head, &error);
    if (rc == -EINVAL && error.code == SQ_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    op->rev = head->rev;
    op->value = value_of(head);
    sq_revision_unref(head);
    return 0;
}

static DREY_ASYNC int write_one(history *h, linear_op *op, const char *id, int64_t expected)
{
    char data[64];
    sq_error error;
    sq_written written;
    op->value = __atomic_add_fetch(&h->value, 1, __ATOMIC_RELAXED);
    int bytes = snprintf(data, sizeof data, "{\"v\":%lld}", (long long)op->value);
    sq_write write = {.verb = expected ? SQ_REPLACE : SQ_PATCH, .project = "p", .id = id, .principal = "local:1",
                      .expires_at = SQ_NEVER, .set = SQ_SET_DATA, .data = data, .data_bytes = (size_t)bytes,
                      .expected_rev = expected};
    op->kind = expected ? LINEAR_CAS : LINEAR_WRITE;
    op->expected = expected;
    int rc = h->m->ops->update(h->m, &write, &written, &error);
    if (rc == 0)
        op->rev = written.revision->rev;
    if (rc == -EINVAL && error.code == SQ_CONFLICT) {
        op->kind = LINEAR_REFUSED;
        op->rev = written.current->rev;
    }
    if (rc == -EINVAL && error.code == SQ_UNKNOWN_OUTCOME)
        op->pending = true;
    sq_written_free(&written);
    return rc == -EINVAL && (op->pending || op->kind == LINEAR_REFUSED) ? 0 : rc;
}

static DREY_ASYNC int client(void *arg)
{
    history *h = arg;
    int64_t known[KEYS];
    int rc = 0;
    for (unsigned i = 0; i < KEYS; i++)
        known[i] = 1;
    for (unsigned i = 0; i < EACH && rc == 0; i++) {
        char id[8];
        linear_op *op = &h->ops[__atomic_fetch_add(&h->count, 1, __ATOMIC_RELAXED)];
        unsigned what = draw(h, 10);
        op->key = draw(h, KEYS);
        snprintf(id, sizeof id, "k%u", op->key);
        op->call = tick(h);
        rc = what < 5 ? read_one(h, op, id) : write_one(h, op, id, what < 8 ? known[op->key] : 0);
        op->back = tick(h);
        known[op->key] = op->rev ? op->rev : known[op->key];
        /* An answer that got lost says nothing to its client. */
        op->pending = op->pending || (op->kind != LINEAR_READ && op->kind != LINEAR_REFUSED && draw(h, 20) == 0);
        if (rc == 0)
            rc = drey_sleep(DREY_US(draw(h, 300)));
    }
    return rc;
}

static DREY_ASYNC int create_all(history *h)
{
    int rc = 0;
    for (unsigned i = 0; i < KEYS && rc == 0; i++) {
        char id[8];
        sq_error error;
        sq_written written;
        snprintf(id, sizeof id, "k%u", i);
        sq_write write = {.verb = SQ_CREATE, .project = "p", .id = id, .principal = "local:1", .expires_at = SQ_NEVER,
                          .set = SQ_SET_DATA, .data = "{\"v\":0}", .data_bytes = 7};
        rc = h->m->ops->create(h->m, &write, &written, &error);
        sq_written_free(&written);
        h->ops[h->count++] = (linear_op){LINEAR_WRITE, i, 0, 1, 0, false, h->clock, h->clock + 1};
        h->clock += 2;
    }
    return rc;
}

static DREY_ASYNC int make_history(history *h)
{
    DREY_SCOPE(scope, .spread = true, .name = "clients");
    int rc = create_all(h);
    for (unsigned i = 0; i < CLIENTS && rc == 0; i++)
        rc = drey_go(&scope, client, h);
    return drey_scope_close(&scope, rc);
}

/* 1, 0 or a negative errno. */
static DREY_ASYNC int try_history(unsigned seed, size_t cache_bytes, bool mutant, history *h)
{
    slow s;
    sq_error error;
    unsigned key = 0;
    DREY_SCOPE(scope, .name = "store");
    memset(h, 0, sizeof *h);
    h->random = seed;
    int rc = slow_open(&s, &scope, (sq_store_options){0});
    if (rc == 0) {
        s.before_group = DREY_US(50);
        s.in_commit = DREY_US(200);
        s.in_read = DREY_US(70);
        s.publish_early = mutant;
        rc = sq_local_over(&scope, &s.store, &(sq_local_options){.cache_bytes = cache_bytes}, &h->m, &error);
    }
    if (rc == 0) {
        rc = make_history(h);
        h->m->ops->close(h->m);
    }
    rc = drey_scope_close(&scope, rc);
    return rc < 0 ? rc : linear_check(h->ops, h->count, KEYS, &key);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLOW_TOOL 1
#endif
#endif
#ifdef SLOW_TOOL
enum { HISTORIES = 4 };
#else
enum { HISTORIES = 25 };
#endif
enum { SMALL_CACHE = 1200 };

/* The same over a store as its users open it. */
static DREY_ASYNC int try_store(unsigned seed, history *h)
{
    sq_error error;
    unsigned key = 0;
    DREY_SCOPE(scope, .name = "store");
    memset(h, 0, sizeof *h);
    h->random = seed;
    int rc = sq_local_open(&scope, kit_url(), &(sq_local_options){.cache_bytes = SMALL_CACHE}, &h->m, &error);
    if (rc == 0) {
        rc = make_history(h);
        h->m->ops->close(h->m);
    }
    rc = drey_scope_close(&scope, rc);
    return rc < 0 ? rc : linear_check(h->ops, h->count, KEYS, &key);
}

static DREY_ASYNC int try_histories(size_t cache_bytes, unsigned count)
{
    history *h = malloc(sizeof *h);
    DREY_CHECK(h != NULL);
    int result = 1;
    for (unsigned seed = 1; seed <= count && result == 1; seed++)
        result = try_history(seed, cache_bytes, false, h);
    free(h);
    DREY_CHECK_EQ(result, 1);
    return 0;
}

DREY_TEST(reads_and_writes_are_linearizable, .timeout_seconds = 120) /* S1 */
{
    return try_histories(0, HISTORIES);
}

DREY_TEST(so_they_are_with_a_cache_that_is_too_small, .timeout_seconds = 120) /* S1 */
{
    return try_histories(SMALL_CACHE, HISTORIES);
}

DREY_TEST(so_they_are_on_several_workers, .workers = 3, .real_clock = true, .timeout_seconds = 120) /* S1 */
{
    return try_histories(SMALL_CACHE, 3);
}

/* The mutant: what the cache shows before the commit is not there for those who ask the store. */
DREY_TEST(publishing_before_the_commit_is_caught, .timeout_seconds = 120) /* S1 */
{
    history *h = malloc(sizeof *h);
    DREY_CHECK(h != NULL);
    int result = 1;
    for (unsigned seed = 1; seed <= HISTORIES && result == 1; seed++)
        result = try_history(seed, SMALL_CACHE, true, h);
    free(h);
    DREY_CHECK_EQ(result, 0);
    return 0;
}

DREY_TEST(the_store_is_linearizable, .workers = 3, .real_clock = true, .timeout_seconds = 120) /* S1 */
{
    history *h = malloc(sizeof *h);
    DREY_CHECK(h != NULL);
    int result = try_store(1, h);
    free(h);
    DREY_CHECK_EQ(result, 1);
    return 0;
}

DREY_TEST_MAIN()
