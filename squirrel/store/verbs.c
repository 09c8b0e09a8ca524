/* SPDX-License-Identifier: MIT */
/* What each verb does: the table in write.h, made true. */
#include <errno.h>
#include <string.h>

#include "context/merge.h"
#include "json/write.h"
#include "store/decision.h"

static bool there(const sq_decision *d)
{
    return d->known && sq_head_there(&d->head, d->txn->now);
}

int sq_decision_load(sq_decision *d, int64_t rev, const sq_revision **out)
{
    return d->txn->ops->revision(d->txn, &d->project, d->id, &d->head, rev, out, d->error);
}

/* The newest revision is there by the rules of every store; if it is not, the store is damaged. */
static int load_head(sq_decision *d, const sq_revision **out)
{
    int rc = sq_decision_load(d, d->head.rev, out);
    if (rc != -ENOENT)
        return rc;
    sq_fail(d->error, SQ_STORE_FAILED, "the newest revision of \"%.60s\" is missing: verify the store", d->id);
    return -EIO;
}

/* Fails with the head for the client to look at. */
static int refuse_with_head(sq_decision *d, sq_written *out, sq_code code)
{
    int rc = load_head(d, &out->current);
    if (rc < 0)
        return rc;
    if (code == SQ_EXISTS)
        return sq_fail(d->error, code, "\"%.128s\" exists already, at rev %lld: update it, or take another id", d->id,
                       (long long)d->head.rev);
    return sq_fail(d->error, code, "\"%.128s\" is at rev %lld, not %lld: look at what has changed, and try again",
                   d->id, (long long)d->head.rev, (long long)d->write->expected_rev);
}

int sq_refuse_absent(const sq_decision *d)
{
    return sq_fail_absent(d->error, d->write->project, d->id, d->known ? &d->head : NULL);
}

/* S13 */
static int check_rev(sq_decision *d, bool needed, sq_written *out)
{
    int64_t expected = d->write->expected_rev;
    if (expected == SQ_REV_NONE && needed)
        return sq_fail(d->error, SQ_PRECONDITION_REQUIRED, "%s needs the rev that it is based on (now %lld), or force",
                       sq_verb_name(d->write->verb), (long long)d->head.rev);
    if (expected > 0 && expected != d->head.rev)
        return refuse_with_head(d, out, SQ_CONFLICT);
    return 0;
}

static sq_content content_of(const sq_revision *revision)
{
    sq_content content = {
        .name = revision->name,
        .parent_id = revision->parent_id,
        .metadata = revision->metadata,
        .expires_at = revision->expires_at,
        .data = revision->data,
        .data_bytes = revision->data_bytes,
    };
    memcpy(content.fingerprint, revision->fingerprint, SQ_DIGEST_BYTES);
    return content;
}

/* The fields that the write sets, but for data. */
static int set_fields(sq_decision *d, sq_content *content)
{
    const sq_write *w = d->write;
    if (w->set & SQ_SET_NAME)
        content->name = w->name;
    if (w->set & SQ_SET_METADATA)
        content->metadata = w->metadata;
    if (w->set & SQ_SET_CREATED)
        content->created_at = w->created_at;
    if (w->set & SQ_SET_EXPIRY) {
        content->expires_at = w->expires_at;
        if (w->expires_at <= d->txn->now)
            return sq_fail(d->error, SQ_INVALID, "expires_at has passed: give a later time, or delete the context");
    }
    if (!(w->set & SQ_SET_PARENT))
        return 0;
    content->parent_id = w->parent_id;
    bool same = w->parent_id && there(d) && strcmp(w->parent_id, d->head.parent_id) == 0;
    return w->parent_id && !same ? sq_parents_check(d, w->parent_id) : 0;
}

static void set_data(const sq_decision *d, sq_content *content)
{
    content->data = d->write->data;
    content->data_bytes = d->write->data_bytes;
    memcpy(content->fingerprint, d->prepared->fingerprint, SQ_DIGEST_BYTES);
}

