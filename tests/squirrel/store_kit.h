/* SPDX-License-Identifier: MIT */
/* Short names for what the tests of one store do over and over. KIT_SCHEME says which. */
#pragma once
#include <drey.h>
#include <drey/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

/* A store in this test's own folder; the path is the caller's to keep. */
static inline const char *kit_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", drey_test_dir(), name);
    return path;
}

static DREY_ASYNC inline int kit_open(drey_scope *scope, const char *path, const sq_store_options *options,
                                      sq_store **out)
{
    char url[1100];
    sq_error error;
    snprintf(url, sizeof url, KIT_SCHEME "%s", path);
    int rc = sq_store_open(scope, url, options, out, &error);
    if (rc < 0)
        printf("# open: %s: %s\n", sq_code_name(error.code), error.message);
    return rc;
}

/* One write; the revision's rev, or a negative errno with *code. */
static DREY_ASYNC inline int64_t kit_write(sq_store *store, const sq_write *write, sq_code *code)
{
    sq_written written;
    sq_error error = {0};
    int rc = store->ops->write(store, write, 1, &written, &error);
    int64_t rev = rc == 0 ? written.revision->rev : rc;
    if (code)
        *code = rc == 0 ? SQ_OK : error.code;
    else if (rc < 0)
        printf("# write: %s: %s\n", sq_code_name(error.code), error.message);
    sq_written_free(&written);
    return rev;
}

static DREY_ASYNC inline int64_t kit_put(sq_store *store, const char *id, const char *data)
{
    sq_write write = {
        .verb = SQ_IMPORT, .project = "p", .id = id, .set = SQ_SET_DATA, .data = data, .data_bytes = strlen(data),
        .expected_rev = SQ_REV_FORCE, .principal = "test",
    };
    return kit_write(store, &write, NULL);
}

static DREY_ASYNC inline int64_t kit_end(sq_store *store, sq_verb verb, const char *id)
{
    sq_write write = {.verb = verb, .project = "p", .id = id, .expected_rev = SQ_REV_FORCE, .principal = "test"};
    return kit_write(store, &write, NULL);
}

/* Ids of all pages of a list, as "a b c "; "!code" after an error. */
static DREY_ASYNC inline const char *kit_list(sq_store *store, sq_list list)
{
    static char out[65536];
    sq_page page;
    sq_error error;
    char cursor[SQ_CURSOR_BYTES] = "";
    out[0] = '\0';
    list.principal = "test";
    if (!list.project)
        list.project = "p";
    do {
        list.cursor = cursor;
        if (store->ops->list(store, &list, &page, &error) < 0) {
            snprintf(out, sizeof out, "!%s", sq_code_name(error.code));
            return out;
        }
        for (size_t i = 0; i < page.count; i++) {
            size_t at = strlen(out);
            snprintf(out + at, sizeof out - at, "%s ", page.items[i]->id);
        }
        memcpy(cursor, page.cursor, sizeof cursor);
        sq_page_free(&page);
    } while (*cursor);
    return out;
}

static DREY_ASYNC inline const char *kit_search(sq_store *store, const char *query)
{
    return kit_list(store, (sq_list){.query = query});
}

/* Problems that verify finds; they are printed. */
static DREY_ASYNC inline int64_t kit_verify(sq_store *store)
{
    sq_verified found;
    sq_error error;
    if (store->ops->verify(store, &found, &error) < 0) {
        printf("# verify: %s\n", error.message);
        return -1;
    }
    if (found.problems > 0)
        printf("# %s\n", found.report.data);
    sq_text_free(&found.report);
    return found.problems;
}
