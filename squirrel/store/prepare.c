/* SPDX-License-Identifier: MIT */
#include "store/prepare.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "json/write.h"

enum {
    RAW_FACTOR = 4,   /* a text may be that much longer than what is kept of it: spaces, escapes */
    ANY_CONTENT = SQ_SET_DATA | SQ_SET_NAME | SQ_SET_METADATA | SQ_SET_PARENT | SQ_SET_EXPIRY,
};

/* What each verb takes. */
static const struct { unsigned set, must; } taken[SQ_VERBS] = {
    [SQ_CREATE] = {ANY_CONTENT, SQ_SET_DATA},
    [SQ_REPLACE] = {ANY_CONTENT, SQ_SET_DATA},
    [SQ_PATCH] = {ANY_CONTENT, 0},
    [SQ_APPEND] = {ANY_CONTENT, 0},
    [SQ_IMPORT] = {ANY_CONTENT | SQ_SET_CREATED, SQ_SET_DATA},
    [SQ_EXTERNAL] = {ANY_CONTENT, SQ_SET_DATA},
};

static int check_word(const char *what, const char *id, sq_error *error)
{
    if (id && sq_id_valid(id, strlen(id)))
        return 0;
    return sq_fail(error, SQ_BAD_ID, "%s must be %s; it is \"%.60s\"", what, SQ_ID_RULE, id ? id : "");
}

static int check_text(const char *what, const char *text, size_t max, sq_error *error)
{
    size_t bytes = text ? strlen(text) : 0;
    if (bytes > max)
        return sq_fail(error, SQ_TOO_LARGE, "%s has %zu bytes: at most %zu are accepted", what, bytes, max);
    if (!sq_utf8_valid(text ? text : "", bytes))
        return sq_fail(error, SQ_BAD_TEXT, "%s is not valid UTF-8", what);
    return 0;
}

static int check_who(const sq_write *w, sq_error *error)
{
    if (!w->principal || !w->principal[0])
        return sq_fail(error, SQ_INTERNAL, "a write without a principal");
    if (w->key && !w->key[0])
        return sq_fail(error, SQ_INVALID, "the operation key is empty: leave it out, or make it unique");
    int rc = check_text("the principal", w->principal, SQ_PRINCIPAL_BYTES, error);
    if (rc == 0)
        rc = check_text("source.agent", w->agent, SQ_NAME_BYTES, error);
    if (rc == 0)
        rc = check_text("source.tool", w->tool, SQ_NAME_BYTES, error);
    if (rc == 0)
        rc = check_text("source.trust", w->trust, SQ_NAME_BYTES, error);
    if (rc == 0)
        rc = check_text("the operation key", w->key, SQ_OPERATION_KEY_BYTES, error);
    return rc;
}

static int check_fields(const sq_write *w, const sq_limits *limits, sq_error *error)
{
    const char *verb = sq_verb_name(w->verb);
    if (w->set & ~taken[w->verb].set)
        return sq_fail(error, SQ_INVALID, "%s takes no fields of this kind", verb);
    if ((w->set & taken[w->verb].must) != taken[w->verb].must || (w->set & SQ_SET_DATA && !w->data))
        return sq_fail(error, SQ_INVALID, "data is missing: %s needs it, if only as {}", verb);
    if ((w->verb == SQ_PATCH || w->verb == SQ_APPEND) && w->set == 0)
        return sq_fail(error, SQ_INVALID, "%s changes nothing: give data, or another field", verb);
    if (w->expected_rev < SQ_REV_FORCE || (w->verb == SQ_CREATE && w->expected_rev != SQ_REV_NONE))
        return sq_fail(error, SQ_INVALID, "expected_rev must be a rev from 1; create takes none");
    if ((w->set & SQ_SET_EXPIRY && w->expires_at != SQ_NEVER && !sq_time_valid(w->expires_at)) ||
        (w->set & SQ_SET_CREATED && !sq_time_valid(w->created_at)))
        return sq_fail(error, SQ_INVALID, "a time must be within the years 1 to 9999");
    if (w->to_rev < 0)
        return sq_fail(error, SQ_INVALID, "to_rev must be a rev from 1");
    if (w->set & SQ_SET_DATA && w->data_bytes / RAW_FACTOR > limits->data_bytes)
        return sq_fail(error, SQ_TOO_LARGE, "data has %zu bytes: at most %zu are accepted", w->data_bytes,
                       limits->data_bytes);
    if (w->set & SQ_SET_METADATA && w->metadata && strlen(w->metadata) > (size_t)RAW_FACTOR * SQ_METADATA_BYTES)
        return sq_fail(error, SQ_TOO_LARGE, "metadata is too large: at most %d bytes of keys and values are accepted",
                       SQ_METADATA_BYTES);
    return w->set & SQ_SET_NAME ? check_text("name", w->name, SQ_NAME_BYTES, error) : 0;
}