static int create(sq_decision *d, sq_op op, sq_written *out)
{
    sq_content content = {.expires_at = SQ_NEVER};
    if (there(d))
        return refuse_with_head(d, out, SQ_EXISTS);
    int rc = set_fields(d, &content);
    set_data(d, &content);
    return rc < 0 ? rc : sq_record(d, d->id, &d->head, op, &content, &out->revision);
}

static int replace(sq_decision *d, sq_written *out)
{
    const sq_revision *old;
    if (!there(d))
        return sq_refuse_absent(d);
    int rc = check_rev(d, true, out);
    if (rc < 0 || (rc = load_head(d, &old)) < 0)
        return rc;
    sq_content content = content_of(old);
    rc = set_fields(d, &content);
    set_data(d, &content);
    if (rc == 0)
        rc = sq_record(d, d->id, &d->head, SQ_OP_REPLACE, &content, &out->revision);
    sq_revision_unref(old);
    return rc;
}

/* S15: the limits hold for the result. `text` keeps it. */
static int merge_data(sq_decision *d, const sq_revision *old, sq_text *text, sq_content *content)
{
    sq_json *data;
    sq_json_error refused;
    int rc = sq_json_parse(old->data, old->data_bytes, SQ_JSON_DEPTH_MAX, &data, &refused);
    if (rc == -ENOMEM)
        return sq_fail_memory(d->error);
    if (rc < 0) {
        sq_fail(d->error, SQ_STORE_FAILED, "the data of \"%.60s\" is damaged: verify the store", d->id);
        return -EIO;
    }
    data = d->write->verb == SQ_APPEND ? sq_merge_append(data, d->prepared->value) : sq_merge(data, d->prepared->value);
    if (data)
        sq_json_write(text, data, SQ_JSON_COMPACT);
    bool good = data && !text->failed && sq_fingerprint(data, content->fingerprint);
    sq_json_unref(data);
    if (!good)
        return sq_fail_memory(d->error);
    if (text->bytes > d->txn->limits->data_bytes)
        return sq_fail(d->error, SQ_TOO_LARGE, "data would have %zu bytes: at most %zu are accepted", text->bytes,
                       d->txn->limits->data_bytes);
    content->data = text->data;
    content->data_bytes = text->bytes;
    return 0;
}

static int patch(sq_decision *d, sq_written *out)
{
    const sq_revision *old;
    sq_text text = {0};
    if (!there(d))
        return sq_refuse_absent(d);
    int rc = check_rev(d, false, out);
    if (rc < 0 || (rc = load_head(d, &old)) < 0)
        return rc;
    sq_content content = content_of(old);
    rc = set_fields(d, &content);
    if (rc == 0 && d->write->set & SQ_SET_DATA)
        rc = merge_data(d, old, &text, &content);
    if (rc == 0)
        rc = sq_record(d, d->id, &d->head, d->write->verb == SQ_APPEND ? SQ_OP_APPEND : SQ_OP_PATCH, &content,
                       &out->revision);
    sq_text_free(&text);
    sq_revision_unref(old);
    return rc;
}

static int delete(sq_decision *d, sq_written *out)
{
    if (!there(d))
        return sq_refuse_absent(d);
    int rc = check_rev(d, true, out);
    if (rc == 0)
        rc = sq_parents_release(d, d->id, &d->head, SQ_OP_DELETE);
    return rc < 0 ? rc : sq_record_end(d, d->id, &d->head, SQ_OP_DELETE, &out->revision);
}

static int purge(sq_decision *d, sq_written *out)
{
    if (!d->known || d->head.state == SQ_PURGED)
        return sq_refuse_absent(d);
    int rc = check_rev(d, false, out);
    if (rc == 0)
        rc = sq_parents_release(d, d->id, &d->head, SQ_OP_PURGE);
    return rc < 0 ? rc : sq_record_end(d, d->id, &d->head, SQ_OP_PURGE, &out->revision);
}

