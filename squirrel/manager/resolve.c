/* SPDX-License-Identifier: MIT */
#include "manager/resolve.h"

#include <errno.h>
#include <string.h>

#include "context/merge.h"
#include "context/schema.h"
#include "json/write.h"
#include "store/heavy.h"

static int parse(const sq_revision *revision, sq_json **out, sq_error *error)
{
    sq_json_error refused;
    int rc = sq_json_parse(revision->data, revision->data_bytes, SQ_JSON_DEPTH_MAX, out, &refused);
    if (rc == -EINVAL)
        return sq_fail(error, SQ_STORE_FAILED, "the data of \"%.60s\" is damaged: verify the store", revision->id);
    return rc < 0 ? sq_fail_json(error, &refused) : 0;
}

/* Root first: each descendant applies as a patch, but the root is taken as it is. */
static int merge_line(const sq_revision *const *line, size_t count, sq_json **out, sq_error *error)
{
    sq_json *data = NULL;
    int rc = parse(line[count - 1], &data, error);
    for (size_t i = count - 1; rc == 0 && i > 0; i--) {
        sq_json *patch;
        rc = parse(line[i - 1], &patch, error);
        if (rc < 0) {
            sq_json_unref(data);
            return rc;
        }
        data = sq_merge(data, patch);
        sq_json_unref(patch);
        if (!data)
            return sq_fail_memory(error);
    }
    if (rc == 0)
        *out = data;
    return rc;
}

typedef struct work {
    const sq_revision **line;
    size_t count, max_bytes;
    sq_json *schema;
    sq_resolved *out;
    sq_error *error;
} work;

static int measure(const work *w, sq_json *data)
{
    int rc = w->schema ? sq_schema_validate(w->schema, data, w->error) : 0;
    if (rc < 0)
        return rc;
    sq_json_write(&w->out->data, data, SQ_JSON_COMPACT);
    if (w->out->data.failed || sq_measure_take(data, &w->out->measure) < 0) {
        sq_text_free(&w->out->data);
        return sq_fail_memory(w->error);
    }
    if (w->out->data.bytes <= w->max_bytes)
        return 0;
    rc = sq_fail(w->error, SQ_TOO_LARGE, "with its parents' data it has %zu bytes: at most %zu are accepted",
                 w->out->data.bytes, w->max_bytes);
    sq_text_free(&w->out->data);
    return rc;
}

static int resolve_deep(void *arg)
{
    const work *w = arg;
    sq_json *data = NULL;
    *w->out = (sq_resolved){0};
    int rc = merge_line(w->line, w->count, &data, w->error);
    if (rc < 0)
        return rc;
    rc = measure(w, data);
    sq_json_unref(data);
    return rc;
}

int sq_resolve_line(const sq_revision **line, size_t count, sq_json *schema, size_t max_bytes, sq_resolved *out,
                    sq_error *error)
{
    sq_resolved made;
    work w = {line, count, max_bytes, schema, &made, error};
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += line[i]->data_bytes;
    int rc = sq_heavy(bytes, resolve_deep, &w);
    for (size_t i = rc == 0 ? 1 : 0; i < count; i++)
        sq_revision_unref(line[i]);
    if (rc == 0) {
        made.revision = line[0];
        *out = made;
    }
    return rc;
}

typedef struct reading {
    const char *text;
    sq_json **out;
    sq_error *error;
} reading;

static int read_deep(void *arg)
{
    const reading *r = arg;
    sq_json *schema;
    sq_json_error refused;
    if (sq_json_parse(r->text, strlen(r->text), SQ_JSON_DEPTH_MAX, &schema, &refused) < 0)
        return sq_fail_json(r->error, &refused);
    int rc = sq_schema_check(schema, r->error);
    if (rc < 0)
        sq_json_unref(schema);
    else
        *r->out = schema;
    return rc;
}

int sq_resolve_schema(const char *text, sq_json **out, sq_error *error)
{
    reading r = {text, out, error};
    return drey_call_deep(read_deep, &r);
}
