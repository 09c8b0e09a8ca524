/* SPDX-License-Identifier: MIT */
/* Lists, searches, the log, projects: S9, S17, S18, S38. */
#include "contract/kit.h"

static DREY_ASYNC int create_many(sq_store *store, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char id[16], data[64];
        snprintf(id, sizeof id, "c%03d", i);
        snprintf(data, sizeof data, "{\"n\":%d,\"word\":\"%s\"}", i, i % 2 ? "odd" : "even");
        if (kit_create(store, id, data) < 0)
            return -EINVAL;
    }
    return 0;
}

CONTRACT(newest_come_first) /* S18 */
{
    KIT_OK(create_many(store, 1, 5));
    DREY_CHECK_STR(kit_list(store, (sq_list){0}, NULL), "c005 c004 c003 c002 c001");
    KIT_OK(kit_patch(store, "c002", "{\"n\":0}"));
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 2}, NULL), "c002 c005 c004 c003 c001");
    KIT_OK(kit_delete(store, "c004"));
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 4}, NULL), "c002 c005 c003 c001");
    DREY_CHECK_STR(kit_list(store, (sq_list){.order = SQ_BY_ID, .limit = 1}, NULL), "c001 c002 c003 c005");
    DREY_CHECK_STR(kit_list(store, (sq_list){.project = "none"}, NULL), "");
    return 0;
}

CONTRACT(a_page_has_limits) /* S17 */
{
    sq_page page;
    KIT_OK(create_many(store, 1, 30));
    KIT_OK(store->ops->list(store, &(sq_list){.project = "p", .principal = "local:1"}, &page, &kit_error));
    bool good = page.count == 20 && page.cursor[0] && page.upper == 30;
    sq_page_free(&page);
    DREY_CHECK(good);
    sq_list small = {.project = "p", .principal = "local:1", .max_bytes = 60};
    KIT_OK(store->ops->list(store, &small, &page, &kit_error));
    good = page.count == 2 && page.cursor[0];
    sq_page_free(&page);
    DREY_CHECK(good);
    small.max_bytes = 1;
    KIT_OK(store->ops->list(store, &small, &page, &kit_error));
    good = page.count == 1 && page.cursor[0];
    sq_page_free(&page);
    DREY_CHECK(good);
    DREY_CHECK_EQ(strlen(kit_list(store, (sq_list){.max_bytes = 1}, NULL)), 30 * 5 - 1);
    return 0;
}

static int turn;

/* Between two pages: one moves up, a new one comes, one goes. */
static DREY_ASYNC int disturb(sq_store *store)
{
    char id[16];
    turn++;
    snprintf(id, sizeof id, "new%d", turn);
    KIT_OK(kit_create(store, id, "{\"word\":\"odd even\"}"));
    KIT_OK(kit_patch(store, "c003", "{\"n\":-1}"));
    KIT_OK(kit_patch(store, "c009", "{\"n\":-1}"));
    if (turn == 2)
        KIT_OK(kit_delete(store, "c002"));
    return 0;
}

CONTRACT(each_context_appears_exactly_once) /* S18 */
{
    turn = 0;
    KIT_OK(create_many(store, 1, 10));
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 3}, disturb), "c010 c009 c008 c007 c006 c005 c004 c003 c001");
    turn = 10;
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 2, .order = SQ_BY_ID}, disturb),
                   "c001 c003 c004 c005 c006 c007 c008 c009 c010 new1 new2");
    return 0;
}

CONTRACT(a_search_shows_nothing_newer_than_its_first_page) /* S18 */
{
    turn = 2;
    KIT_OK(create_many(store, 1, 10));
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "odd", .limit = 2}, disturb), "c009 c007 c005 c003 c001");
    return 0;
}

static DREY_ASYNC int change_often(sq_store *store)
{
    for (int i = 0; i < 5; i++)
        KIT_OK(kit_patch(store, "c001", "{\"n\":1}"));
    return 0;
}

