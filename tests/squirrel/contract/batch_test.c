/* SPDX-License-Identifier: MIT */
/* Several writes at once, from one client or many, and what is left of them: S1, S13, S19, S20. */
#include "contract/kit.h"

CONTRACT(a_batch_is_all_or_nothing) /* S20 */
{
    sq_written written[3];
    sq_write writes[] = {
        KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{\"n\":1}")),
        KIT_WRITE(.verb = SQ_PATCH, .id = "a", KIT_DATA("{\"m\":1}")),
        KIT_WRITE(.verb = SQ_PATCH, .id = "none", KIT_DATA("{}")),
    };
    DREY_CHECK_EQ(store->ops->write(store, writes, 3, written, &kit_error), -EINVAL);
    DREY_CHECK_EQ(kit_error.code, SQ_NOT_FOUND);
    DREY_CHECK(!written[0].failed && !written[0].revision && !written[1].revision && written[2].failed);
    KIT_DATA_IS("a", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    KIT_OK(store->ops->write(store, writes, 2, written, &kit_error));
    DREY_CHECK(written[0].revision->seq == 1 && written[1].revision->seq == 2);
    sq_written_free(&written[0]);
    sq_written_free(&written[1]);
    KIT_DATA_IS("a", 0, "{\"n\":1,\"m\":1}");
    DREY_CHECK_EQ(store->ops->write(store, writes, SQ_BATCH_MAX + 1, written, &kit_error), -EINVAL);
    return 0;
}

CONTRACT(import_takes_over_what_differs)
{
    sq_write write = KIT_WRITE(.verb = SQ_IMPORT, .id = "a", .created_at = 1000,
                               KIT_DATA_AND(SQ_SET_CREATED, "{\"n\":1}"));
    const sq_revision *read;
    DREY_CHECK_EQ(kit_write(store, write), 1);
    DREY_CHECK_EQ(kit_write(store, write), 1);   /* the same: nothing is written */
    DREY_CHECK_EQ(kit_seq(store), 1);
    KIT_OK(store->ops->get(store, "p", "a", 0, &read, &kit_error));
    sq_time created_at = read->created_at;
    sq_revision_unref(read);
    DREY_CHECK_EQ(created_at, 1000);
    sq_write other = KIT_WRITE(.verb = SQ_IMPORT, .id = "a", KIT_DATA("{\"n\":2}"));
    KIT_FAILS(kit_write(store, other), SQ_EXISTS);
    other.expected_rev = 1;
    DREY_CHECK_EQ(kit_write(store, other), 2);
    other.data = "{\"n\":3}";
    other.expected_rev = SQ_REV_FORCE;
    DREY_CHECK_EQ(kit_write(store, other), 3);
    KIT_DATA_IS("a", 0, "{\"n\":3}");
    return 0;
}

enum { COUNTERS = 20, ADDITIONS = 25 };

typedef struct counter {
    sq_store *store;
    unsigned who;
    int64_t revs[ADDITIONS];
} counter;

/* Adds one by compare-and-set until it has done so often enough. */
static DREY_ASYNC int count_up(void *arg)
{
    counter *c = arg;
    for (unsigned done = 0; done < ADDITIONS;) {
        const sq_revision *head;
        sq_error error;
        sq_written written;
        char data[64];
        int rc = c->store->ops->get(c->store, "p", "counter", 0, &head, &error);
        if (rc < 0)
            return rc;
        int64_t rev = head->rev, n = strtoll(strchr(head->data, ':') + 1, NULL, 10);
        sq_revision_unref(head);
        snprintf(data, sizeof data, "{\"n\":%lld}", (long long)n + 1);
        sq_write write = KIT_WRITE(.verb = SQ_REPLACE, .id = "counter", .expected_rev = rev, KIT_DATA(data));
        rc = c->store->ops->write(c->store, &write, 1, &written, &error);
        if (rc == 0)
            c->revs[done++] = written.revision->rev;
        bool conflict = rc == -EINVAL && error.code == SQ_CONFLICT && written.current->rev > rev;
        sq_written_free(&written);
        if (rc < 0 && !conflict)
            return -EPROTO;
    }
    return 0;
}

/* No update is lost, and each rev is acknowledged once. */
CONTRACT(counters_lose_nothing, .workers = 3, .real_clock = true) /* S1, S13 */
{
    static counter counters[COUNTERS];
    static bool taken[COUNTERS * ADDITIONS + 2];
    KIT_OK(kit_create(store, "counter", "{\"n\":0}"));
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (unsigned i = 0; i < COUNTERS && rc == 0; i++) {
        counters[i] = (counter){.store = store, .who = i};
        rc = drey_go(&scope, count_up, &counters[i]);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), 0);
    for (unsigned i = 0; i < COUNTERS * ADDITIONS; i++) {
        int64_t rev = counters[i / ADDITIONS].revs[i % ADDITIONS];
        DREY_CHECK(rev >= 2 && rev <= COUNTERS * ADDITIONS + 1 && !taken[rev]);
        taken[rev] = true;
    }
    KIT_DATA_IS("counter", 0, "{\"n\":500}");
    DREY_CHECK_EQ(kit_seq(store), COUNTERS * ADDITIONS + 1);
    return 0;
}

/* Opens the test's store a second time. */
static DREY_ASYNC int look_again(sq_store *store)
{
    KIT_DATA_IS("a", 0, "{\"n\":2}");
    KIT_DATA_IS("a", 1, "{\"n\":1}");
    KIT_DATA_IS("b", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_GONE);
    DREY_CHECK_EQ(kit_seq(store), 4);
    sq_write write = KIT_WRITE(.verb = SQ_PATCH, .id = "a", .key = "k", KIT_DATA("{\"n\":2}"));
    DREY_CHECK_EQ(kit_write(store, write), 2);   /* the key is known */
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "b", KIT_DATA("{}"))), 3);
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "path:n"}, NULL), "a");
    return 0;
}

static DREY_ASYNC int fill(sq_store *store)
{
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = "a", .key = "k", KIT_DATA("{\"n\":2}"))));
    KIT_OK(kit_create(store, "b", "{}"));
    KIT_OK(kit_delete(store, "b"));
    return 0;
}

DREY_TEST(what_was_answered_is_there_after_the_next_start)
{
    if (!kit_store_lasts())
        DREY_SKIP("it ends with its process");
    DREY_CHECK_EQ(kit_run(fill, NULL), 0);
    return kit_run(look_again, NULL);
}

DREY_TEST_MAIN()
