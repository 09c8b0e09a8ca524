/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager/parts.h"

static const char *const names[SQ_ASKS] = {
    [SQ_ASK_WRITE] = "write",     [SQ_ASK_GET] = "get",         [SQ_ASK_LIST] = "list",
    [SQ_ASK_HISTORY] = "history", [SQ_ASK_PROJECTS] = "projects", [SQ_ASK_RESOLVE] = "resolve",
    [SQ_ASK_PROCESS] = "process", [SQ_ASK_WATCH] = "watch",     [SQ_ASK_BACKUP] = "backup",
    [SQ_ASK_VERIFY] = "verify",   [SQ_ASK_SCRUB] = "scrub",     [SQ_ASK_STATUS] = "status",
};

/* ---- writing */

static void put_optional(sq_parts *parts, bool set, const char *name, const char *text)
{
    if (set && !text)
        sq_parts_null(parts, name);
    else if (set)
        sq_parts_text(parts, name, text);
}

static void put_write(sq_parts *parts, const sq_write *w)
{
    sq_parts_open(parts, NULL, '{');
    sq_parts_text(parts, "verb", sq_verb_name(w->verb));
    sq_parts_text(parts, "project", w->project);
    sq_parts_text(parts, "id", w->id);
    put_optional(parts, w->set & SQ_SET_NAME, "name", w->name);
    put_optional(parts, w->set & SQ_SET_METADATA, "metadata", w->metadata);
    put_optional(parts, w->set & SQ_SET_PARENT, "parent_id", w->parent_id);
    if (w->set & SQ_SET_EXPIRY)
        sq_parts_number(parts, "expires_at", w->expires_at);
    if (w->set & SQ_SET_CREATED)
        sq_parts_number(parts, "created_at", w->created_at);
    sq_parts_number_but(parts, "expected_rev", w->expected_rev, SQ_REV_NONE);
    sq_parts_number_but(parts, "to_rev", w->to_rev, 0);
    sq_parts_flag(parts, "cascade", w->cascade);
    sq_parts_text(parts, "principal", w->principal);
    sq_parts_text(parts, "agent", w->agent);
    sq_parts_text(parts, "tool", w->tool);
    sq_parts_text(parts, "trust", w->trust);
    sq_parts_text(parts, "key", w->key);
    if (w->set & SQ_SET_DATA)
        sq_parts_body(parts, w->data, w->data_bytes);
    sq_parts_close(parts, '}');
}

static void put_list(sq_parts *parts, const sq_list *list)
{
    sq_parts_text(parts, "project", list->project);
    sq_parts_text(parts, "query", list->query);
    sq_parts_text(parts, "parent_id", list->parent_id);
    sq_parts_text(parts, "name_prefix", list->name_prefix);
    sq_parts_number_but(parts, "updated_since", list->updated_since, 0);
    sq_parts_number_but(parts, "order", list->order, SQ_NEWEST);
    sq_parts_number_but(parts, "limit", list->limit, 0);
    sq_parts_number_but(parts, "max_bytes", (int64_t)list->max_bytes, 0);
    sq_parts_flag(parts, "without_data", list->without_data);
    sq_parts_text(parts, "cursor", list->cursor);
    sq_parts_text(parts, "principal", list->principal);
}

static void put_history(sq_parts *parts, const sq_history *history)
{
    sq_parts_text(parts, "project", history->project);
    sq_parts_text(parts, "id", history->id);
    sq_parts_number_but(parts, "limit", history->limit, 0);
    sq_parts_number_but(parts, "max_bytes", (int64_t)history->max_bytes, 0);
    sq_parts_text(parts, "cursor", history->cursor);
    sq_parts_text(parts, "principal", history->principal);
}

static void put_process(sq_parts *parts, const sq_request *request)
{
    sq_parts_text(parts, "project", request->process.project);
    sq_parts_open(parts, "ids", '[');
    for (size_t i = 0; i < request->process.count; i++)
        sq_parts_text(parts, NULL, request->process.ids[i]);
    sq_parts_close(parts, ']');
    sq_parts_text(parts, "schema", request->process.schema);
}

