/* SPDX-License-Identifier: MIT */
/* What tests of failing disks do, whichever store it is: a short life in which one operation fails, then a look without
 * faults at what was answered in it (S4). */
#pragma once
#include "watched.h"

/* Of the store: how to remove it, and what else must hold afterwards. */
static void remove_store(const char *path);
static DREY_ASYNC int check_more(sq_store *store, const char *path);

enum { IDS = 8 };

static uint32_t answered[IDS], submitted[IDS];

static DREY_ASYNC void write_all(sq_store *store, int rounds)
{
    char name[16], data[2048];
    for (int round = 0; round < rounds; round++) {
        for (int id = 0; id < IDS; id++) {
            sq_code code;
            submitted[id] = answered[id] + 1;
            sprintf(name, "c%d", id);
            int at = sprintf(data, "{\"rev\":%u,\"t\":\"", submitted[id]);
            memset(data + at, 'a' + id, 1500);
            memcpy(data + at + 1500, "\"}", 3);
            sq_write write = {
                .verb = SQ_IMPORT,
                .project = "p",
                .id = name,
                .set = SQ_SET_DATA,
                .data = data,
                .data_bytes = strlen(data),
                .expected_rev = SQ_REV_FORCE,
                .principal = "test",
            };
            int64_t rev = kit_write(store, &write, &code);
            if (rev > 0)
                answered[id] = (uint32_t)rev;
        }
    }
}

/* One life of a store, in which something fails. Its reads may fail, but must not lie. */
static DREY_ASYNC int one_life(const char *path)
{
    char url[1100];
    sq_store *store;
    sq_error error;
    sq_page page = {0};
    DREY_SCOPE(scope);
    snprintf(url, sizeof url, KIT_SCHEME "%s", path);
    if (sq_store_open(&scope, url, NULL, &store, &error) < 0)
        return drey_scope_close(&scope, 0);
    write_all(store, 2);
    int rc = drey_sleep(DREY_MS(50));
    if (store->ops->list(store, &(sq_list){.project = "p", .query = "rev", .limit = 100, .principal = "t"}, &page,
                         &error) == 0) {
        for (int id = 0; id < IDS; id++)
            rc = answered[id] && page.count < 1 ? -EIO : rc;
        sq_page_free(&page);
    }
    write_all(store, 1);
    store->ops->close(store);
    return drey_scope_close(&scope, rc);
}

/* Without faults: every answered write is there, with its own data, and the file is sound. */
static DREY_ASYNC int check(const char *path)
{
    sq_store *store;
    sq_error error;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    for (int id = 0; id < IDS; id++) {
        char name[16], start[32];
        const sq_revision *found = NULL;
        sprintf(name, "c%d", id);
        int rc = store->ops->get(store, "p", name, 0, &found, &error);
        DREY_CHECK(rc == 0 || (answered[id] == 0 && error.code == SQ_NOT_FOUND));
        if (!found)
            continue;
        if (found->rev < answered[id] || found->rev > submitted[id])
            printf("# %s is at rev %lld by %s; %u was answered, %u asked for\n", name, (long long)found->rev,
                   sq_op_name(found->op), answered[id], submitted[id]);
        DREY_CHECK(found->rev >= answered[id] && found->rev <= submitted[id]);
        sprintf(start, "{\"rev\":%lld,", (long long)found->rev);
        DREY_CHECK(strncmp(found->data, start, strlen(start)) == 0);
        sq_revision_unref(found);
    }
    DREY_CHECK_EQ(kit_verify(store), 0);
    DREY_CHECK_EQ(check_more(store, path), 0);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

/* The nth operation of the kind fails, for each `step`th n, in a soak for each; how many there were. */
static DREY_ASYNC int fail_each(watched_kind kind, watched_fault fault, bool on, unsigned step)
{
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    watched_register();
    watched_sync_for_real(false);
    unsigned nth = 1;
    if (getenv("DREY_SOAK"))
        step = 1;
    for (bool more = true; more; nth += step) {
        remove_store(path);
        memset(answered, 0, sizeof answered);
        memset(submitted, 0, sizeof submitted);
        watched_fail(kind, fault, nth, on);
        DREY_CHECK_EQ(one_life(path), 0);
        more = watched_count(kind) >= nth;
        watched_fail(kind, fault, 0, false);
        int rc = check(path);
        if (rc < 0)
            printf("# operation %u of kind %d failed\n", nth, (int)kind);
        DREY_CHECK_EQ(rc, 0);
    }
    return (int)nth;
}