static int check_write(const sq_write *w, const sq_limits *limits, sq_error *error)
{
    int rc = check_word("project", w->project, error);
    if (rc == 0 && (w->id || w->verb != SQ_CREATE))
        rc = check_word("id", w->id, error);
    if (rc == 0 && w->set & SQ_SET_PARENT && w->parent_id)
        rc = check_word("parent_id", w->parent_id, error);
    if (rc == 0)
        rc = check_fields(w, limits, error);
    return rc < 0 ? rc : check_who(w, error);
}

static const char *move_text(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = memcpy(*at, text, bytes);
    *at += bytes;
    return copy;
}

/* Copies what the write names; data and metadata are kept in a form of their own. */
static int copy_texts(sq_prepared *p, const sq_write *w)
{
    const char *const from[] = {w->project, w->id, w->set & SQ_SET_NAME ? w->name : NULL,
                                w->set & SQ_SET_PARENT ? w->parent_id : NULL, w->principal, w->key};
    const char **const to[] = {&p->write.project, &p->write.id, &p->write.name, &p->write.parent_id,
                               &p->write.principal, &p->write.key};
    size_t bytes = 1;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        bytes += from[i] ? strlen(from[i]) + 1 : 0;
    p->write = *w;
    p->write.data = p->write.metadata = p->write.agent = p->write.tool = p->write.trust = NULL;
    p->memory = malloc(bytes);
    if (!p->memory)
        return -ENOMEM;
    char *at = p->memory;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        *to[i] = move_text(&at, from[i]);
    p->bytes += bytes;
    return 0;
}

static int read_object(const char *what, const char *text, size_t bytes, sq_json **out, sq_error *error)
{
    sq_json *value;
    sq_json_error refused;
    if (sq_json_parse(text, bytes, SQ_JSON_DEPTH_MAX, &value, &refused) < 0)
        return sq_fail_json(error, &refused);
    if (sq_json_typeof(value) != SQ_JSON_OBJECT) {
        sq_fail(error, SQ_INVALID, "%s must be an object, not %s", what, sq_json_type_name(sq_json_typeof(value)));
        sq_json_unref(value);
        return -EINVAL;
    }
    *out = value;
    return 0;
}

bool sq_fingerprint(sq_json *data, uint8_t out[SQ_DIGEST_BYTES])
{
    sq_text text = {0};
    sq_json_write(&text, data, SQ_JSON_CANONICAL);
    bool good = !text.failed && EVP_Digest(text.data, text.bytes, out, NULL, EVP_sha256(), NULL) == 1;
    sq_text_free(&text);
    return good;
}

static int prepare_data(sq_prepared *p, const sq_write *w, const sq_limits *limits, sq_error *error)
{
    sq_json *value;
    int rc = read_object("data", w->data, w->data_bytes, &value, error);
    if (rc < 0)
        return rc;
    sq_json_write(&p->text, value, SQ_JSON_COMPACT);
    bool patch = w->verb == SQ_PATCH || w->verb == SQ_APPEND;
    bool good = !p->text.failed && (patch || sq_fingerprint(value, p->fingerprint));
    if (patch)
        p->value = value;
    else
        sq_json_unref(value);
    if (!good)
        return sq_fail_memory(error);
    if (p->text.bytes > limits->data_bytes)
        return sq_fail(error, SQ_TOO_LARGE, "data has %zu bytes: at most %zu are accepted", p->text.bytes,
                       limits->data_bytes);
    p->write.data = p->text.data;
    p->write.data_bytes = p->text.bytes;
    p->bytes += patch ? 4 * p->text.bytes : p->text.bytes;
    return 0;
}

