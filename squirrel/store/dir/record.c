/* SPDX-License-Identifier: MIT */
#include "store/dir/record.h"

#include <openssl/evp.h>
#include <string.h>

enum { ALIGN = 8, CHECKED = 16, NONE = -1 };

static size_t padded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

size_t sq_record_room(size_t payload)
{
    return SQ_RECORD_HEAD + padded(payload);
}

static void store_number(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t load_number(const char *data, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i > 0; i--)
        value = value << 8 | (unsigned char)data[i - 1];
    return value;
}

static bool check_of(const char *record, size_t payload, const uint8_t *salt, uint8_t out[SQ_CHECK_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, salt, SQ_SALT_BYTES) == 1 &&
                EVP_DigestUpdate(context, record, CHECKED) == 1 &&
                EVP_DigestUpdate(context, record + SQ_RECORD_HEAD, payload) == 1 &&
                EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    memcpy(out, digest, SQ_CHECK_BYTES);
    return good;
}

size_t sq_record_start(sq_text *text, sq_record_type type)
{
    unsigned char head[SQ_RECORD_HEAD] = {[4] = (unsigned char)type};
    size_t start = text->bytes;
    sq_text_add(text, head, sizeof head);
    return start;
}

void sq_record_finish(sq_text *text, size_t start, int64_t group, const uint8_t salt[SQ_SALT_BYTES])
{
    static const char zeros[ALIGN];
    if (text->failed)
        return;
    size_t payload = text->bytes - start - SQ_RECORD_HEAD;
    char *record = text->data + start;
    store_number((unsigned char *)record, payload, 4);
    store_number((unsigned char *)record + 8, (uint64_t)group, 8);
    text->failed = !check_of(record, payload, salt, (uint8_t *)record + CHECKED);
    sq_text_add(text, zeros, padded(payload) - payload);
}

void sq_put_integer(sq_text *text, int64_t value)
{
    unsigned char bytes[8];
    store_number(bytes, (uint64_t)value, sizeof bytes);
    sq_text_add(text, bytes, sizeof bytes);
}

void sq_put_texts(sq_text *text, const char *value, size_t bytes)
{
    unsigned char length[4];
    store_number(length, value ? bytes : (uint32_t)NONE, sizeof length);
    sq_text_add(text, length, sizeof length);
    if (!value)
        return;
    sq_text_add(text, value, bytes);
    sq_text_add(text, "", 1);
}

void sq_put_text(sq_text *text, const char *value)
{
    sq_put_texts(text, value, value ? strlen(value) : 0);
}

int sq_record_read(const char *data, size_t bytes, const uint8_t salt[SQ_SALT_BYTES], sq_record *out,
                   size_t *out_needed)
{
    uint8_t check[SQ_CHECK_BYTES];
    *out_needed = SQ_RECORD_HEAD;
    if (bytes < SQ_RECORD_HEAD)
        return 0;
    size_t payload = load_number(data, 4);
    unsigned type = (unsigned char)data[4];
    if (type < SQ_RECORD_SECRET || type > SQ_RECORD_RESTORED || data[5] || data[6] || data[7])
        return -1;
    *out_needed = sq_record_room(payload);
    if (bytes < *out_needed)
        return 0;
    if (!check_of(data, payload, salt, check) || memcmp(check, data + CHECKED, sizeof check) != 0)
        return -1;
    for (size_t at = SQ_RECORD_HEAD + payload; at < *out_needed; at++) {
        if (data[at])
            return -1;
    }
    *out = (sq_record){(sq_record_type)type, (int64_t)load_number(data + 8, 8), data + SQ_RECORD_HEAD, payload};
    return 1;
}

void sq_take_bytes(sq_fields *fields, void *out, size_t bytes)
{
    if (fields->failed || (size_t)(fields->end - fields->at) < bytes) {
        fields->failed = true;
        memset(out, 0, bytes);
        return;
    }
    memcpy(out, fields->at, bytes);
    fields->at += bytes;
}

int64_t sq_take_integer(sq_fields *fields)
{
    char bytes[8];
    sq_take_bytes(fields, bytes, sizeof bytes);
    return (int64_t)load_number(bytes, sizeof bytes);
}

const char *sq_take_text(sq_fields *fields, size_t *out_bytes)
{
    char length[4];
    sq_take_bytes(fields, length, sizeof length);
    size_t bytes = load_number(length, sizeof length);
    if (out_bytes)
        *out_bytes = 0;
    if (fields->failed || bytes == (uint32_t)NONE)
        return NULL;
    const char *text = fields->at;
    if ((size_t)(fields->end - text) <= bytes || text[bytes] != '\0') {
        fields->failed = true;
        return NULL;
    }
    fields->at += bytes + 1;
    if (out_bytes)
        *out_bytes = bytes;
    return text;
}

bool sq_take_id(sq_fields *fields, char out[SQ_ID_BYTES + 1])
{
    size_t bytes;
    const char *id = sq_take_text(fields, &bytes);
    out[0] = '\0';
    if (!id || !sq_id_valid(id, bytes))
        return false;
    memcpy(out, id, bytes + 1);
    return true;
}