/* What a list still needs is kept beyond the history, and what it has shown is not shown again. */
CONTRACT_WITH(a_list_outlasts_the_history, KIT_OPTIONS(.limits = {.history_revisions = 2})) /* S18, S30 */
{
    KIT_OK(create_many(store, 1, 6));
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 2}, change_often), "c006 c005 c004 c003 c002 c001");
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 2}, change_often), "c001 c006 c005 c004 c003 c002");
    KIT_OK(drey_sleep(DREY_SEC(3600)));
    KIT_OK(kit_patch(store, "c001", "{\"n\":2}"));
    KIT_DATA_IS("c001", 1, "");   /* once no list needs it, it goes */
    return 0;
}

/* So it is where pages end by their bytes, with fewer contexts than a page may have. */
CONTRACT_WITH(a_list_of_few_outlasts_the_history, KIT_OPTIONS(.limits = {.history_revisions = 2})) /* S18, S30 */
{
    KIT_OK(create_many(store, 1, 6));
    DREY_CHECK_STR(kit_list(store, (sq_list){.max_bytes = 60}, change_often), "c006 c005 c004 c003 c002 c001");
    return 0;
}

CONTRACT(lists_have_filters)
{
    KIT_OK(create_many(store, 1, 2));
    KIT_OK(drey_sleep(DREY_SEC(1)));
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "x", .parent_id = "c001", .name = "task one",
                               KIT_DATA_AND(SQ_SET_PARENT | SQ_SET_NAME, "{}"));
    KIT_OK(kit_write(store, write));
    write.id = "y";
    write.name = "note";
    KIT_OK(kit_write(store, write));
    DREY_CHECK_STR(kit_list(store, (sq_list){.parent_id = "c001", .limit = 1}, NULL), "y x");
    DREY_CHECK_STR(kit_list(store, (sq_list){.name_prefix = "task "}, NULL), "x");
    DREY_CHECK_STR(kit_list(store, (sq_list){.name_prefix = "%"}, NULL), "");
    DREY_CHECK_STR(kit_list(store, (sq_list){.updated_since = sq_wall()}, NULL), "y x");
    DREY_CHECK_STR(kit_list(store, (sq_list){.parent_id = "c001", .name_prefix = "n", .query = "note"}, NULL), "y");
    return 0;
}

CONTRACT(words_prefixes_and_paths_are_found) /* S38 */
{
    KIT_OK(kit_create(store, "a", "{\"title\":\"Über die Brücke\",\"in\":{\"deep\":[{\"leaf\":1}]}}"));
    KIT_OK(kit_create(store, "b", "{\"title\":\"x-ray; DROP TABLE\",\"other\":\"bridge\"}"));
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "über"}, NULL), "a");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "BRÜCKE die"}, NULL), "a");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "br*"}, NULL), "b a");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "path:in.deep.leaf"}, NULL), "a");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "path:in.de*"}, NULL), "a");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "x-ray"}, NULL), "b");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "\"drop\" (table) OR"}, NULL), "");
    KIT_OK(kit_patch(store, "b", "{\"other\":\"ferry\"}"));
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "bridge"}, NULL), "");   /* right after the write */
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "ferry"}, NULL), "b");
    return 0;
}

CONTRACT(relevance_ranks_what_matches) /* S8 */
{
    KIT_OK(kit_create(store, "best", "{\"t\":\"fox fox fox\"}"));
    KIT_OK(kit_create(store, "worse", "{\"t\":\"fox and a long tale of many other words that say nothing of it\"}"));
    KIT_OK(kit_create(store, "none", "{\"t\":\"hen\"}"));
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "fox", .order = SQ_RELEVANCE}, NULL), "best worse");
    DREY_CHECK_STR(kit_list(store, (sq_list){.query = "fox", .order = SQ_RELEVANCE, .limit = 1}, NULL), "best worse");
    DREY_CHECK(!kit_list(store, (sq_list){.order = SQ_RELEVANCE}, NULL));
    DREY_CHECK_EQ(kit_code, SQ_INVALID);
    return 0;
}