static int check_metadata(sq_json *value, sq_error *error)
{
    size_t total = 0;
    for (sq_json_member m = sq_json_first(value); m.key; m = sq_json_next(value, m)) {
        size_t bytes;
        if (sq_json_typeof(m.value) != SQ_JSON_STRING)
            return sq_fail(error, SQ_INVALID, "metadata is flat: \"%.60s\" must be a string, not %s", m.key,
                           sq_json_type_name(sq_json_typeof(m.value)));
        sq_json_string(m.value, &bytes);
        total += m.key_bytes + bytes;
    }
    if (total > SQ_METADATA_BYTES)
        return sq_fail(error, SQ_TOO_LARGE, "metadata has %zu bytes of keys and values: at most %d are accepted, put "
                       "the rest into data", total, SQ_METADATA_BYTES);
    return 0;
}

static int prepare_metadata(sq_prepared *p, const sq_write *w, sq_error *error)
{
    sq_json *value;
    int rc = read_object("metadata", w->metadata, strlen(w->metadata), &value, error);
    if (rc < 0)
        return rc;
    rc = check_metadata(value, error);
    if (rc == 0 && sq_json_size(value) > 0) {
        sq_json_write(&p->metadata, value, SQ_JSON_COMPACT);
        rc = p->metadata.failed ? sq_fail_memory(error) : 0;
        p->write.metadata = p->metadata.data;
        p->bytes += p->metadata.bytes;
    }
    sq_json_unref(value);
    return rc;
}

static void add_member(sq_text *out, const char *name, const char *value)
{
    if (!value)
        return;
    sq_text_format(out, out->bytes > 1 ? ",\"%s\":" : "\"%s\":", name);
    sq_text_quote(out, value, strlen(value));
}

static int prepare_source(sq_prepared *p, const sq_write *w, sq_error *error)
{
    sq_text_char(&p->source, '{');
    add_member(&p->source, "principal", w->principal);
    add_member(&p->source, "agent", w->agent);
    add_member(&p->source, "tool", w->tool);
    add_member(&p->source, "trust", w->trust ? w->trust : "agent");
    sq_text_char(&p->source, '}');
    return p->source.failed ? sq_fail_memory(error) : 0;
}

static void add_field(sq_text *out, bool set, const char *text, size_t bytes)
{
    sq_text_format(out, set && text ? " %zu:" : set ? " null" : " -", bytes);
    if (set && text)
        sq_text_add(out, text, bytes);
}

/* Who asks by what tool is not in it, and neither is the layout of JSON: a client that asks again asks for the same. */
static int hash_request(sq_prepared *p, sq_error *error)
{
    const sq_write *w = &p->write;
    sq_text text = {0};
    sq_text_format(&text, "%s %s %s %lld %lld %d %u %lld", sq_verb_name(w->verb), w->project, w->id ? w->id : "-",
                   (long long)w->expected_rev, (long long)w->to_rev, (int)w->cascade, w->set,
                   w->set & SQ_SET_EXPIRY ? (long long)w->expires_at : 0);
    add_field(&text, w->set & SQ_SET_NAME, w->name, w->name ? strlen(w->name) : 0);
    add_field(&text, w->set & SQ_SET_PARENT, w->parent_id, w->parent_id ? strlen(w->parent_id) : 0);
    add_field(&text, w->set & SQ_SET_METADATA, w->metadata, w->metadata ? strlen(w->metadata) : 0);
    add_field(&text, w->set & SQ_SET_DATA, w->data, w->data_bytes);
    bool good = !text.failed && EVP_Digest(text.data, text.bytes, p->request, NULL, EVP_sha256(), NULL) == 1;
    sq_text_free(&text);
    return good ? 0 : sq_fail_memory(error);
}

int sq_prepare(const sq_write *write, const sq_limits *limits, sq_prepared *out, sq_error *error)
{
    sq_prepared p = {.bytes = sizeof p};
    int rc = check_write(write, limits, error);
    if (rc == 0 && copy_texts(&p, write) < 0)
        rc = sq_fail_memory(error);
    if (rc == 0 && write->set & SQ_SET_DATA)
        rc = prepare_data(&p, write, limits, error);
    if (rc == 0 && write->set & SQ_SET_METADATA && write->metadata)
        rc = prepare_metadata(&p, write, error);
    if (rc == 0)
        rc = prepare_source(&p, write, error);
    if (rc == 0 && write->key)
        rc = hash_request(&p, error);
    if (rc < 0)
        sq_prepared_free(&p);
    else
        *out = p;
    return rc;
}

void sq_prepared_free(sq_prepared *prepared)
{
    sq_json_unref(prepared->value);
    sq_text_free(&prepared->text);
    sq_text_free(&prepared->metadata);
    sq_text_free(&prepared->source);
    free(prepared->memory);
    *prepared = (sq_prepared){0};
}