/* The revision whose content is wanted: a given one, or the newest below the head that has content. */
static int find_older(sq_decision *d, const sq_revision **out)
{
    int64_t rev = d->write->to_rev ? d->write->to_rev : d->head.rev - 1;
    int rc = rev >= d->head.rev ? -ENOENT : 0;
    for (; rc == 0 && rev >= 1; rev--) {
        rc = sq_decision_load(d, rev, out);
        if (rc < 0 || sq_revision_state(*out) == SQ_LIVE)
            break;
        sq_revision_unref(*out);
        rc = d->write->to_rev ? -ENOENT : 0;
    }
    if (rc == -ENOENT || rev < 1)
        return sq_fail(d->error, SQ_NOT_FOUND, "the history of \"%.60s\" has no %s to go back to: see its history",
                       d->id, d->write->to_rev ? "content of this rev" : "older content");
    return rc;
}

static int undo(sq_decision *d, sq_written *out)
{
    const sq_revision *older;
    if (!d->known || d->head.state == SQ_PURGED)
        return sq_refuse_absent(d);
    int rc = check_rev(d, true, out);
    if (rc < 0 || (rc = find_older(d, &older)) < 0)
        return rc;
    sq_content content = content_of(older);
    if (content.expires_at <= d->txn->now)
        content.expires_at = SQ_NEVER;
    bool same = content.parent_id && there(d) && strcmp(content.parent_id, d->head.parent_id) == 0;
    if (content.parent_id && !same)
        rc = sq_parents_check(d, content.parent_id);
    if (rc == 0)
        rc = sq_record(d, d->id, &d->head, SQ_OP_UNDO, &content, &out->revision);
    sq_revision_unref(older);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool says_the_same(const sq_decision *d, const sq_revision *head)
{
    const sq_write *w = d->write;
    return memcmp(head->fingerprint, d->prepared->fingerprint, SQ_DIGEST_BYTES) == 0 &&
           head->data_bytes == w->data_bytes && memcmp(head->data, w->data, w->data_bytes) == 0 &&
           same_text(head->name, w->set & SQ_SET_NAME ? w->name : NULL) &&
           same_text(head->parent_id, w->set & SQ_SET_PARENT ? w->parent_id : NULL) &&
           same_text(head->metadata, w->set & SQ_SET_METADATA ? w->metadata : NULL) &&
           head->expires_at == (w->set & SQ_SET_EXPIRY ? w->expires_at : SQ_NEVER);
}

/* import, external: everything is new, unless it says the same. */
static int take_over(sq_decision *d, sq_op op, bool force, sq_written *out)
{
    if (!there(d))
        return create(d, op, out);
    int rc = load_head(d, &out->revision);
    if (rc < 0 || says_the_same(d, out->revision))
        return rc;
    sq_revision_unref(out->revision);
    out->revision = NULL;
    if (!force && d->write->expected_rev == SQ_REV_NONE)
        return refuse_with_head(d, out, SQ_EXISTS);
    rc = force ? 0 : check_rev(d, true, out);
    sq_content content = {.expires_at = SQ_NEVER};
    if (rc == 0)
        rc = set_fields(d, &content);
    set_data(d, &content);
    return rc < 0 ? rc : sq_record(d, d->id, &d->head, op, &content, &out->revision);
}

int sq_verb_carry_out(sq_decision *d, sq_written *out)
{
    switch (d->write->verb) {
    case SQ_CREATE:
        return create(d, SQ_OP_CREATE, out);
    case SQ_REPLACE:
        return replace(d, out);
    case SQ_PATCH:
    case SQ_APPEND:
        return patch(d, out);
    case SQ_DELETE:
        return delete(d, out);
    case SQ_UNDO:
        return undo(d, out);
    case SQ_PURGE:
        return purge(d, out);
    case SQ_IMPORT:
        return take_over(d, SQ_OP_IMPORT, false, out);
    case SQ_EXTERNAL:
        return take_over(d, SQ_OP_EXTERNAL, true, out);
    case SQ_VERBS:
        break;
    }
    return sq_fail(d->error, SQ_INTERNAL, "no such verb: %d", (int)d->write->verb);
}
