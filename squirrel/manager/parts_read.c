/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manager/parts.h"

enum { DEPTH_MAX = 8 };

int sq_parts_read(const char *payload, size_t bytes, sq_parts_in *out, sq_error *error)
{
    const char *line = memchr(payload, '\n', bytes);
    sq_json_error refused;
    if (!line)
        return sq_fail(error, SQ_INVALID, "a message must be an object, a newline and its bodies");
    *out = (sq_parts_in){.at = line + 1, .end = payload + bytes};
    if (sq_json_parse(payload, (size_t)(line - payload), DEPTH_MAX, &out->document, &refused) < 0)
        return sq_fail_json(error, &refused);
    if (sq_json_typeof(out->document) != SQ_JSON_OBJECT)
        out->failed = true;
    return 0;
}

/* NULL: missing, or null. */
static const sq_json *find(sq_parts_in *in, const sq_json *object, const char *name, sq_json_type type)
{
    const sq_json *value = object && sq_json_typeof(object) == SQ_JSON_OBJECT ? sq_json_get(object, name) : NULL;
    if (!value || sq_json_typeof(value) == SQ_JSON_NULL)
        return NULL;
    if (sq_json_typeof(value) == type)
        return value;
    in->failed = true;
    return NULL;
}

const char *sq_parts_get_text(sq_parts_in *in, const sq_json *object, const char *name)
{
    const sq_json *value = find(in, object, name, SQ_JSON_STRING);
    return value ? sq_json_string(value, NULL) : NULL;
}

int64_t sq_parts_get_number(sq_parts_in *in, const sq_json *object, const char *name, int64_t usual)
{
    const sq_json *value = find(in, object, name, SQ_JSON_INTEGER);
    return value ? sq_json_integer(value) : usual;
}

bool sq_parts_get_flag(sq_parts_in *in, const sq_json *object, const char *name)
{
    const sq_json *value = find(in, object, name, SQ_JSON_BOOLEAN);
    return value && sq_json_true(value);
}

const sq_json *sq_parts_get_array(sq_parts_in *in, const sq_json *object, const char *name, size_t max)
{
    const sq_json *value = find(in, object, name, SQ_JSON_ARRAY);
    if (value && sq_json_size(value) <= max)
        return value;
    in->failed = in->failed || value;
    return NULL;
}

const char *sq_parts_get_body(sq_parts_in *in, const sq_json *object, size_t *out_bytes)
{
    int64_t bytes = sq_parts_get_number(in, object, "data_bytes", -1);
    const char *body = in->at;
    if (bytes < 0)
        return NULL;
    if (bytes > in->end - in->at) {
        in->failed = true;
        return NULL;
    }
    in->at += bytes;
    *out_bytes = (size_t)bytes;
    return body;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_digest(sq_parts_in *in, const char *hex, uint8_t out[SQ_DIGEST_BYTES])
{
    if (!hex || strlen(hex) != 2 * SQ_DIGEST_BYTES) {
        in->failed = true;
        return;
    }
    for (size_t i = 0; i < SQ_DIGEST_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        in->failed = in->failed || high < 0 || low < 0;
        out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
}

const sq_revision *sq_parts_get_revision(sq_parts_in *in, const sq_json *object, const char *name)
{
    const sq_json *value = name ? find(in, object, name, SQ_JSON_OBJECT) : object;
    if (!value)
        return NULL;
    const char *op = sq_parts_get_text(in, value, "op");
    sq_revision revision = {
        .project = sq_parts_get_text(in, value, "project"),
        .id = sq_parts_get_text(in, value, "id"),
        .rev = sq_parts_get_number(in, value, "rev", 0),
        .seq = sq_parts_get_number(in, value, "seq", 0),
        .created_at = sq_parts_get_number(in, value, "created_at", 0),
        .at = sq_parts_get_number(in, value, "at", 0),
        .expires_at = sq_parts_get_number(in, value, "expires_at", SQ_NEVER),
        .name = sq_parts_get_text(in, value, "name"),
        .parent_id = sq_parts_get_text(in, value, "parent_id"),
        .metadata = sq_parts_get_text(in, value, "metadata"),
        .source = sq_parts_get_text(in, value, "source"),
        .data_bytes = (size_t)sq_parts_get_number(in, value, "absent_bytes", 0),
    };
    read_digest(in, sq_parts_get_text(in, value, "fingerprint"), revision.fingerprint);
    revision.data = sq_parts_get_body(in, value, &revision.data_bytes);
    if (!revision.project || !revision.id || !revision.source || !op || !sq_op_read(op, &revision.op))
        in->failed = true;
    if (in->failed)
        return NULL;
    const sq_revision *made = sq_revision_new(&revision);
    in->no_memory = in->no_memory || !made;
    return made;
}

void sq_parts_get_error(sq_parts_in *in, const sq_json *object, sq_error *out)
{
    const sq_json *value = find(in, object, "error", SQ_JSON_OBJECT);
    const char *code = sq_parts_get_text(in, value, "code"), *message = sq_parts_get_text(in, value, "message");
    const char *path = sq_parts_get_text(in, value, "path");
    *out = (sq_error){.code = SQ_INTERNAL};
    for (int i = 0; code && i < SQ_CODES; i++) {
        if (strcmp(sq_code_name((sq_code)i), code) == 0)
            out->code = (sq_code)i;
    }
    snprintf(out->message, sizeof out->message, "%s", message ? message : "");
    snprintf(out->path, sizeof out->path, "%s", path ? path : "");
    out->place.line = (size_t)sq_parts_get_number(in, value, "line", 0);
    out->place.column = (size_t)sq_parts_get_number(in, value, "column", 0);
    out->place.byte = (size_t)sq_parts_get_number(in, value, "byte", 0);
}

int sq_parts_done(sq_parts_in *in, sq_error *error)
{
    if (in->no_memory)
        return sq_fail_memory(error);
    if (in->failed || in->at != in->end)
        return sq_fail(error, SQ_INVALID, "the message is not one of this protocol");
    return 0;
}
