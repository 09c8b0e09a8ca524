/* SPDX-License-Identifier: MIT */
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include "json/write.h"
#include "process/report.h"

static void add_string(sq_text *out, const char *key, const char *value)
{
    sq_text_format(out, ",\"%s\":", key);
    if (value)
        sq_text_quote(out, value, strlen(value));
    else
        sq_text_string(out, "null");
}

static void add_time(sq_text *out, const char *key, sq_time when)
{
    char text[SQ_TIME_BYTES];
    if (when != SQ_NEVER)
        sq_time_write(when, text);
    add_string(out, key, when != SQ_NEVER ? text : NULL);
}

static void add_fingerprint(sq_text *out, const sq_revision *r)
{
    sq_text_string(out, ",\"fingerprint\":\"sha256:");
    for (size_t i = 0; i < sizeof r->fingerprint; i++)
        sq_text_format(out, "%02x", r->fingerprint[i]);
    sq_text_char(out, '"');
}

static void add_data(sq_text *out, const sq_revision *r, const char *data, size_t bytes)
{
    if (data) {
        sq_text_string(out, ",\"data\":");
        sq_text_add(out, data, bytes);
    } else {
        sq_text_format(out, ",\"data_bytes\":%zu", r->data_bytes);
    }
}

/* With `op`, and with a diff in the place of the data. */
static void add_context(sq_text *out, const sq_revision *r, const char *data, size_t data_bytes, bool with_op,
                        const char *diff)
{
    bool live = sq_revision_state(r) == SQ_LIVE;
    if (!data && !diff && r->data) {
        data = r->data;
        data_bytes = r->data_bytes;
    }
    sq_text_string(out, "{\"id\":");
    sq_text_quote(out, r->id, strlen(r->id));
    add_string(out, "project", r->project);
    if (live) {
        add_string(out, "name", r->name);
        add_data(out, r, data, data_bytes);
        sq_text_format(out, ",\"metadata\":%s", r->metadata ? r->metadata : "{}");
        add_string(out, "parent_id", r->parent_id);
    }
    sq_text_format(out, ",\"rev\":%lld,\"seq\":%lld", (long long)r->rev, (long long)r->seq);
    if (with_op)
        add_string(out, "op", sq_op_name(r->op));
    add_time(out, "created_at", r->created_at);
    add_time(out, "updated_at", r->at);
    if (live)
        add_time(out, "expires_at", r->expires_at);
    sq_text_format(out, ",\"source\":%s", r->source ? r->source : "null");
    if (live)
        add_fingerprint(out, r);
    if (diff)
        sq_text_string(out, ",\"diff\":");
    sq_text_string(out, diff ? diff : "");
    sq_text_string(out, "}\n");
}

void sq_show_context(sq_text *out, const sq_revision *r, const char *data, size_t data_bytes)
{
    add_context(out, r, data, data_bytes, false, NULL);
}

void sq_show_revision(sq_text *out, const sq_revision *r)
{
    add_context(out, r, NULL, 0, true, NULL);
}

void sq_show_changed(sq_text *out, const sq_revision *r, const char *diff)
{
    add_context(out, r, NULL, 0, true, diff);
}

static void add_moment(sq_text *out, sq_time when)
{
    char text[SQ_TIME_BYTES];
    sq_time_write(when, text);
    text[10] = ' ';
    text[19] = '\0';
    sq_text_string(out, text);
}

static void add_pretty(sq_text *out, const char *data, size_t bytes)
{
    sq_json *value;
    sq_json_error refused;
    if (sq_json_parse(data, bytes, SQ_JSON_DEPTH_MAX, &value, &refused) < 0) {
        sq_text_add(out, data, bytes);
        return;
    }
    sq_text text = {0};
    sq_json_write(&text, value, SQ_JSON_PRETTY);
    for (char *line = text.data, *end; line; line = end ? end + 1 : NULL) { /* control characters are escaped in JSON */
        end = strchr(line, '\n');
        if (end)
            *end = '\0';
        sq_text_printable(out, line);
        sq_text_char(out, '\n');
    }
    sq_text_free(&text);
    sq_json_unref(value);
}

static void add_field(sq_text *out, const char *label, const char *value)
{
    if (!value)
        return;
    sq_text_format(out, "%-10s", label);
    sq_text_printable(out, value);
    sq_text_char(out, '\n');
}

void sq_show_page(sq_text *out, const sq_revision *r, const char *data, size_t data_bytes)
{
    bool live = sq_revision_state(r) == SQ_LIVE;
    sq_text_format(out, "%s/%s, rev %lld\n", r->project, r->id, (long long)r->rev);
    add_field(out, "name", r->name);
    add_field(out, "parent", r->parent_id);
    if (r->metadata && strcmp(r->metadata, "{}") != 0)
        add_field(out, "metadata", r->metadata);
    sq_text_format(out, "%-10s", live ? "updated" : sq_op_name(r->op));
    add_moment(out, r->at);
    sq_text_char(out, '\n');
    if (live && r->expires_at != SQ_NEVER) {
        sq_text_format(out, "%-10s", "expires");
        add_moment(out, r->expires_at);
        sq_text_char(out, '\n');
    }
    add_field(out, "source", r->source);
    if (!data) {
        data = r->data;
        data_bytes = r->data_bytes;
    }
    if (live && data)
        add_pretty(out, data, data_bytes);
}

void sq_show_heads(sq_text *out, bool history)
{
    sq_text_format(out, "%-20s %5s %9s  %-28s %s\n", "UPDATED (UTC)", "REV", "BYTES", "ID", history ? "DONE" : "NAME");
}

void sq_show_row(sq_text *out, const sq_revision *r, bool history)
{
    add_moment(out, r->at);
    sq_text_format(out, "  %5lld %9zu  %-28s ", (long long)r->rev, r->data_bytes, r->id);
    sq_text_printable(out, history ? sq_op_name(r->op) : r->name ? r->name : "");
    sq_text_char(out, '\n');
}
