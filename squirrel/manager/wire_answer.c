/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/parts.h"

enum { VERIFY_BYTES = 1 << 16 };

/* ---- writing */

static size_t data_bytes(const sq_revision *revision)
{
    return revision && revision->data ? revision->data_bytes : 0;
}

static void put_outcome(sq_parts *parts, const char *name, const sq_revision *revision, bool with_data)
{
    if (!revision)
        return;
    sq_revision shown = sq_revision_fields(revision);
    if (!with_data)
        shown.data = NULL;
    sq_parts_revision(parts, name, &shown);
}

static void put_written(sq_parts *parts, const sq_answer *answer)
{
    size_t bytes = 0;
    for (size_t i = 0; i < answer->write.count; i++)
        bytes += data_bytes(answer->write.written[i].revision) + data_bytes(answer->write.written[i].current);
    sq_parts_open(parts, "written", '[');
    for (size_t i = 0; i < answer->write.count; i++) {
        const sq_written *written = &answer->write.written[i];
        sq_parts_open(parts, NULL, '{');
        put_outcome(parts, "revision", written->revision, bytes <= SQ_PROCESS_BYTES);
        put_outcome(parts, "current", written->current, bytes <= SQ_PROCESS_BYTES);
        sq_parts_flag(parts, "replayed", written->replayed);
        sq_parts_flag(parts, "failed", written->failed);
        sq_parts_close(parts, '}');
    }
    sq_parts_close(parts, ']');
}

static void put_page(sq_parts *parts, const sq_page *page)
{
    sq_parts_open(parts, "items", '[');
    for (size_t i = 0; i < page->count; i++)
        sq_parts_revision(parts, NULL, page->items[i]);
    sq_parts_close(parts, ']');
    sq_parts_number(parts, "upper", page->upper);
    sq_parts_flag(parts, "partial", page->partial);
    sq_parts_text(parts, "cursor", page->cursor);
}

static void put_projects(sq_parts *parts, const sq_answer *answer)
{
    sq_parts_open(parts, "projects", '[');
    for (size_t i = 0; i < answer->projects.count; i++) {
        const sq_project *project = &answer->projects.projects[i];
        sq_parts_open(parts, NULL, '{');
        sq_parts_text(parts, "name", project->name);
        sq_parts_number(parts, "seq", project->seq);
        sq_parts_number(parts, "pruned_seq", project->pruned_seq);
        sq_parts_number(parts, "live", project->live);
        sq_parts_number(parts, "bytes", project->bytes);
        sq_parts_number_but(parts, "max_live", project->max_live, 0);
        sq_parts_number_but(parts, "max_bytes", project->max_bytes, 0);
        sq_parts_number(parts, "created_at", project->created_at);
        sq_parts_close(parts, '}');
    }
    sq_parts_close(parts, ']');
}

static void put_resolved(sq_parts *parts, const sq_resolved *resolved)
{
    sq_parts_revision(parts, "revision", resolved->revision);
    sq_parts_number(parts, "bytes", (int64_t)resolved->measure.bytes);
    sq_parts_number(parts, "keys", (int64_t)resolved->measure.keys);
    sq_parts_number(parts, "depth", (int64_t)resolved->measure.depth);
    sq_parts_number(parts, "tokens", (int64_t)resolved->measure.tokens);
    sq_parts_text(parts, "fingerprint", resolved->measure.fingerprint);
    sq_parts_body(parts, resolved->data.data, resolved->data.bytes);
}

static void put_processed(sq_parts *parts, const sq_answer *answer)
{
    sq_parts_open(parts, "processed", '[');
    for (size_t i = 0; i < answer->process.count; i++) {
        const sq_processed *item = &answer->process.items[i];
        sq_parts_open(parts, NULL, '{');
        sq_parts_number(parts, "rc", item->rc);
        if (item->rc == 0)
            put_resolved(parts, &item->resolved);
        else
            sq_parts_error(parts, &item->error);
        sq_parts_close(parts, '}');
    }
    sq_parts_close(parts, ']');
}

