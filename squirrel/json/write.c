/* SPDX-License-Identifier: MIT */
#include "json/write.h"

#include <stdlib.h>
#include <string.h>

#include "json/stop.h"

typedef struct writer {
    sq_text *out;
    sq_json_form form;
    unsigned depth;
} writer;

static void write_value(writer *w, sq_json *value);

/* An integral double is written as the integer that it is, so 1.0 and 1 are one number and large ones stay exact.
 * Between int64 and 1e21 ECMAScript writes digits alone; the canonical form does too, but the forms that are read
 * again use an exponent, since the reader takes digits alone for an int64. */
static void write_real(writer *w, double value)
{
    int64_t integer;
    if (sq_double_integral(value, &integer)) {
        sq_text_integer(w->out, integer);
        return;
    }
    char text[SQ_DOUBLE_BYTES];
    size_t bytes = sq_double_format(value, text);
    if (w->form == SQ_JSON_CANONICAL || strpbrk(text, ".e")) {
        sq_text_add(w->out, text, bytes);
        return;
    }
    size_t kept = bytes;
    while (text[kept - 1] == '0')
        kept--;
    sq_text_add(w->out, text, kept);
    if (kept < bytes)
        sq_text_format(w->out, "e+%zu", bytes - kept);
    else
        sq_text_string(w->out, "e+0");
}

static void write_break(writer *w)
{
    if (w->form != SQ_JSON_PRETTY)
        return;
    sq_text_char(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++)
        sq_text_string(w->out, "  ");
}

static void write_array(writer *w, sq_json *array)
{
    size_t size = sq_json_size(array);
    sq_text_char(w->out, '[');
    w->depth++;
    for (size_t i = 0; i < size && !w->out->failed; i++) {
        if (i > 0)
            sq_text_char(w->out, ',');
        write_break(w);
        write_value(w, sq_json_at(array, i));
    }
    w->depth--;
    if (size > 0)
        write_break(w);
    sq_text_char(w->out, ']');
}

static void write_member(writer *w, const sq_json_member *member)
{
    write_break(w);
    sq_text_quote(w->out, member->key, member->key_bytes);
    sq_text_string(w->out, w->form == SQ_JSON_PRETTY ? ": " : ":");
    write_value(w, member->value);
}

/* UTF-16 code units sort like UTF-8 bytes, except that surrogates (U+10000 and up) come before U+E000 to U+FFFF. */
static int utf16_rank(unsigned char lead)
{
    return lead >= 0xf0 ? lead - 2 : lead >= 0xee ? lead + 16 : lead;
}

static int member_compare(const void *left, const void *right)
{
    const sq_json_member *a = left, *b = right;
    size_t bytes = a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes;
    for (size_t i = 0; i < bytes; i++) {
        if (a->key[i] != b->key[i])
            return utf16_rank((unsigned char)a->key[i]) - utf16_rank((unsigned char)b->key[i]);
    }
    return (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);
}

static void write_sorted(writer *w, sq_json *object, size_t size)
{
    sq_json_member *members = calloc(size, sizeof *members);
    if (!members) {
        w->out->failed = true;
        return;
    }
    size_t n = 0;
    for (sq_json_member m = sq_json_first(object); m.key; m = sq_json_next(object, m))
        members[n++] = m;
    w->out->failed |= !sq_sort(members, n, sizeof *members, member_compare);
    for (size_t i = 0; i < n && !w->out->failed; i++) {
        if (i > 0)
            sq_text_char(w->out, ',');
        write_member(w, &members[i]);
    }
    free(members);
}

static void write_object(writer *w, sq_json *object)
{
    size_t size = sq_json_size(object);
    sq_text_char(w->out, '{');
    w->depth++;
    if (w->form == SQ_JSON_CANONICAL && size > 1) {
        write_sorted(w, object, size);
    } else {
        bool first = true;
        for (sq_json_member m = sq_json_first(object); m.key && !w->out->failed; m = sq_json_next(object, m)) {
            if (!first)
                sq_text_char(w->out, ',');
            first = false;
            write_member(w, &m);
        }
    }
    w->depth--;
    if (size > 0)
        write_break(w);
    sq_text_char(w->out, '}');
}

static void write_value(writer *w, sq_json *value)
{
    size_t bytes;
    const char *string;
    w->out->failed |= sq_stopped(1);
    switch (sq_json_typeof(value)) {
    case SQ_JSON_NULL:
        sq_text_string(w->out, "null");
        break;
    case SQ_JSON_BOOLEAN:
        sq_text_string(w->out, sq_json_true(value) ? "true" : "false");
        break;
    case SQ_JSON_INTEGER:
        sq_text_integer(w->out, sq_json_integer(value));
        break;
    case SQ_JSON_REAL:
        write_real(w, sq_json_number(value));
        break;
    case SQ_JSON_STRING:
        string = sq_json_string(value, &bytes);
        sq_text_quote(w->out, string, bytes);
        break;
    case SQ_JSON_ARRAY:
        write_array(w, value);
        break;
    case SQ_JSON_OBJECT:
        write_object(w, value);
        break;
    }
}

void sq_json_write(sq_text *out, sq_json *value, sq_json_form form)
{
    write_value(&(writer){.out = out, .form = form}, value);
}