CONTRACT(a_cursor_of_another_list_is_refused) /* S18 */
{
    sq_page page;
    KIT_OK(create_many(store, 1, 3));
    sq_list list = {.project = "p", .principal = "local:1", .limit = 1};
    KIT_OK(store->ops->list(store, &list, &page, &kit_error));
    char cursor[SQ_CURSOR_BYTES];
    memcpy(cursor, page.cursor, sizeof cursor);
    sq_page_free(&page);
    list.cursor = cursor;
    list.query = "odd";
    DREY_CHECK_EQ(store->ops->list(store, &list, &page, &kit_error), -EINVAL);
    DREY_CHECK_EQ(kit_error.code, SQ_BAD_CURSOR);
    list.query = NULL;
    list.principal = "local:2";
    DREY_CHECK_EQ(store->ops->list(store, &list, &page, &kit_error), -EINVAL);
    return 0;
}

/* The seqs of the log after one, as text; "lagged". */
static DREY_ASYNC const char *log_after(sq_store *store, int64_t after, uint32_t limit)
{
    static char text[512];
    sq_changes changes;
    size_t at = 0;
    if (store->ops->changes(store, "p", after, limit, 0, &changes, &kit_error) < 0)
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i < changes.count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, at ? " %lld:%s" : "%lld:%s",
                               (long long)changes.items[i]->seq, sq_op_name(changes.items[i]->op));
    if (changes.lagged)
        snprintf(text + at, sizeof text - at, "lagged %lld", (long long)changes.seq);
    sq_changes_free(&changes);
    return text;
}

CONTRACT(the_log_has_every_change_in_order) /* S9 */
{
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_OK(kit_create(store, "b", "{}"));
    KIT_OK(kit_patch(store, "a", "{\"n\":1}"));
    KIT_FAILS(kit_create(store, "a", "{}"), SQ_EXISTS);   /* takes no seq */
    KIT_OK(kit_delete(store, "b"));
    DREY_CHECK_STR(log_after(store, 0, 0), "1:create 2:create 3:patch 4:delete");
    DREY_CHECK_STR(log_after(store, 2, 1), "3:patch");
    DREY_CHECK_STR(log_after(store, 4, 0), "");
    DREY_CHECK_STR(log_after(store, 5, 0), "lagged 4");
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "b")));
    DREY_CHECK_STR(log_after(store, 3, 0), "lagged 5");
    DREY_CHECK_STR(log_after(store, 4, 0), "5:purge");
    return 0;
}

CONTRACT(projects_are_listed_by_name)
{
    sq_project found[4];
    size_t count = 4;
    static const char *const names[] = {"web", "api", "infra"};
    for (size_t i = 0; i < 3; i++) {
        sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{}"));
        write.project = names[i];
        KIT_OK(kit_write(store, write));
        KIT_FAILS(kit_write(store, write), SQ_EXISTS);
    }
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA_AND(SQ_SET_PARENT, "{}"));
    write.project = "failed";
    write.parent_id = "none";
    KIT_FAILS(kit_write(store, write), SQ_BROKEN_PARENT);
    KIT_OK(store->ops->projects(store, "", found, &count, &kit_error));
    DREY_CHECK_EQ(count, 3);
    DREY_CHECK(strcmp(found[0].name, "api") == 0 && strcmp(found[1].name, "infra") == 0 &&
               strcmp(found[2].name, "web") == 0);
    DREY_CHECK(found[0].seq == 1 && found[0].live == 1 && found[0].bytes == SQ_REVISION_OVERHEAD + 2);
    count = 1;
    KIT_OK(store->ops->projects(store, "api", found, &count, &kit_error));
    DREY_CHECK(count == 1 && strcmp(found[0].name, "infra") == 0);
    return 0;
}

