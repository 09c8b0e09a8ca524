/* SPDX-License-Identifier: MIT */
#include "process/report.h"

#include <string.h>

#include "context/error_json.h"

static void add_key(sq_text *out, const char *key)
{
    sq_text_string(out, ",\"");
    sq_text_string(out, key);
    sq_text_string(out, "\":");
}

static void add_string(sq_text *out, const char *key, const char *value)
{
    add_key(out, key);
    sq_text_quote(out, value, strlen(value));
}

static void add_number(sq_text *out, const char *key, size_t value)
{
    add_key(out, key);
    sq_text_integer(out, (int64_t)value);
}

static void add_input(sq_text *out, const char *input)
{
    size_t bytes = strlen(input);
    sq_text_string(out, "{\"input\":");
    sq_text_quote(out, input, bytes);
    if (sq_utf8_valid(input, bytes))
        return;
    sq_text_string(out, ",\"input_hex\":\"");
    for (size_t i = 0; i < bytes; i++)
        sq_text_format(out, "%02x", (unsigned char)input[i]);
    sq_text_char(out, '"');
}

static void add_measure(sq_text *out, const sq_measure *measure)
{
    add_string(out, "fingerprint", measure->fingerprint);
    add_number(out, "bytes", measure->bytes);
    add_number(out, "keys", measure->keys);
    add_number(out, "depth", measure->depth);
    add_number(out, "tokens", measure->tokens);
}

void sq_report_json(sq_text *out, const sq_outcome *o)
{
    add_input(out, o->input);
    if (o->error.code != SQ_OK) {
        add_key(out, "error");
        sq_error_write(out, &o->error);
        sq_text_string(out, "}\n");
        return;
    }
    add_string(out, "id", o->context.id);
    add_string(out, "project", o->context.project);
    if (o->context.parent_id)
        add_string(out, "parent_id", o->context.parent_id);
    add_number(out, "ancestors", o->ancestors);
    if (o->expired)
        sq_text_string(out, ",\"expired\":true");
    add_measure(out, &o->measure);
    if (o->answer.bytes > 0) {
        sq_text_string(out, ",\"output\":");
        sq_text_add(out, o->answer.data, o->answer.bytes);
    }
    sq_text_string(out, "}\n");
}

/* Characters that only steer: C0 and C1 controls, line separators, and those that turn the direction of text. */
static bool steers(const unsigned char *at, unsigned length)
{
    if (length == 1)
        return *at < 0x20 || *at == 0x7f;
    if (length == 2)
        return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
    if (length != 3 || at[0] != 0xe2)
        return false;
    return (at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
           (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

void sq_text_printable(sq_text *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    while (at < end) {
        unsigned length = sq_utf8_length(at, end);
        if (length > 0 && !steers(at, length)) {
            sq_text_add(out, at, length);
            at += length;
        } else {
            sq_text_format(out, "\\x%02x", *at++);
        }
    }
}

static void add_row(sq_text *out, const sq_measure *measure, const char *project, const char *id, bool expired)
{
    sq_text_format(out, "ok      %8zu B %5zu keys %7zu tokens  %.15s  %s/%s%s\n", measure->bytes, measure->keys,
                   measure->tokens, measure->fingerprint, project, id, expired ? "  (expired)" : "");
}

static void add_failure(sq_text *out, const char *input, const sq_error *error)
{
    sq_text_string(out, "FAILED  ");
    sq_text_printable(out, input);
    if (error->place.line > 0)
        sq_text_format(out, ":%zu:%zu", error->place.line, error->place.column);
    sq_text_format(out, ": %s: ", sq_code_name(error->code));
    sq_text_printable(out, error->message);
    sq_text_char(out, '\n');
}

void sq_report_row(sq_text *out, const sq_outcome *o)
{
    if (o->error.code == SQ_OK)
        add_row(out, &o->measure, o->context.project, o->context.id, o->expired);
    else
        add_failure(out, o->input, &o->error);
}

void sq_report_stored_json(sq_text *out, const char *id, const sq_processed *item)
{
    const sq_revision *revision = item->resolved.revision;
    sq_text_string(out, "{\"id\":");
    sq_text_quote(out, id, strlen(id));
    if (item->rc == 0) {
        add_string(out, "project", revision->project);
        add_number(out, "rev", (size_t)revision->rev);
        if (revision->parent_id)
            add_string(out, "parent_id", revision->parent_id);
        add_measure(out, &item->resolved.measure);
    } else {
        add_key(out, "error");
        sq_error_write(out, &item->error);
    }
    sq_text_string(out, "}\n");
}

void sq_report_stored_row(sq_text *out, const char *id, const sq_processed *item)
{
    if (item->rc == 0)
        add_row(out, &item->resolved.measure, item->resolved.revision->project, id, false);
    else
        add_failure(out, id, &item->error);
}
