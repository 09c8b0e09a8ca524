/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "manager/parts.h"

static void start(sq_parts *parts, const char *name)
{
    if (parts->comma)
        sq_text_char(parts->out, ',');
    parts->comma = true;
    if (name)
        sq_text_format(parts->out, "\"%s\":", name);
}

void sq_parts_open(sq_parts *parts, const char *name, char bracket)
{
    start(parts, name);
    sq_text_char(parts->out, bracket);
    parts->comma = false;
}

void sq_parts_close(sq_parts *parts, char bracket)
{
    sq_text_char(parts->out, bracket);
    parts->comma = true;
}

void sq_parts_text(sq_parts *parts, const char *name, const char *text)
{
    if (!text)
        return;
    start(parts, name);
    sq_text_quote(parts->out, text, strlen(text));
}

void sq_parts_null(sq_parts *parts, const char *name)
{
    start(parts, name);
    sq_text_string(parts->out, "null");
}

void sq_parts_number(sq_parts *parts, const char *name, int64_t number)
{
    start(parts, name);
    sq_text_integer(parts->out, number);
}

void sq_parts_number_but(sq_parts *parts, const char *name, int64_t number, int64_t usual)
{
    if (number != usual)
        sq_parts_number(parts, name, number);
}

void sq_parts_flag(sq_parts *parts, const char *name, bool flag)
{
    if (!flag)
        return;
    start(parts, name);
    sq_text_string(parts->out, "true");
}

void sq_parts_body(sq_parts *parts, const char *data, size_t bytes)
{
    sq_parts_number(parts, "data_bytes", (int64_t)bytes);
    if (parts->count == parts->room) {
        size_t room = parts->room ? 2 * parts->room : 16;
        void *bodies = realloc(parts->bodies, room * sizeof *parts->bodies);
        if (!bodies) {
            parts->out->failed = true;
            return;
        }
        parts->bodies = bodies;
        parts->room = room;
    }
    parts->bodies[parts->count].data = data;
    parts->bodies[parts->count++].bytes = bytes;
}

void sq_parts_revision(sq_parts *parts, const char *name, const sq_revision *revision)
{
    char hex[2 * SQ_DIGEST_BYTES + 1];
    if (!revision)
        return;
    sq_parts_open(parts, name, '{');
    sq_parts_text(parts, "project", revision->project);
    sq_parts_text(parts, "id", revision->id);
    sq_parts_number(parts, "rev", revision->rev);
    sq_parts_number(parts, "seq", revision->seq);
    sq_parts_text(parts, "op", sq_op_name(revision->op));
    sq_parts_number(parts, "created_at", revision->created_at);
    sq_parts_number(parts, "at", revision->at);
    sq_parts_number_but(parts, "expires_at", revision->expires_at, SQ_NEVER);
    sq_parts_text(parts, "name", revision->name);
    sq_parts_text(parts, "parent_id", revision->parent_id);
    sq_parts_text(parts, "metadata", revision->metadata);
    sq_parts_text(parts, "source", revision->source);
    for (size_t i = 0; i < SQ_DIGEST_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[revision->fingerprint[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[revision->fingerprint[i] & 15];
    }
    hex[2 * SQ_DIGEST_BYTES] = '\0';
    sq_parts_text(parts, "fingerprint", hex);
    if (revision->data)
        sq_parts_body(parts, revision->data, revision->data_bytes);
    else
        sq_parts_number_but(parts, "absent_bytes", (int64_t)revision->data_bytes, 0);
    sq_parts_close(parts, '}');
}

void sq_parts_error(sq_parts *parts, const sq_error *error)
{
    sq_parts_open(parts, "error", '{');
    sq_parts_text(parts, "code", sq_code_name(error->code));
    sq_parts_text(parts, "message", error->message);
    sq_parts_text(parts, "path", error->path[0] ? error->path : NULL);
    sq_parts_number_but(parts, "line", (int64_t)error->place.line, 0);
    sq_parts_number_but(parts, "column", (int64_t)error->place.column, 0);
    sq_parts_number_but(parts, "byte", (int64_t)error->place.byte, 0);
    sq_parts_close(parts, '}');
}

void sq_parts_end(sq_parts *parts)
{
    sq_text_char(parts->out, '\n');
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->bodies[i].bytes > 0)
            sq_text_add(parts->out, parts->bodies[i].data, parts->bodies[i].bytes);
    }
    free(parts->bodies);
    *parts = (sq_parts){.out = parts->out};
}
