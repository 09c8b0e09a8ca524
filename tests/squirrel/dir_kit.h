/* SPDX-License-Identifier: MIT */
/* What the tests of the store of plain files share. */
#pragma once
#define KIT_SCHEME "dir:"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/dir/files.h"
#include "store_kit.h"

/* A file of the store as somebody else writes it: a new one that is renamed over the old one. */
static inline void kit_edit(const char *store, const char *name, const char *text)
{
    char path[1100], part[1200];
    snprintf(path, sizeof path, "%s/%s", store, name);
    snprintf(part, sizeof part, "%s.mine", path);
    FILE *file = fopen(part, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || rename(part, path) < 0)
        abort();
}

/* The text of a file of the store; "" without one. */
static inline const char *kit_text(const char *store, const char *name)
{
    static char text[65536];
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", store, name);
    FILE *file = fopen(path, "r");
    size_t bytes = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[bytes] = '\0';
    return text;
}

/* The data of a context's head; "!code" without one. */
static DREY_ASYNC inline const char *kit_head(sq_store *store, const char *id)
{
    static char data[65536];
    const sq_revision *head;
    sq_error error;
    if (store->ops->get(store, "p", id, 0, &head, &error) < 0) {
        snprintf(data, sizeof data, "!%s", sq_code_name(error.code));
        return data;
    }
    snprintf(data, sizeof data, "%s", head->data);
    sq_revision_unref(head);
    return data;
}

/* Waits until `what` holds; how long that takes is not judged. */
#define KIT_UNTIL(what)                                   \
    for (int kit_tries = 0; !(what); kit_tries++) {       \
        DREY_CHECK(kit_tries < 20000);                    \
        DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);         \
    }

typedef DREY_ASYNC int life(sq_store *store, const char *path);

/* Opens the test's store, runs the body, closes it. */
static DREY_ASYNC inline int live(life *body)
{
    char path[512];
    sq_store *store;
    snprintf(path, sizeof path, "%s", kit_path("store"));
    DREY_SCOPE(scope);
    int rc = kit_open(&scope, path, NULL, &store);
    if (rc == 0) {
        rc = body(store, path);
        store->ops->close(store);
    }
    return drey_scope_close(&scope, rc);
}

#define LIVE(body) DREY_CHECK_EQ(live(body), 0)

static DREY_ASYNC inline int64_t conflicts(sq_store *store)
{
    sq_status status;
    sq_error error;
    return store->ops->status(store, &status, &error) < 0 ? -1 : status.conflicts;
}

static DREY_ASYNC inline int64_t rev_of(sq_store *store, const char *id)
{
    const sq_revision *head;
    sq_error error;
    if (store->ops->get(store, "p", id, 0, &head, &error) < 0)
        return -1;
    int64_t rev = head->rev;
    sq_revision_unref(head);
    return rev;
}

static DREY_ASYNC inline int make_one(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(kit_put(store, "a", "{\"n\":1}"), 1);
    KIT_UNTIL(kit_text(path, "p/a.json")[0]);
    return 0;
}