static void put_params(sq_parts *parts, const sq_request *request)
{
    switch (request->ask) {
    case SQ_ASK_WRITE:
        sq_parts_open(parts, "writes", '[');
        for (size_t i = 0; i < request->write.count; i++)
            put_write(parts, &request->write.writes[i]);
        sq_parts_close(parts, ']');
        break;
    case SQ_ASK_GET:
    case SQ_ASK_RESOLVE:
        sq_parts_text(parts, "project", request->get.project);
        sq_parts_text(parts, "id", request->get.id);
        sq_parts_number_but(parts, "rev", request->ask == SQ_ASK_GET ? request->get.rev : 0, 0);
        break;
    case SQ_ASK_LIST:
        put_list(parts, &request->list);
        break;
    case SQ_ASK_HISTORY:
        put_history(parts, &request->history);
        break;
    case SQ_ASK_PROJECTS:
        sq_parts_text(parts, "after", request->projects.after);
        sq_parts_number(parts, "limit", request->projects.limit);
        break;
    case SQ_ASK_PROCESS:
        put_process(parts, request);
        break;
    case SQ_ASK_WATCH:
        sq_parts_text(parts, "project", request->watch.project);
        sq_parts_number(parts, "after", request->watch.after);
        break;
    case SQ_ASK_BACKUP:
        sq_parts_text(parts, "path", request->backup.path);
        break;
    case SQ_ASK_VERIFY:
    case SQ_ASK_SCRUB:
    case SQ_ASK_STATUS:
    case SQ_ASKS:
        break;
    }
}

void sq_wire_write_request(sq_text *out, const sq_request *request)
{
    sq_parts parts = {.out = out};
    sq_parts_open(&parts, NULL, '{');
    sq_parts_text(&parts, "op", names[request->ask]);
    put_params(&parts, request);
    sq_parts_close(&parts, '}');
    sq_parts_end(&parts);
}

/* ---- reading */

static bool has(const sq_json *object, const char *name)
{
    return sq_json_get(object, name) != NULL;
}

static void get_write(sq_parts_in *in, const sq_json *value, sq_write *out)
{
    const char *verb = sq_parts_get_text(in, value, "verb");
    if (sq_json_typeof(value) != SQ_JSON_OBJECT || !verb || !sq_verb_read(verb, &out->verb)) {
        in->failed = true;
        return;
    }
    out->project = sq_parts_get_text(in, value, "project");
    out->id = sq_parts_get_text(in, value, "id");
    out->name = sq_parts_get_text(in, value, "name");
    out->metadata = sq_parts_get_text(in, value, "metadata");
    out->parent_id = sq_parts_get_text(in, value, "parent_id");
    out->expires_at = sq_parts_get_number(in, value, "expires_at", SQ_NEVER);
    out->created_at = sq_parts_get_number(in, value, "created_at", 0);
    out->expected_rev = sq_parts_get_number(in, value, "expected_rev", SQ_REV_NONE);
    out->to_rev = sq_parts_get_number(in, value, "to_rev", 0);
    out->cascade = sq_parts_get_flag(in, value, "cascade");
    out->principal = sq_parts_get_text(in, value, "principal");
    out->agent = sq_parts_get_text(in, value, "agent");
    out->tool = sq_parts_get_text(in, value, "tool");
    out->trust = sq_parts_get_text(in, value, "trust");
    out->key = sq_parts_get_text(in, value, "key");
    out->data = sq_parts_get_body(in, value, &out->data_bytes);
    out->set = (out->data ? SQ_SET_DATA : 0u) | (has(value, "name") ? SQ_SET_NAME : 0u) |
               (has(value, "metadata") ? SQ_SET_METADATA : 0u) | (has(value, "parent_id") ? SQ_SET_PARENT : 0u) |
               (has(value, "expires_at") ? SQ_SET_EXPIRY : 0u) | (has(value, "created_at") ? SQ_SET_CREATED : 0u);
}

static void get_writes(sq_parts_in *in, sq_request *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "writes", SQ_BATCH_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    sq_write *writes = calloc(count + 1, sizeof *writes);
    out->memory = writes;
    in->no_memory = !writes;
    for (size_t i = 0; writes && i < count; i++)
        get_write(in, sq_json_at(array, i), &writes[i]);
    out->write.writes = writes;
    out->write.count = count;
}

static uint32_t get_limit(sq_parts_in *in)
{
    int64_t limit = sq_parts_get_number(in, in->document, "limit", 0);
    in->failed = in->failed || limit < 0;
    return (uint32_t)(limit < SQ_PAGE_MAX ? limit : SQ_PAGE_MAX);
}

static size_t get_max_bytes(sq_parts_in *in)
{
    int64_t bytes = sq_parts_get_number(in, in->document, "max_bytes", 0);
    in->failed = in->failed || bytes < 0;
    return (size_t)bytes;
}