static void put_verified(sq_parts *parts, const sq_verified *verified)
{
    size_t bytes = verified->report.bytes < VERIFY_BYTES ? verified->report.bytes : VERIFY_BYTES;
    sq_parts_number(parts, "projects", verified->projects);
    sq_parts_number(parts, "contexts", verified->contexts);
    sq_parts_number(parts, "revisions", verified->revisions);
    sq_parts_number(parts, "problems", verified->problems);
    sq_parts_body(parts, verified->report.data, bytes);
}

/* The numbers of a status, for both directions. */
static const struct { const char *name; size_t offset; } counts[] = {
    {"projects", offsetof(sq_status, projects)},   {"live", offsetof(sq_status, live)},
    {"bytes", offsetof(sq_status, bytes)},         {"writes", offsetof(sq_status, writes)},
    {"groups", offsetof(sq_status, groups)},       {"queued", offsetof(sq_status, queued)},
    {"index_lag", offsetof(sq_status, index_lag)}, {"scrubs", offsetof(sq_status, scrubs)},
    {"conflicts", offsetof(sq_status, conflicts)},
};

enum { COUNTS = sizeof counts / sizeof *counts };

static void put_status(sq_parts *parts, const sq_status *status)
{
    sq_parts_text(parts, "store", status->store);
    sq_parts_text(parts, "path", status->path);
    sq_parts_text(parts, "condition", status->condition);
    sq_parts_text(parts, "last_error", status->last_error);
    for (size_t i = 0; i < COUNTS; i++) {
        int64_t number;
        memcpy(&number, (const char *)status + counts[i].offset, sizeof number);
        sq_parts_number(parts, counts[i].name, number);
    }
}

static void put_result(sq_parts *parts, sq_ask ask, const sq_answer *answer)
{
    switch (ask) {
    case SQ_ASK_GET:
        sq_parts_revision(parts, "revision", answer->revision);
        break;
    case SQ_ASK_LIST:
    case SQ_ASK_HISTORY:
        put_page(parts, &answer->page);
        break;
    case SQ_ASK_PROJECTS:
        put_projects(parts, answer);
        break;
    case SQ_ASK_RESOLVE:
        put_resolved(parts, &answer->resolved);
        break;
    case SQ_ASK_PROCESS:
        put_processed(parts, answer);
        break;
    case SQ_ASK_VERIFY:
        put_verified(parts, &answer->verified);
        break;
    case SQ_ASK_STATUS:
        put_status(parts, &answer->status);
        break;
    case SQ_ASK_WRITE:
    case SQ_ASK_WATCH:
    case SQ_ASK_BACKUP:
    case SQ_ASK_SCRUB:
    case SQ_ASKS:
        break;
    }
}

void sq_wire_write_answer(sq_text *out, sq_ask ask, const sq_answer *answer)
{
    sq_parts parts = {.out = out};
    sq_parts_open(&parts, NULL, '{');
    sq_parts_number(&parts, "rc", answer->rc);
    if (answer->rc < 0)
        sq_parts_error(&parts, &answer->error);
    if (ask == SQ_ASK_WRITE)
        put_written(&parts, answer);
    else if (answer->rc == 0)
        put_result(&parts, ask, answer);
    sq_parts_close(&parts, '}');
    sq_parts_end(&parts);
}

/* ---- reading */

static void get_written(sq_parts_in *in, sq_answer *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "written", SQ_BATCH_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    out->write.written = calloc(count + 1, sizeof *out->write.written);
    in->no_memory = !out->write.written;
    for (size_t i = 0; !in->no_memory && i < count; i++) {
        const sq_json *value = sq_json_at(array, i);
        out->write.written[i].revision = sq_parts_get_revision(in, value, "revision");
        out->write.written[i].current = sq_parts_get_revision(in, value, "current");
        out->write.written[i].replayed = sq_parts_get_flag(in, value, "replayed");
        out->write.written[i].failed = sq_parts_get_flag(in, value, "failed");
        out->write.count++;
    }
}

