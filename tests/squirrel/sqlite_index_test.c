/* SPDX-License-Identifier: MIT */
/* The index follows the log, and a search finds the same by it as by a scan (S7, S38). */
#include <errno.h>

#include "sqlite_kit.h"
#include "store/tokens.h"

enum { IDS = 60, STEPS = 300 };

static const char *const words[] = {"alpha",  "Beta", "gämma",    "delta9", "x",   "xx",    "x0", "東京",
                                    "E-mail", "v1.2", "ångström", "ПРИВЕТ", "a_b", "naïve", "OR", "NOT"};
enum { WORDS = sizeof words / sizeof *words };

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 27;
}

static void data_of(uint64_t *seed, char out[512])
{
    int at = sprintf(out, "{");
    for (unsigned i = 0, n = (unsigned)(draw(seed) % 5); i < n; i++)
        at += sprintf(out + at, "%s\"k%u\":{\"%s %u\":[\"%s\",%d]}", i ? "," : "", i, words[draw(seed) % WORDS], i,
                      words[draw(seed) % WORDS], (int)(draw(seed) % 7) - 3);
    sprintf(out + at, "}");
}

/* What a scan of everything finds, newest first. */
static DREY_ASYNC const char *scan(sq_store *store, const char *text)
{
    static char out[8192];
    sq_query *query;
    sq_error error;
    sq_page page;
    size_t at = 0;
    out[0] = '\0';
    if (sq_query_parse(text, strlen(text), &query, &error) < 0)
        return "!";
    if (store->ops->list(store, &(sq_list){.project = "p", .limit = 1000, .principal = "test"}, &page, &error) == 0) {
        for (size_t i = 0; i < page.count; i++) {
            const sq_revision *r = page.items[i];
            sq_searched searched = {.id = r->id, .name = r->name, .data = r->data, .data_bytes = r->data_bytes};
            if (sq_query_matches(query, &searched))
                at += (size_t)sprintf(out + at, "%s ", r->id);
        }
        sq_page_free(&page);
    }
    sq_query_free(query);
    return out;
}

static const char *const queries[] = {"alpha",
                                      "beta",
                                      "BETA gämma",
                                      "gäm*",
                                      "delta9",
                                      "x",
                                      "xx*",
                                      "x0",
                                      "東",
                                      "京 alpha",
                                      "mail",
                                      "e-mail",
                                      "v1.2",
                                      "ång*",
                                      "привет",
                                      "а",
                                      "naïve",
                                      "or",
                                      "not",
                                      "k1",
                                      "path:k0",
                                      "path:k1.*",
                                      "path:\"k0.alpha 0\"",
                                      "1",
                                      "c1*",
                                      "\"alpha\" NOT beta",
                                      "n*"};

static DREY_ASYNC int compare_all(sq_store *store)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char expected[8192];
        snprintf(expected, sizeof expected, "%s", scan(store, queries[i]));
        if (strcmp(expected, "!") == 0)
            continue;
        DREY_CHECK_STR(kit_search(store, queries[i]), expected);
    }
    return 0;
}

static DREY_ASYNC int64_t lag(sq_store *store)
{
    sq_status status = {0};
    sq_error error;
    return store->ops->status(store, &status, &error) < 0 ? -1 : status.index_lag;
}

/* Random writes, with a history of three revisions so that entries leave the index all the time. */
static DREY_ASYNC int write_randomly(uint64_t seed, bool indexed)
{
    sq_store *store;
    char id[16], data[512];
    sq_sqlite_hook.without_index = !indexed;
    sq_store_options options = {.limits = {.history_revisions = 3}};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path(indexed ? "indexed.db" : "scanned.db"), &options, &store), 0);
    for (int step = 0; step < STEPS; step++) {
        snprintf(id, sizeof id, "c%u", (unsigned)(draw(&seed) % IDS));
        data_of(&seed, data);
        unsigned what = (unsigned)(draw(&seed) % 20);
        DREY_CHECK(kit_put(store, id, data) > 0);
        if (what < 2)
            DREY_CHECK(kit_end(store, what ? SQ_DELETE : SQ_PURGE, id) > 0);
        if (step % 50 == 49) {
            if (indexed && step % 100 == 99)
                DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
            DREY_CHECK_EQ(compare_all(store), 0);
        }
    }
    for (int i = 0; i < 100 && indexed && lag(store) > 0; i++)
        DREY_CHECK_EQ(drey_sleep(DREY_MS(50)), 0);
    DREY_CHECK_EQ(lag(store) > 0, !indexed);
    DREY_CHECK_EQ(compare_all(store), 0);
    DREY_CHECK_EQ(kit_verify(store), 0);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(the_index_finds_what_a_scan_finds, .timeout_seconds = 120) /* S38 */
{
    return write_randomly(1, true);
}

