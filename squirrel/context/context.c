/* SPDX-License-Identifier: MIT */
#include "context/context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    const char *text;
    size_t bytes;
    sq_error *error;
} reader;

typedef int member_check(reader *r, const char *path, sq_json *value);

/* Sets path and place of the failure that was just recorded. */
static int fail_at(reader *r, const char *path)
{
    snprintf(r->error->path, sizeof r->error->path, "%s", path);
    if (!sq_json_locate(r->text, r->bytes, path, &r->error->place))
        sq_json_locate(r->text, r->bytes, "$", &r->error->place);   /* a key spelt with escapes, or a cut path */
    return -EINVAL;
}

static int expect(reader *r, const char *path, const sq_json *value, sq_json_type type)
{
    if (sq_json_typeof(value) == type)
        return 0;
    sq_fail(r->error, SQ_INVALID, "%s must be %s, not %s", path + 2, sq_json_type_name(type),
            sq_json_type_name(sq_json_typeof(value)));
    return fail_at(r, path);
}

static int check_id(reader *r, const char *path, sq_json *value)
{
    if (expect(r, path, value, SQ_JSON_STRING) < 0)
        return -EINVAL;
    size_t bytes;
    const char *id = sq_json_string(value, &bytes);
    if (sq_id_valid(id, bytes))
        return 0;
    sq_fail(r->error, SQ_BAD_ID, "%s must be %s; it is \"%.60s\"", path + 2, SQ_ID_RULE, id);
    return fail_at(r, path);
}

static int check_name(reader *r, const char *path, sq_json *value)
{
    size_t bytes;
    if (expect(r, path, value, SQ_JSON_STRING) < 0)
        return -EINVAL;
    sq_json_string(value, &bytes);
    if (bytes <= SQ_NAME_BYTES)
        return 0;
    sq_fail(r->error, SQ_TOO_LARGE, "%s has %zu bytes: at most %d are accepted", path + 2, bytes, SQ_NAME_BYTES);
    return fail_at(r, path);
}

static int check_object(reader *r, const char *path, sq_json *value)
{
    return expect(r, path, value, SQ_JSON_OBJECT);
}

static int check_count(reader *r, const char *path, sq_json *value)
{
    if (expect(r, path, value, SQ_JSON_INTEGER) < 0)
        return -EINVAL;
    if (sq_json_integer(value) >= 1)
        return 0;
    sq_fail(r->error, SQ_INVALID, "%s must be 1 or more", path + 2);
    return fail_at(r, path);
}

static int check_time(reader *r, const char *path, sq_json *value)
{
    size_t bytes;
    sq_time when;
    if (expect(r, path, value, SQ_JSON_STRING) < 0)
        return -EINVAL;
    const char *text = sq_json_string(value, &bytes);
    if (sq_time_read(text, bytes, &when))
        return 0;
    sq_fail(r->error, SQ_INVALID, "%s must be a time as in 2026-11-23T05:00:00Z; it is \"%.40s\"", path + 2, text);
    return fail_at(r, path);
}

static int check_fingerprint(reader *r, const char *path, sq_json *value)
{
    size_t bytes;
    if (expect(r, path, value, SQ_JSON_STRING) < 0)
        return -EINVAL;
    const char *text = sq_json_string(value, &bytes);
    if (bytes == 71 && strncmp(text, "sha256:", 7) == 0 && strspn(text + 7, "0123456789abcdef") == 64)
        return 0;
    sq_fail(r->error, SQ_INVALID, "%s must be sha256: and 64 lower-case hex digits", path + 2);
    return fail_at(r, path);
}