static sq_fields fields_of(const sq_record *record)
{
    return (sq_fields){record->payload, record->payload + record->bytes, false};
}

/* Nothing is left over, and nothing was missing. */
static bool ended(const sq_fields *fields)
{
    return !fields->failed && fields->at == fields->end;
}

void sq_put_project(sq_text *text, const sq_project *project)
{
    const int64_t numbers[] = {project->num,   project->seq,      project->pruned_seq, project->live,
                               project->bytes, project->max_live, project->max_bytes,  project->created_at};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sq_put_integer(text, numbers[i]);
    sq_put_text(text, project->name);
}

bool sq_take_project(const sq_record *record, sq_project *out)
{
    sq_fields fields = fields_of(record);
    *out = (sq_project){0};
    int64_t *const numbers[] = {&out->num,   &out->seq,      &out->pruned_seq, &out->live,
                                &out->bytes, &out->max_live, &out->max_bytes,  &out->created_at};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = sq_take_integer(&fields);
    return sq_take_id(&fields, out->name) && ended(&fields) && out->num > 0;
}

void sq_put_revision(sq_text *text, const sq_revision *revision)
{
    const int64_t numbers[] = {revision->rev, revision->seq, revision->created_at, revision->at, revision->expires_at};
    const char *const texts[] = {sq_op_name(revision->op), revision->project,  revision->id,    revision->name,
                                 revision->parent_id,      revision->metadata, revision->source};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sq_put_integer(text, numbers[i]);
    sq_text_add(text, revision->fingerprint, SQ_DIGEST_BYTES);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        sq_put_text(text, texts[i]);
    sq_put_texts(text, revision->data, revision->data_bytes);
}

bool sq_take_revision(const sq_record *record, sq_revision *out)
{
    sq_fields fields = fields_of(record);
    *out = (sq_revision){0};
    int64_t *const numbers[] = {&out->rev, &out->seq, &out->created_at, &out->at, &out->expires_at};
    const char *op = NULL;
    const char **const texts[] = {&op,         &out->project, &out->id, &out->name, &out->parent_id, &out->metadata,
                                  &out->source};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = sq_take_integer(&fields);
    sq_take_bytes(&fields, out->fingerprint, SQ_DIGEST_BYTES);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = sq_take_text(&fields, NULL);
    out->data = sq_take_text(&fields, &out->data_bytes);
    return ended(&fields) && op && sq_op_read(op, &out->op) && out->project && out->id && out->source &&
           sq_id_valid(out->id, strlen(out->id)) && out->rev > 0 && out->seq > 0;
}

static size_t text_room(const char *text, size_t bytes)
{
    return 4 + (text ? bytes + 1 : 0);
}

size_t sq_revision_record(const sq_revision *revision)
{
    const char *const texts[] = {sq_op_name(revision->op), revision->project,  revision->id,    revision->name,
                                 revision->parent_id,      revision->metadata, revision->source};
    size_t bytes = 5 * 8 + SQ_DIGEST_BYTES;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bytes += text_room(texts[i], texts[i] ? strlen(texts[i]) : 0);
    return sq_record_room(bytes + text_room(revision->data_bytes ? "" : NULL, revision->data_bytes));
}

void sq_put_drop(sq_text *text, const sq_dropped *dropped)
{
    sq_put_integer(text, dropped->rev);
    sq_put_integer(text, dropped->purge);
    sq_put_text(text, dropped->project);
    sq_put_text(text, dropped->id);
}

bool sq_take_drop(const sq_record *record, sq_dropped *out)
{
    sq_fields fields = fields_of(record);
    out->rev = sq_take_integer(&fields);
    out->purge = sq_take_integer(&fields) != 0;
    out->project = sq_take_text(&fields, NULL);
    out->id = sq_take_text(&fields, NULL);
    return ended(&fields) && out->project && out->id;
}

void sq_put_operation(sq_text *text, const sq_kept_operation *kept)
{
    sq_put_integer(text, kept->operation.rev);
    sq_put_integer(text, kept->operation.seq);
    sq_put_integer(text, kept->operation.expires_at);
    sq_text_add(text, kept->operation.request, SQ_REQUEST_BYTES);
    sq_put_text(text, kept->operation.id);
    sq_put_text(text, kept->project);
    sq_put_text(text, kept->principal);
    sq_put_text(text, kept->key);
}

bool sq_take_operation(const sq_record *record, sq_kept_operation *out)
{
    sq_fields fields = fields_of(record);
    *out = (sq_kept_operation){0};
    out->operation.rev = sq_take_integer(&fields);
    out->operation.seq = sq_take_integer(&fields);
    out->operation.expires_at = sq_take_integer(&fields);
    sq_take_bytes(&fields, out->operation.request, SQ_REQUEST_BYTES);
    bool good = sq_take_id(&fields, out->operation.id);
    out->project = sq_take_text(&fields, NULL);
    out->principal = sq_take_text(&fields, NULL);
    out->key = sq_take_text(&fields, NULL);
    return good && ended(&fields) && out->project && out->principal && out->key;
}
