/* SPDX-License-Identifier: MIT */
#include "store/dir/sheet.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "json/write.h"
#include "store/prepare.h"

void sq_put_note(sq_text *text, const sq_note *note)
{
    const sq_sheet *sheet = &note->sheet;
    const int64_t numbers[] = {sheet->rev, sheet->there, sheet->inode, sheet->bytes, sheet->changed, sheet->noted};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sq_put_integer(text, numbers[i]);
    sq_text_add(text, sheet->digest, SQ_DIGEST_BYTES);
    sq_put_text(text, note->project);
    sq_put_text(text, note->id);
}

bool sq_take_note(const sq_record *record, sq_note *out)
{
    sq_fields fields = {record->payload, record->payload + record->bytes, false};
    sq_sheet *sheet = &out->sheet;
    *out = (sq_note){0};
    sheet->rev = sq_take_integer(&fields);
    sheet->there = sq_take_integer(&fields) != 0;
    int64_t *const numbers[] = {&sheet->inode, &sheet->bytes, &sheet->changed, &sheet->noted};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = sq_take_integer(&fields);
    sq_take_bytes(&fields, sheet->digest, SQ_DIGEST_BYTES);
    out->project = sq_take_text(&fields, NULL);
    out->id = sq_take_text(&fields, NULL);
    return !fields.failed && fields.at == fields.end && out->project && out->id;
}

bool sq_sheet_digest(const void *text, size_t bytes, uint8_t out[SQ_DIGEST_BYTES])
{
    return EVP_Digest(text, bytes, out, NULL, EVP_sha256(), NULL) == 1;
}

/* ---- writing */

static int set(sq_json *object, const char *key, sq_json *value)
{
    return value ? sq_json_set(object, key, value) : -ENOMEM;
}

static int set_text(sq_json *object, const char *key, const char *text)
{
    return text ? set(object, key, sq_json_new_string(text)) : 0;
}

static int set_time(sq_json *object, const char *key, sq_time when)
{
    char text[SQ_TIME_BYTES];
    if (when == SQ_NEVER)
        return 0;
    sq_time_write(when, text);
    return set_text(object, key, text);
}

static int set_parsed(sq_json *object, const char *key, const char *text, size_t bytes)
{
    sq_json *value;
    sq_json_error refused;
    int rc = text ? sq_json_parse(text, bytes, SQ_JSON_DEPTH_MAX, &value, &refused) : 0;
    return text && rc == 0 ? set(object, key, value) : rc;
}

int sq_sheet_write(const sq_revision *revision, sq_text *out, sq_error *error)
{
    sq_json *object = sq_json_new_object();
    int rc = object ? set_text(object, "name", revision->name) : -ENOMEM;
    if (rc == 0)
        rc = set_text(object, "parent_id", revision->parent_id);
    if (rc == 0)
        rc = set_time(object, "expires_at", revision->expires_at);
    if (rc == 0 && revision->metadata)
        rc = set_parsed(object, "metadata", revision->metadata, strlen(revision->metadata));
    if (rc == 0)
        rc = set_parsed(object, "data", revision->data, revision->data_bytes);
    if (rc == 0)
        sq_json_write(out, object, SQ_JSON_PRETTY);
    sq_text_char(out, '\n');
    sq_json_unref(object);
    if (rc == -EINVAL)
        return sq_fail(error, SQ_STORE_FAILED, "the data of \"%.60s\" is damaged: verify the store", revision->id);
    return rc < 0 || out->failed ? sq_fail_memory(error) : 0;
}

/* ---- reading */

/* The place says which context it is. */
static int check_place(const sq_context *context, const char *project, const char *id, sq_error *error)
{
    if (strcmp(context->id, id) != 0)
        return sq_fail(error, SQ_INVALID, "the file of \"%.60s\" says that it is \"%.60s\"", id, context->id);
    if (sq_json_get(context->document, "project") && strcmp(context->project, project) != 0)
        return sq_fail(error, SQ_INVALID, "a file of project \"%.60s\" says that it is of \"%.60s\"", project,
                       context->project);
    return 0;
}

static void fill(sq_sheet_said *said, const char *project, const char *id)
{
    const sq_context *context = &said->context;
    sq_json *metadata = sq_json_get(context->document, "metadata");
    said->write = (sq_write){
        .verb = SQ_EXTERNAL,
        .project = project,
        .id = id,
        .set = SQ_SET_DATA,
        .name = context->name,
        .parent_id = context->parent_id,
        .expires_at = context->expires ? context->expires_at : SQ_NEVER,
    };
    sq_json_write(&said->data, context->data, SQ_JSON_COMPACT);
    said->write.data = said->data.data;
    said->write.data_bytes = said->data.bytes;
    if (metadata && sq_json_size(metadata) > 0) {
        sq_json_write(&said->metadata, metadata, SQ_JSON_COMPACT);
        said->write.metadata = said->metadata.data;
    }
    said->write.set |= (context->name ? SQ_SET_NAME : 0) | (context->parent_id ? SQ_SET_PARENT : 0) |
                       (context->expires ? SQ_SET_EXPIRY : 0) | (said->write.metadata ? SQ_SET_METADATA : 0);
}

int sq_sheet_read(const char *text, size_t bytes, const char *project, const char *id, sq_sheet_said *out,
                  sq_error *error)
{
    sq_sheet_said said = {0};
    int rc = sq_context_read(text, bytes, id, &said.context, error);
    if (rc < 0)
        return rc;
    rc = check_place(&said.context, project, id, error);
    if (rc == 0)
        fill(&said, project, id);
    if (rc == 0 && (said.data.failed || said.metadata.failed || !sq_fingerprint(said.context.data, said.fingerprint)))
        rc = sq_fail_memory(error);
    if (rc < 0)
        sq_sheet_said_free(&said);
    else
        *out = said;
    return rc;
}

void sq_sheet_said_free(sq_sheet_said *said)
{
    sq_context_free(&said->context);
    sq_text_free(&said->data);
    sq_text_free(&said->metadata);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool sq_sheet_same(const sq_sheet_said *said, const sq_revision *revision)
{
    return sq_revision_state(revision) == SQ_LIVE &&
           memcmp(said->fingerprint, revision->fingerprint, SQ_DIGEST_BYTES) == 0 &&
           same_text(said->write.name, revision->name) && same_text(said->write.parent_id, revision->parent_id) &&
           same_text(said->write.metadata, revision->metadata) && said->write.expires_at == revision->expires_at;
}