static void copy_text(sq_parts_in *in, const sq_json *object, const char *name, char *out, size_t room)
{
    const char *text = sq_parts_get_text(in, object, name);
    snprintf(out, room, "%s", text ? text : "");
}

static void get_page(sq_parts_in *in, sq_page *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "items", SQ_PAGE_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    out->items = calloc(count + 1, sizeof *out->items);
    in->no_memory = !out->items;
    for (size_t i = 0; !in->no_memory && !in->failed && i < count; i++) {
        out->items[i] = sq_parts_get_revision(in, sq_json_at(array, i), NULL);
        out->count += out->items[i] != NULL;
    }
    out->upper = sq_parts_get_number(in, in->document, "upper", 0);
    out->partial = sq_parts_get_flag(in, in->document, "partial");
    copy_text(in, in->document, "cursor", out->cursor, sizeof out->cursor);
}

static void get_projects(sq_parts_in *in, sq_answer *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "projects", SQ_PAGE_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    out->projects.projects = calloc(count + 1, sizeof *out->projects.projects);
    in->no_memory = !out->projects.projects;
    for (size_t i = 0; !in->no_memory && i < count; i++) {
        const sq_json *value = sq_json_at(array, i);
        sq_project *project = &out->projects.projects[out->projects.count++];
        copy_text(in, value, "name", project->name, sizeof project->name);
        project->seq = sq_parts_get_number(in, value, "seq", 0);
        project->pruned_seq = sq_parts_get_number(in, value, "pruned_seq", 0);
        project->live = sq_parts_get_number(in, value, "live", 0);
        project->bytes = sq_parts_get_number(in, value, "bytes", 0);
        project->max_live = sq_parts_get_number(in, value, "max_live", 0);
        project->max_bytes = sq_parts_get_number(in, value, "max_bytes", 0);
        project->created_at = sq_parts_get_number(in, value, "created_at", 0);
    }
}

static void get_resolved(sq_parts_in *in, const sq_json *value, sq_resolved *out)
{
    size_t bytes = 0;
    out->revision = sq_parts_get_revision(in, value, "revision");
    out->measure.bytes = (size_t)sq_parts_get_number(in, value, "bytes", 0);
    out->measure.keys = (size_t)sq_parts_get_number(in, value, "keys", 0);
    out->measure.depth = (size_t)sq_parts_get_number(in, value, "depth", 0);
    out->measure.tokens = (size_t)sq_parts_get_number(in, value, "tokens", 0);
    copy_text(in, value, "fingerprint", out->measure.fingerprint, sizeof out->measure.fingerprint);
    const char *data = sq_parts_get_body(in, value, &bytes);
    if (data)
        sq_text_add(&out->data, data, bytes);
    in->failed = in->failed || !data || !out->revision;
    in->no_memory = in->no_memory || out->data.failed;
}

static void get_processed(sq_parts_in *in, sq_answer *out)
{
    const sq_json *array = sq_parts_get_array(in, in->document, "processed", SQ_PAGE_MAX);
    size_t count = array ? sq_json_size(array) : 0;
    out->process.items = calloc(count + 1, sizeof *out->process.items);
    in->no_memory = !out->process.items;
    for (size_t i = 0; !in->no_memory && i < count; i++) {
        const sq_json *value = sq_json_at(array, i);
        sq_processed *item = &out->process.items[out->process.count++];
        item->rc = (int)sq_parts_get_number(in, value, "rc", -EINVAL);
        if (item->rc == 0)
            get_resolved(in, value, &item->resolved);
        else
            sq_parts_get_error(in, value, &item->error);
    }
}