/* Random writes, and what must hold after all of them. */
CONTRACT_WITH(nothing_is_miscounted, KIT_OPTIONS(.limits = {.history_revisions = 4})) /* S9, S14 */
{
    static const sq_verb verbs[] = {SQ_CREATE, SQ_PATCH, SQ_PATCH, SQ_DELETE, SQ_UNDO, SQ_PURGE, SQ_APPEND, SQ_REPLACE};
    unsigned random = 1;
    int64_t written = 0;
    for (int i = 0; i < 600; i++) {
        char id[8];
        random = random * 1103515245 + 12345;
        sq_verb verb = verbs[random >> 16 & 7];
        snprintf(id, sizeof id, "c%u", random >> 20 & 7);
        sq_write write = KIT_WRITE(.verb = verb, .id = id);
        if (verb == SQ_DELETE || verb == SQ_UNDO || verb == SQ_REPLACE)
            write.expected_rev = SQ_REV_FORCE;
        if (verb != SQ_DELETE && verb != SQ_UNDO && verb != SQ_PURGE) {
            write.set = SQ_SET_DATA;
            write.data = "{\"list\":[1]}";
            write.data_bytes = strlen(write.data);
        }
        written += kit_write(store, write) > 0;
    }
    DREY_CHECK_EQ(kit_seq(store), written);
    sq_verified verified;
    KIT_OK(store->ops->verify(store, &verified, &kit_error));
    if (verified.problems)
        printf("# %s\n", verified.report.data);
    int64_t problems = verified.problems;
    sq_text_free(&verified.report);
    DREY_CHECK_EQ(problems, 0);
    DREY_CHECK(written > 200);
    return 0;
}

typedef struct rush {
    sq_store *store;
    bool stop;
    int64_t written;
} rush;

enum { RUSH_CONTEXTS = 60, RUSH_LISTS = 6 };

/* Changes one context after the other until told to stop; some more often than their history is long. */
static DREY_ASYNC int hurry(void *arg)
{
    rush *r = arg;
    unsigned random = 7;
    while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
        char id[16];
        random = random * 1103515245 + 12345;
        snprintf(id, sizeof id, "c%03u", random >> 16 & 1 ? 1 : (random >> 17) % RUSH_CONTEXTS + 1);
        if (kit_patch(r->store, id, "{\"n\":0}") < 0)
            return -EPROTO;
        __atomic_fetch_add(&r->written, 1, __ATOMIC_RELAXED);
        int rc = drey_yield();
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int rest(sq_store *store)
{
    (void)store;
    return drey_sleep(DREY_MS(1));
}

/* Lists while others write; each list has each context once. */
static DREY_ASYNC int look(void *arg)
{
    rush *r = arg;
    int rc = 0;
    for (int i = 0; i < RUSH_LISTS && rc == 0; i++) {
        bool seen[RUSH_CONTEXTS + 1] = {false};
        const char *ids = kit_list(r->store, (sq_list){.limit = 7, .order = i % 2 ? SQ_BY_ID : SQ_NEWEST}, rest);
        size_t count = 0;
        for (const char *at = ids; at && *at; at += strcspn(at, " "), at += *at == ' ') {
            int n = atoi(at + 1);
            if (n < 1 || n > RUSH_CONTEXTS || seen[n]) {
                printf("# context %d appears twice\n", n);
                rc = -EPROTO;
                break;
            }
            seen[n] = true;
            count++;
        }
        if (rc == 0 && count != RUSH_CONTEXTS) {
            printf("# a list has %zu contexts\n", count);
            rc = -EPROTO;
        }
    }
    __atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
    return rc;
}

static DREY_ASYNC int rush_all(sq_store *store)
{
    rush r = {.store = store};
    int rc = create_many(store, 1, RUSH_CONTEXTS);
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(&scope, hurry, &r);
    if (rc == 0)
        rc = drey_go(&scope, look, &r);
    rc = drey_scope_close(&scope, rc);
    return rc == 0 && r.written == 0 ? -EPROTO : rc;
}

CONTRACT_WITH(lists_beside_writers_are_whole, KIT_OPTIONS(.limits = {.history_revisions = 3}), .workers = 3,
              .real_clock = true) /* S18 */
{
    return rush_all(store);
}

DREY_TEST_MAIN()
