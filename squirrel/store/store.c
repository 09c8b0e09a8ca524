/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/schemes.h"

static const sq_scheme *const schemes[] = {
    &sq_scheme_memory,
    &sq_scheme_dir,
    &sq_scheme_sqlite,
};

/* The scheme of a URL, and what follows it. */
static int find_scheme(const char *url, const sq_scheme **out, const char **out_path, sq_error *error)
{
    sq_text known = {0};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t bytes = strlen(schemes[i]->name);
        if (strncmp(url, schemes[i]->name, bytes) == 0 && url[bytes] == ':') {
            sq_text_free(&known);
            *out = schemes[i];
            *out_path = url + bytes + 1;
            return 0;
        }
        sq_text_format(&known, i ? ", %s:" : "%s:", schemes[i]->name);
    }
    sq_fail(error, SQ_USAGE, "\"%.100s\" names no store: it must start with one of %s", url,
            known.data ? known.data : "");
    sq_text_free(&known);
    return -EINVAL;
}

static sq_store_options with_defaults(sq_store_options options)
{
    options.limits = sq_limits_with_defaults(options.limits);
    if (options.queue_writes < SQ_BATCH_MAX)
        options.queue_writes = options.queue_writes ? SQ_BATCH_MAX : 4096;
    if (options.queue_bytes == 0)
        options.queue_bytes = (size_t)64 << 20;
    if (options.group_writes == 0)
        options.group_writes = 256;
    if (options.group_bytes == 0)
        options.group_bytes = (size_t)4 << 20;
    return options;
}

int sq_store_open(drey_scope *scope, const char *url, const sq_store_options *options, sq_store **out, sq_error *error)
{
    const sq_scheme *scheme;
    const char *path;
    int rc = find_scheme(url, &scheme, &path, error);
    if (rc < 0)
        return rc;
    sq_store_options filled = with_defaults(options ? *options : (sq_store_options){0});
    return scheme->open(scope, path, &filled, out, error);
}

int sq_store_restore(const char *url, const char *backup, sq_error *error)
{
    const sq_scheme *scheme;
    const char *path;
    int rc = find_scheme(url, &scheme, &path, error);
    if (rc == 0 && !scheme->restore)
        rc = sq_fail(error, SQ_USAGE, "a store in %s: cannot be restored: export and import instead", scheme->name);
    return rc < 0 ? rc : scheme->restore(path, backup, error);
}

void sq_page_free(sq_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        sq_revision_unref(page->items[i]);
    free(page->items);
    *page = (sq_page){0};
}

void sq_changes_free(sq_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        sq_revision_unref(changes->items[i]);
    free(changes->items);
    *changes = (sq_changes){0};
}