/* A member of a member: $.metadata.key, or with the key quoted if it is no plain word. */
static void child_path(const char *path, const char *key, char out[SQ_JSON_PATH_BYTES])
{
    static const char word[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    bool plain = key[0] && key[strspn(key, word)] == '\0' && (key[0] < '0' || key[0] > '9');
    snprintf(out, SQ_JSON_PATH_BYTES, plain ? "%s.%s" : "%s[\"%s\"]", path, key);
}

static int check_metadata(reader *r, const char *path, sq_json *value)
{
    if (expect(r, path, value, SQ_JSON_OBJECT) < 0)
        return -EINVAL;
    size_t total = 0;
    for (sq_json_member m = sq_json_first(value); m.key; m = sq_json_next(value, m)) {
        size_t bytes;
        char inner[SQ_JSON_PATH_BYTES];
        child_path(path, m.key, inner);
        if (expect(r, inner, m.value, SQ_JSON_STRING) < 0)
            return -EINVAL;
        sq_json_string(m.value, &bytes);
        total += m.key_bytes + bytes;
    }
    if (total <= SQ_METADATA_BYTES)
        return 0;
    sq_fail(r->error, SQ_TOO_LARGE, "metadata has %zu bytes of keys and values: at most %d are accepted, put the rest "
            "into data", total, SQ_METADATA_BYTES);
    return fail_at(r, path);
}

static int check_source(reader *r, const char *path, sq_json *value)
{
    static const char *const known[] = {"principal", "agent", "tool", "trust"};
    if (expect(r, path, value, SQ_JSON_OBJECT) < 0)
        return -EINVAL;
    for (sq_json_member m = sq_json_first(value); m.key; m = sq_json_next(value, m)) {
        char inner[SQ_JSON_PATH_BYTES];
        size_t i = 0;
        child_path(path, m.key, inner);
        while (i < 4 && strcmp(known[i], m.key) != 0)
            i++;
        if (i == 4) {
            sq_fail(r->error, SQ_INVALID, "source has no member \"%.60s\": it has principal, agent, tool and trust",
                    m.key);
            return fail_at(r, inner);
        }
        if (sq_json_typeof(m.value) != SQ_JSON_NULL && check_name(r, inner, m.value) < 0)
            return -EINVAL;
    }
    return 0;
}

static const struct { const char *name; member_check *check; bool nullable; } members[] = {
    {"id", check_id, false},
    {"project", check_id, false},
    {"name", check_name, true},
    {"data", check_object, false},
    {"metadata", check_metadata, false},
    {"parent_id", check_id, true},
    {"rev", check_count, false},
    {"seq", check_count, false},
    {"created_at", check_time, false},
    {"updated_at", check_time, false},
    {"expires_at", check_time, true},
    {"source", check_source, true},
    {"fingerprint", check_fingerprint, false},
};

static int check_member(reader *r, const sq_json_member *member)
{
    char path[SQ_JSON_PATH_BYTES];
    child_path("$", member->key, path);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (strcmp(members[i].name, member->key) != 0)
            continue;
        if (members[i].nullable && sq_json_typeof(member->value) == SQ_JSON_NULL)
            return 0;
        return members[i].check(r, path, member->value);
    }
    sq_fail(r->error, SQ_INVALID, "a context has no member \"%.40s\": it has id, project, name, data, metadata, "
            "parent_id, rev, seq, created_at, updated_at, expires_at, source and fingerprint; the rest goes into data",
            member->key);
    return fail_at(r, path);
}

static const char *string_member(const sq_json *document, const char *key)
{
    const sq_json *value = sq_json_get(document, key);
    return value ? sq_json_string(value, NULL) : NULL;
}

static int check_document(reader *r, sq_json *document, const char *default_id)
{
    if (sq_json_typeof(document) != SQ_JSON_OBJECT) {
        sq_fail(r->error, SQ_INVALID, "a context is an object with a member data, not %s",
                sq_json_type_name(sq_json_typeof(document)));
        return fail_at(r, "$");
    }
    for (sq_json_member m = sq_json_first(document); m.key; m = sq_json_next(document, m)) {
        if (check_member(r, &m) < 0)
            return -EINVAL;
    }
    if (!sq_json_get(document, "data")) {
        sq_fail(r->error, SQ_INVALID, "the member data is missing: a context needs it, if only as {}");
        return fail_at(r, "$");
    }
    if (!sq_json_get(document, "id") && !default_id) {
        sq_fail(r->error, SQ_BAD_ID, "the file's name makes no id: add a member id of %s", SQ_ID_RULE);
        return fail_at(r, "$");
    }
    return 0;
}

static void fill(sq_context *context, sq_json *document, const char *default_id)
{
    const char *id = string_member(document, "id"), *project = string_member(document, "project");
    const char *expires = string_member(document, "expires_at");
    const sq_json *rev = sq_json_get(document, "rev");
    *context = (sq_context){
        .document = document,
        .data = sq_json_get(document, "data"),
        .name = string_member(document, "name"),
        .parent_id = string_member(document, "parent_id"),
        .rev = rev ? sq_json_integer(rev) : 0,
    };
    snprintf(context->id, sizeof context->id, "%s", id ? id : default_id);
    snprintf(context->project, sizeof context->project, "%s", project ? project : SQ_PROJECT_DEFAULT);
    context->expires = expires && sq_time_read(expires, strlen(expires), &context->expires_at);
}

int sq_context_read(const char *text, size_t bytes, const char *default_id, sq_context *out, sq_error *error)
{
    reader r = {text, bytes, error};
    sq_json *document;
    sq_json_error refused;
    /* One level more than data may have: the envelope. */
    if (sq_json_parse(text, bytes, SQ_JSON_DEPTH_MAX + 1, &document, &refused) < 0) {
        int rc = sq_fail_json(error, &refused);
        if (refused.code == SQ_JSON_TOO_DEEP)
            snprintf(error->message, sizeof error->message, "data is nested over %d deep here: flatten or divide it",
                     SQ_JSON_DEPTH_MAX);
        return rc;
    }
    int rc = check_document(&r, document, default_id);
    if (rc < 0) {
        sq_json_unref(document);
        return rc;
    }
    fill(out, document, default_id);
    out->bytes = bytes;
    return 0;
}

void sq_context_free(sq_context *context)
{
    sq_json_unref(context->document);
    *context = (sq_context){0};
}

bool sq_context_expired(const sq_context *context, sq_time now)
{
    return context->expires && context->expires_at <= now;
}
