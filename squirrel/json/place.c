/* SPDX-License-Identifier: MIT */
#include "json/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static sq_place place_of(const sq_scan *scan, const unsigned char *at)
{
    sq_place place = {.line = 1, .column = 1, .byte = (size_t)(at - scan->start)};
    for (const unsigned char *c = scan->start; c < at; c++) {
        if (*c == '\n') {
            place.line++;
            place.column = 1;
        } else if ((*c & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static bool plain_key(const sq_key *key)
{
    if (key->bytes == 0)
        return false;
    for (size_t i = 0; i < key->bytes; i++) {
        unsigned char c = key->text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* Writes what fits; a key is shown as it stands in the text, so it may be cut but never invalid JSON text. */
static void path_write(const sq_scan *scan, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "$");
    for (unsigned i = 0; i < scan->depth && n < room; i++) {
        const sq_step *step = &scan->steps[i];
        int bytes = step->key.bytes < room ? (int)step->key.bytes : (int)room;
        if (!step->key.text)
            n += (size_t)(step->index == SIZE_MAX ? 0 : snprintf(out + n, room - n, "[%zu]", step->index));
        else if (plain_key(&step->key))
            n += (size_t)snprintf(out + n, room - n, ".%.*s", bytes, (const char *)step->key.text);
        else
            n += (size_t)snprintf(out + n, room - n, "[\"%.*s\"]", bytes, (const char *)step->key.text);
    }
}

/* Drops a UTF-8 sequence that was cut in the middle. */
static void trim_cut(char *text, size_t room)
{
    size_t n = strlen(text);
    if (n + 1 < room)
        return;
    size_t cut = n;
    while (cut > 0 && ((unsigned char)text[cut - 1] & 0xc0) == 0x80)
        cut--;
    if (cut > 0 && (unsigned char)text[cut - 1] >= 0xc0)
        text[cut - 1] = '\0';
}

bool sq_scan_fail(sq_scan *scan, sq_json_code code, const unsigned char *at, const char *format, ...)
{
    sq_json_error *error = scan->error;
    if (!error || error->code != SQ_JSON_FINE)
        return false;
    error->code = code;
    error->place = place_of(scan, at);
    path_write(scan, error->path, sizeof error->path);
    trim_cut(error->path, sizeof error->path);
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    trim_cut(error->message, sizeof error->message);
    return false;
}

bool sq_scan_stop(sq_scan *scan)
{
    if (scan->error && scan->error->code == SQ_JSON_FINE)
        scan->error->code = SQ_JSON_NO_MEMORY;
    return false;
}

void sq_scan_reached(sq_scan *scan, const unsigned char *at)
{
    if (!scan->wanted || scan->found)
        return;
    char path[SQ_JSON_PATH_BYTES];
    path_write(scan, path, sizeof path);
    trim_cut(path, sizeof path);
    if (strcmp(path, scan->wanted) == 0)
        scan->found = at;
}

bool sq_json_locate(const char *text, size_t bytes, const char *path, sq_place *out)
{
    const unsigned char *start = (const unsigned char *)text;
    sq_scan scan = {.start = start, .at = start, .end = start + bytes, .max_depth = SQ_JSON_DEPTH_MAX + 1,
                    .wanted = path};
    sq_scan_text(&scan);
    if (scan.found)
        *out = place_of(&scan, scan.found);
    return scan.found != NULL;
}