static void get_verified(sq_parts_in *in, sq_verified *out)
{
    size_t bytes = 0;
    out->projects = sq_parts_get_number(in, in->document, "projects", 0);
    out->contexts = sq_parts_get_number(in, in->document, "contexts", 0);
    out->revisions = sq_parts_get_number(in, in->document, "revisions", 0);
    out->problems = sq_parts_get_number(in, in->document, "problems", 0);
    const char *report = sq_parts_get_body(in, in->document, &bytes);
    if (report && bytes)
        sq_text_add(&out->report, report, bytes);
    in->no_memory = in->no_memory || out->report.failed;
}

static void get_status(sq_parts_in *in, sq_status *out)
{
    copy_text(in, in->document, "store", out->store, sizeof out->store);
    copy_text(in, in->document, "path", out->path, sizeof out->path);
    copy_text(in, in->document, "condition", out->condition, sizeof out->condition);
    copy_text(in, in->document, "last_error", out->last_error, sizeof out->last_error);
    for (size_t i = 0; i < COUNTS; i++) {
        int64_t number = sq_parts_get_number(in, in->document, counts[i].name, 0);
        memcpy((char *)out + counts[i].offset, &number, sizeof number);
    }
}

static void get_result(sq_parts_in *in, sq_ask ask, sq_answer *out)
{
    switch (ask) {
    case SQ_ASK_GET:
        out->revision = sq_parts_get_revision(in, in->document, "revision");
        in->failed = in->failed || (!out->revision && !in->no_memory);
        break;
    case SQ_ASK_LIST:
    case SQ_ASK_HISTORY:
        get_page(in, &out->page);
        break;
    case SQ_ASK_PROJECTS:
        get_projects(in, out);
        break;
    case SQ_ASK_RESOLVE:
        get_resolved(in, in->document, &out->resolved);
        break;
    case SQ_ASK_PROCESS:
        get_processed(in, out);
        break;
    case SQ_ASK_VERIFY:
        get_verified(in, &out->verified);
        break;
    case SQ_ASK_STATUS:
        get_status(in, &out->status);
        break;
    case SQ_ASK_WRITE:
    case SQ_ASK_WATCH:
    case SQ_ASK_BACKUP:
    case SQ_ASK_SCRUB:
    case SQ_ASKS:
        break;
    }
}

int sq_wire_read_answer(const char *payload, size_t bytes, sq_ask ask, sq_answer *out, sq_error *error)
{
    sq_parts_in in;
    sq_answer made = {0};
    int rc = sq_parts_read(payload, bytes, &in, error);
    if (rc < 0)
        return rc;
    made.rc = (int)sq_parts_get_number(&in, in.document, "rc", 1);
    in.failed = in.failed || made.rc > 0;
    if (made.rc < 0)
        sq_parts_get_error(&in, in.document, &made.error);
    if (ask == SQ_ASK_WRITE)
        get_written(&in, &made);
    else if (made.rc == 0)
        get_result(&in, ask, &made);
    rc = sq_parts_done(&in, error);
    sq_json_unref(in.document);
    if (rc < 0)
        sq_answer_free(ask, &made);
    else
        *out = made;
    return rc;
}

void sq_wire_write_event(sq_text *out, const sq_event *event)
{
    sq_parts parts = {.out = out};
    sq_parts_open(&parts, NULL, '{');
    sq_parts_number(&parts, "seq", event->seq);
    sq_parts_revision(&parts, "revision", event->revision);
    sq_parts_close(&parts, '}');
    sq_parts_end(&parts);
}

int sq_wire_read_event(const char *payload, size_t bytes, sq_event *out, sq_error *error)
{
    sq_parts_in in;
    int rc = sq_parts_read(payload, bytes, &in, error);
    if (rc < 0)
        return rc;
    sq_event event = {.seq = sq_parts_get_number(&in, in.document, "seq", 0)};
    event.revision = sq_parts_get_revision(&in, in.document, "revision");
    rc = sq_parts_done(&in, error);
    sq_json_unref(in.document);
    if (rc < 0)
        sq_revision_unref(event.revision);
    else
        *out = event;
    return rc;
}