static void get_list(sq_parts_in *in, sq_list *out)
{
    int64_t order = sq_parts_get_number(in, in->document, "order", SQ_NEWEST);
    in->failed = in->failed || order < SQ_NEWEST || order > SQ_BY_ID;
    *out = (sq_list){
        .project = sq_parts_get_text(in, in->document, "project"),
        .query = sq_parts_get_text(in, in->document, "query"),
        .parent_id = sq_parts_get_text(in, in->document, "parent_id"),
        .name_prefix = sq_parts_get_text(in, in->document, "name_prefix"),
        .updated_since = sq_parts_get_number(in, in->document, "updated_since", 0),
        .order = (sq_order)order,
        .limit = get_limit(in),
        .max_bytes = get_max_bytes(in),
        .without_data = sq_parts_get_flag(in, in->document, "without_data"),
        .cursor = sq_parts_get_text(in, in->document, "cursor"),
        .principal = sq_parts_get_text(in, in->document, "principal"),
    };
}

static void get_history(sq_parts_in *in, sq_history *out)
{
    *out = (sq_history){
        .project = sq_parts_get_text(in, in->document, "project"),
        .id = sq_parts_get_text(in, in->document, "id"),
        .limit = get_limit(in),
        .max_bytes = get_max_bytes(in),
        .cursor = sq_parts_get_text(in, in->document, "cursor"),
        .principal = sq_parts_get_text(in, in->document, "principal"),
    };
}

static void get_process(sq_parts_in *in, sq_request *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "ids", SQ_PAGE_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    const char **ids = calloc(count + 1, sizeof *ids);
    out->memory = ids;
    in->no_memory = !ids;
    for (size_t i = 0; ids && i < count; i++) {
        const sq_json *id = sq_json_at(array, i);
        ids[i] = sq_json_typeof(id) == SQ_JSON_STRING ? sq_json_string(id, NULL) : NULL;
        in->failed = in->failed || !ids[i];
    }
    out->process.project = sq_parts_get_text(in, in->document, "project");
    out->process.ids = ids;
    out->process.count = count;
    out->process.schema = sq_parts_get_text(in, in->document, "schema");
}

static void get_params(sq_parts_in *in, sq_request *out)
{
    switch (out->ask) {
    case SQ_ASK_WRITE:
        get_writes(in, out);
        break;
    case SQ_ASK_GET:
    case SQ_ASK_RESOLVE:
        out->get.project = sq_parts_get_text(in, in->document, "project");
        out->get.id = sq_parts_get_text(in, in->document, "id");
        out->get.rev = sq_parts_get_number(in, in->document, "rev", 0);
        break;
    case SQ_ASK_LIST:
        get_list(in, &out->list);
        break;
    case SQ_ASK_HISTORY:
        get_history(in, &out->history);
        break;
    case SQ_ASK_PROJECTS:
        out->projects.after = sq_parts_get_text(in, in->document, "after");
        out->projects.limit = get_limit(in);
        break;
    case SQ_ASK_PROCESS:
        get_process(in, out);
        break;
    case SQ_ASK_WATCH:
        out->watch.project = sq_parts_get_text(in, in->document, "project");
        out->watch.after = sq_parts_get_number(in, in->document, "after", SQ_WATCH_NOW);
        break;
    case SQ_ASK_BACKUP:
        out->backup.path = sq_parts_get_text(in, in->document, "path");
        break;
    case SQ_ASK_VERIFY:
    case SQ_ASK_SCRUB:
    case SQ_ASK_STATUS:
    case SQ_ASKS:
        break;
    }
}

int sq_wire_read_request(const char *payload, size_t bytes, sq_request *out, sq_error *error)
{
    sq_parts_in in;
    int rc = sq_parts_read(payload, bytes, &in, error);
    if (rc < 0)
        return rc;
    sq_request made = {.ask = SQ_ASKS, .document = in.document};
    const char *op = in.failed ? NULL : sq_parts_get_text(&in, in.document, "op");
    for (int i = 0; op && i < SQ_ASKS; i++) {
        if (strcmp(names[i], op) == 0)
            made.ask = (sq_ask)i;
    }
    if (made.ask == SQ_ASKS)
        in.failed = true;
    else
        get_params(&in, &made);
    rc = sq_parts_done(&in, error);
    if (rc < 0)
        sq_request_free(&made);
    else
        *out = made;
    return rc;
}

void sq_request_free(sq_request *request)
{
    free(request->memory);
    sq_json_unref(request->document);
    *request = (sq_request){0};
}
