/* SPDX-License-Identifier: MIT */
#include "process/report.h"

#include <string.h>

static void add_string(sq_text *out, const char *key, const char *value)
{
    sq_text_format(out, ",\"%s\":", key);
    sq_text_quote(out, value, strlen(value));
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

static void add_error(sq_text *out, const sq_error *error)
{
    sq_text_string(out, ",\"error\":{\"code\":");
    sq_text_quote(out, sq_code_name(error->code), strlen(sq_code_name(error->code)));
    add_string(out, "message", error->message);
    if (error->place.line > 0)
        sq_text_format(out, ",\"line\":%zu,\"column\":%zu,\"byte\":%zu", error->place.line, error->place.column,
                       error->place.byte);
    if (error->path[0])
        add_string(out, "path", error->path);
    sq_text_char(out, '}');
}

void sq_report_json(sq_text *out, const sq_outcome *o)
{
    add_input(out, o->input);
    if (o->error.code != SQ_OK) {
        add_error(out, &o->error);
        sq_text_string(out, "}\n");
        return;
    }
    add_string(out, "id", o->context.id);
    add_string(out, "project", o->context.project);
    if (o->context.parent_id)
        add_string(out, "parent_id", o->context.parent_id);
    sq_text_format(out, ",\"ancestors\":%u", o->ancestors);
    if (o->expired)
        sq_text_string(out, ",\"expired\":true");
    add_string(out, "fingerprint", o->measure.fingerprint);
    sq_text_format(out, ",\"bytes\":%zu,\"keys\":%zu,\"depth\":%zu,\"tokens\":%zu", o->measure.bytes, o->measure.keys,
                   o->measure.depth, o->measure.tokens);
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

void sq_report_row(sq_text *out, const sq_outcome *o)
{
    if (o->error.code == SQ_OK) {
        sq_text_format(out, "ok      %8zu B %5zu keys %7zu tokens  %.15s  %s/%s%s\n", o->measure.bytes, o->measure.keys,
                       o->measure.tokens, o->measure.fingerprint, o->context.project, o->context.id,
                       o->expired ? "  (expired)" : "");
        return;
    }
    sq_text_string(out, "FAILED  ");
    sq_text_printable(out, o->input);
    if (o->error.place.line > 0)
        sq_text_format(out, ":%zu:%zu", o->error.place.line, o->error.place.column);
    sq_text_format(out, ": %s: ", sq_code_name(o->error.code));
    sq_text_printable(out, o->error.message);
    sq_text_char(out, '\n');
}
