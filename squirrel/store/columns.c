/* SPDX-License-Identifier: MIT */
/* What the index is fed with. Words count once a column, so the index stays small; how often they occur is counted by
 * the scan that scores. */
#include "store/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "store/unicode.h"

enum { SLOTS_FIRST = 256 };

/* A set of encoded tokens: open addressing over places in a column's text. */
typedef struct seen {
    struct {
        uint32_t hash, at, bytes;
    } * slots; /* bytes 0: free */
    size_t room, count;
} seen;

typedef struct filling {
    sq_columns *columns;
    seen seen[3]; /* by column */
    sq_text token;
    bool failed;
} filling;

void sq_tokens_encode(sq_text *out, const char *token, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = (const unsigned char *)token, *end = at + bytes;
    while (at < end) {
        if ((*at >= 'a' && *at <= 'z' && *at != 'x') || (*at >= '0' && *at <= '9')) {
            sq_text_char(out, (char)*at++);
            continue;
        }
        if (*at == 'x') {
            sq_text_add(out, "xx", 2);
            at++;
            continue;
        }
        unsigned length;
        uint32_t point = sq_unicode_decode(at, end, &length);
        char code[6] = {'x'};
        for (unsigned i = 5; i > 0; i--, point >>= 4)
            code[i] = digits[point & 15];
        sq_text_add(out, code, sizeof code);
        at += length;
    }
}

static uint32_t hash_of(const char *data, size_t bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)data[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static bool grow(seen *s)
{
    size_t room = s->room ? s->room * 2 : SLOTS_FIRST;
    seen larger = {.slots = calloc(room, sizeof *s->slots), .room = room, .count = s->count};
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < s->room; i++) {
        if (s->slots[i].bytes == 0)
            continue;
        size_t at = s->slots[i].hash & (room - 1);
        while (larger.slots[at].bytes)
            at = (at + 1) & (room - 1);
        larger.slots[at].hash = s->slots[i].hash;
        larger.slots[at].at = s->slots[i].at;
        larger.slots[at].bytes = s->slots[i].bytes;
    }
    free(s->slots);
    *s = larger;
    return true;
}

/* Adds the token to the column unless it is there. */
static bool add_new(seen *s, sq_text *column, const sq_text *token)
{
    if (s->count * 2 >= s->room && !grow(s))
        return false;
    uint32_t hash = hash_of(token->data, token->bytes);
    size_t at = hash & (s->room - 1);
    for (; s->slots[at].bytes; at = (at + 1) & (s->room - 1)) {
        if (s->slots[at].hash == hash && s->slots[at].bytes == token->bytes &&
            memcmp(column->data + s->slots[at].at, token->data, token->bytes) == 0)
            return true;
    }
    if (column->bytes > 0)
        sq_text_char(column, ' ');
    s->slots[at].hash = hash;
    s->slots[at].at = (uint32_t)column->bytes;
    s->slots[at].bytes = (uint32_t)token->bytes;
    s->count++;
    sq_text_add(column, token->data, token->bytes);
    return !column->failed;
}

static bool fill(void *arg, sq_column column, const char *token, size_t bytes)
{
    filling *f = arg;
    sq_text *texts[] = {&f->columns->name, &f->columns->body, &f->columns->paths};
    sq_text_clear(&f->token);
    sq_tokens_encode(&f->token, token, bytes);
    f->failed = f->token.failed || !add_new(&f->seen[column], texts[column], &f->token);
    return !f->failed;
}

bool sq_columns_fill(sq_columns *columns, const sq_searched *searched)
{
    filling f = {.columns = columns};
    sq_text_clear(&columns->name);
    sq_text_clear(&columns->body);
    sq_text_clear(&columns->paths);
    sq_tokens_walk(searched, fill, &f);
    for (size_t i = 0; i < 3; i++)
        free(f.seen[i].slots);
    sq_text_free(&f.token);
    return !f.failed;
}

void sq_columns_free(sq_columns *columns)
{
    sq_text_free(&columns->name);
    sq_text_free(&columns->body);
    sq_text_free(&columns->paths);
}