DREY_TEST(the_tail_finds_what_a_scan_finds, .timeout_seconds = 120) /* S7 */
{
    return write_randomly(2, false);
}

DREY_TEST(the_tail_is_bounded, .timeout_seconds = 120) /* S7 */
{
    enum { BATCH = 100, MOST = 4096 };
    sq_store *store;
    sq_error error;
    sq_write writes[BATCH];
    sq_written written[BATCH];
    char ids[BATCH][16];
    int64_t most = 0;
    sq_sqlite_hook.without_index = true;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, kit_path("store.db"), NULL, &store), 0);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < BATCH; i++) {
            snprintf(ids[i], sizeof ids[i], "c%d", round * BATCH + i);
            writes[i] = (sq_write){
                .verb = SQ_CREATE,
                .project = "p",
                .id = ids[i],
                .set = SQ_SET_DATA,
                .data = "{\"word\":1}",
                .data_bytes = 10,
                .principal = "test",
            };
        }
        DREY_CHECK_EQ(store->ops->write(store, writes, BATCH, written, &error), 0);
        for (int i = 0; i < BATCH; i++)
            sq_written_free(&written[i]);
        int64_t now = lag(store);
        most = now > most ? now : most;
    }
    DREY_CHECK(most > 2000 && most <= MOST);
    DREY_CHECK_STR(kit_search(store, "c1"), "c1 ");
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(an_index_of_another_tokenizer_is_made_anew)
{
    char path[512];
    sq_store *store;
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    for (int round = 0; round < 2; round++) {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
        if (round == 0)
            DREY_CHECK_EQ(kit_put(store, "one", "{\"word\":1}"), 1);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(lag(store), 0);
        DREY_CHECK_STR(kit_search(store, "word"), "one ");
        DREY_CHECK_EQ(kit_verify(store), 0);
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        if (round == 0)
            DREY_CHECK_EQ(kit_sql(path, "UPDATE meta SET value=x'00' WHERE key='tokens';"
                                        "INSERT INTO search(search) VALUES('delete-all')"),
                          0);
    }
    return 0;
}

/* Damage of the index alone loses nothing: it is met by a search, by the indexing, or by a write that drops an indexed
 * revision, and then the index is made anew. */
static DREY_ASYNC int meet_damage(int met_by, const char *sql)
{
    char path[512];
    sq_store *store;
    sq_error error;
    sq_status status;
    sq_code code = SQ_OK;
    sq_store_options options = {0};
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    for (int round = 0; round < 2; round++) {
        DREY_SCOPE(scope);
        DREY_CHECK_EQ(kit_open(&scope, path, &options, &store), 0);
        if (round == 0) {
            for (int i = 0; i < 40; i++) {
                char id[16];
                snprintf(id, sizeof id, "c%d", i);
                DREY_CHECK_EQ(kit_put(store, id, "{\"word\":1}"), 1);
            }
            DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
            DREY_CHECK_EQ(lag(store), 0);
        } else if (met_by == 0) {
            DREY_CHECK_STR(kit_search(store, "word"), "!busy");
        } else if (met_by == 1) {
            sq_write write = {.verb = SQ_PURGE,
                              .project = "p",
                              .id = "c1",
                              .expected_rev = SQ_REV_FORCE,
                              .principal = "test"};
            DREY_CHECK_EQ(kit_write(store, &write, &code), -EINVAL);
            DREY_CHECK_STR(sq_code_name(code), "busy");
        } else {
            DREY_CHECK_EQ(kit_put(store, "new", "{\"word\":2}"), 1);
        }
        if (round == 1) {
            DREY_CHECK_EQ(drey_sleep(DREY_MS(1000)), 0);
            DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
            DREY_CHECK_STR(status.condition, "ok");
            DREY_CHECK_EQ(status.index_lag, 0);
            DREY_CHECK_EQ(kit_put(store, "c1", "{\"other\":1}"), 2);
            DREY_CHECK_STR(kit_search(store, "other"), "c1 ");
            DREY_CHECK_STR(kit_search(store, "path:word"), scan(store, "path:word"));
            DREY_CHECK_EQ(kit_verify(store), 0);
        }
        store->ops->close(store);
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        if (round == 0)
            DREY_CHECK_EQ(kit_sql(path, sql), 0);
    }
    return 0;
}

DREY_TEST(a_search_that_meets_a_damaged_index_has_it_made_anew)
{
    return meet_damage(0, "UPDATE search_data SET block=x'ffffffffffffffff' WHERE id>10");
}

DREY_TEST(a_write_that_meets_a_damaged_index_has_it_made_anew)
{
    return meet_damage(1, "UPDATE search_data SET block=x'00' WHERE id=10");
}

DREY_TEST(indexing_that_meets_a_damaged_index_has_it_made_anew)
{
    return meet_damage(2, "UPDATE search_data SET block=x'ffffffffffffffff' WHERE id=10");
}

DREY_TEST_MAIN()
