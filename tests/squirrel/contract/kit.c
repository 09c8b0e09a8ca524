/* SPDX-License-Identifier: MIT */
#include "contract/kit.h"

static const struct { const char *name, *url; bool lasts; } openers[] = {
    {"memory", "memory:", false},
    {"dir", "dir:", true},
    {"sqlite", "sqlite:", true},
};

_Thread_local sq_code kit_code;
_Thread_local sq_error kit_error;

static size_t opener(void)
{
    const char *wanted = getenv("SQ_STORE");
    for (size_t i = 0; wanted && i < sizeof openers / sizeof *openers; i++) {
        if (strcmp(openers[i].name, wanted) == 0)
            return i;
    }
    return 0;
}

const char *kit_store_name(void)
{
    return openers[opener()].name;
}

bool kit_store_lasts(void)
{
    return openers[opener()].lasts;
}

const char *kit_url(void)
{
    static char url[512];
    if (kit_store_lasts())
        snprintf(url, sizeof url, "%s%s/store", openers[opener()].url, drey_test_dir());
    else
        snprintf(url, sizeof url, "%s", openers[opener()].url);
    return url;
}

int kit_run(kit_body *body, const sq_store_options *options)
{
    sq_store *store;
    DREY_SCOPE(scope, .name = "store");
    int rc = sq_store_open(&scope, kit_url(), options, &store, &kit_error);
    if (rc == 0) {
        rc = body(store);
        store->ops->close(store);
    } else {
        printf("# open: %s\n", kit_error.message);
    }
    return drey_scope_close(&scope, rc);
}

static int note(int rc)
{
    kit_code = rc < 0 ? kit_error.code : SQ_OK;
    return rc;
}

int64_t kit_write(sq_store *store, sq_write write)
{
    sq_written written;
    int rc = note(store->ops->write(store, &write, 1, &written, &kit_error));
    int64_t rev = rc < 0 ? rc : written.revision->rev;
    sq_written_free(&written);
    return rev;
}

int kit_create(sq_store *store, const char *id, const char *data)
{
    int64_t rev = kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = id, KIT_DATA(data)));
    return rev < 0 ? (int)rev : 0;
}

int64_t kit_patch(sq_store *store, const char *id, const char *data)
{
    return kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = id, KIT_DATA(data)));
}

int64_t kit_delete(sq_store *store, const char *id)
{
    return kit_write(store, KIT_WRITE(.verb = SQ_DELETE, .id = id, .expected_rev = SQ_REV_FORCE));
}

int64_t kit_seq(sq_store *store)
{
    sq_changes changes;
    int rc = note(store->ops->changes(store, "p", 0, 1, 0, &changes, &kit_error));
    int64_t seq = rc < 0 ? rc : changes.seq;
    if (rc == 0)
        sq_changes_free(&changes);
    return seq;
}

char *kit_data(sq_store *store, const char *id, int64_t rev)
{
    const sq_revision *revision;
    if (note(store->ops->get(store, "p", id, rev, &revision, &kit_error)) < 0)
        return NULL;
    char *data = strdup(revision->data ? revision->data : "");
    sq_revision_unref(revision);
    return data;
}

const char *kit_list(sq_store *store, sq_list list, kit_body *between)
{
    static char ids[65536];
    char cursor[SQ_CURSOR_BYTES] = "";
    size_t at = 0;
    ids[0] = '\0';
    if (!list.project)
        list.project = "p";
    list.principal = "local:1";
    do {
        sq_page page;
        list.cursor = cursor;
        if (note(store->ops->list(store, &list, &page, &kit_error)) < 0)
            return NULL;
        for (size_t i = 0; i < page.count; i++)
            at += (size_t)snprintf(ids + at, sizeof ids - at, at ? " %s" : "%s", page.items[i]->id);
        memcpy(cursor, page.cursor, sizeof cursor);
        sq_page_free(&page);
        if (cursor[0] && between && between(store) < 0)
            return NULL;
    } while (cursor[0]);
    return ids;
}
