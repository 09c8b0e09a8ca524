/* SPDX-License-Identifier: MIT */
/* The tokenizer. Data is read as the text that it is stored as: no values are built, and nothing is allocated. What is
 * read was written by us, but perhaps it comes from a damaged file, so every step is checked against the end. */
#include "store/tokens.h"

#include <string.h>

#include "store/unicode.h"

enum { POINT_BYTES = 4, DEPTH_MAX = SQ_JSON_DEPTH_MAX + 2 };

/* The word that is being read. */
typedef struct word {
    sq_token_fn *fn;
    void *arg;
    sq_column column;
    unsigned points; /* 0: none */
    size_t bytes;
    char text[SQ_WORD_POINTS * POINT_BYTES];
} word;

static bool word_end(word *w)
{
    if (w->points == 0)
        return true;
    w->points = 0;
    return w->fn(w->arg, w->column, w->text, w->bytes);
}

static bool word_add(word *w, uint32_t point)
{
    sq_letter letter = sq_unicode_letter(point);
    if ((letter != SQ_LETTER_WORD && !word_end(w)) || letter == SQ_LETTER_NONE)
        return letter == SQ_LETTER_NONE;
    if (w->points == 0)
        w->bytes = 0;
    if (w->points < SQ_WORD_POINTS) {
        w->bytes += sq_unicode_encode(sq_unicode_folded(point), w->text + w->bytes);
        w->points++;
    }
    return letter == SQ_LETTER_WORD || word_end(w);
}

/* Letters and digits of ASCII from `at` on, as word_add takes them, but without a call for each: most text is of them.
 * Returns where they end. */
static const unsigned char *word_add_plain(word *w, const unsigned char *at, const unsigned char *end)
{
    if (w->points == 0)
        w->bytes = 0;
    for (; at < end; at++) {
        unsigned lower = *at | 0x20u, digit = *at - (unsigned)'0';
        if (lower - 'a' > 'z' - 'a' && digit > 9)
            break;
        if (w->points < SQ_WORD_POINTS) {
            w->text[w->bytes++] = (char)(digit > 9 ? lower : *at);
            w->points++;
        }
    }
    return at;
}

bool sq_tokens_text(const char *text, size_t bytes, sq_column column, sq_token_fn *fn, void *arg)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    word w = {.fn = fn, .arg = arg, .column = column};
    while ((at = word_add_plain(&w, at, end)) < end) {
        unsigned length;
        uint32_t point = sq_unicode_decode(at, end, &length);
        if (!word_add(&w, point))
            return false;
        at += length;
    }
    return word_end(&w);
}

/* A path is a beginning of walk.text. */
typedef struct path {
    size_t bytes;
    unsigned points;
} path;

/* An object or array that is open. */
typedef struct level {
    path base;  /* of the object or array itself */
    path value; /* of the member or element that is being read */
    bool object;
} level;

typedef struct walk {
    const unsigned char *at, *end;
    word word;
    bool paths;       /* keys make paths */
    bool key;         /* in an object, before a key */
    unsigned members; /* whose paths were told */
    unsigned depth;
    level levels[DEPTH_MAX + 1]; /* levels[0] is around the whole text */
    char text[SQ_PATH_POINTS * POINT_BYTES];
} walk;

static int hex(unsigned char c)
{
    unsigned lower = c | 0x20u;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? (int)(lower - 'a' + 10) : -1;
}

/* The four digits of \uXXXX, at the u; what is broken gives U+FFFD. */
static uint32_t read_unit(walk *w)
{
    uint32_t unit = 0;
    w->at++;
    for (int i = 0; i < 4; i++) {
        int digit = w->at < w->end ? hex(*w->at) : -1;
        if (digit < 0)
            return 0xfffd;
        unit = unit << 4 | (uint32_t)digit;
        w->at++;
    }
    return unit;
}

/* After a backslash. */
static uint32_t read_escape(walk *w)
{
    if (*w->at != 'u') {
        unsigned char c = *w->at++;
        return strchr("bfnrt", c) ? ' ' : c;
    }
    uint32_t unit = read_unit(w);
    if ((unit & 0xfc00) != 0xd800 || w->end - w->at < 6 || w->at[0] != '\\' || w->at[1] != 'u')
        return unit;
    w->at++;
    return 0x10000 + ((unit & 0x3ff) << 10) + (read_unit(w) & 0x3ff);
}

/* The next code point of a string; false: its end was passed. */
static bool read_point(walk *w, uint32_t *out)
{
    if (w->at >= w->end || *w->at == '"') {
        w->at += w->at < w->end;
        return false;
    }
    unsigned length = 1;
    if (*w->at == '\\' && w->end - w->at >= 2) {
        w->at++;
        *out = read_escape(w);
        return true;
    }
    if (*w->at < 0x80)
        *out = *w->at;
    else
        *out = sq_unicode_decode(w->at, w->end, &length);
    w->at += length;
    return true;
}

/* Words of a string, after its opening quote. */
static bool read_words(walk *w)
{
    uint32_t point;
    for (;;) {
        w->at = word_add_plain(&w->word, w->at, w->end);
        if (!read_point(w, &point))
            return word_end(&w->word);
        if (!word_add(&w->word, point))
            return false;
    }
}

static void path_add(walk *w, path *p, uint32_t point)
{
    if (p->points == SQ_PATH_POINTS)
        return;
    p->bytes += sq_unicode_encode(sq_unicode_folded(point), w->text + p->bytes);
    p->points++;
}

/* A key, after its opening quote; its path stays for what is inside it. */
static bool read_path(walk *w)
{
    level *inner = &w->levels[w->depth];
    path p = inner->base;
    uint32_t point;
    if (p.points > 0)
        path_add(w, &p, '.');
    while (read_point(w, &point))
        path_add(w, &p, point);
    inner->value = p;
    if (p.bytes == 0 || w->members == SQ_PATHS_MAX)
        return true;
    w->members++;
    return w->word.fn(w->word.arg, SQ_COLUMN_PATHS, w->text, p.bytes);
}

static bool read_string(walk *w)
{
    const unsigned char *start = ++w->at;
    if (w->paths && w->key && !read_path(w))
        return false;
    w->key = false;
    w->at = start;
    return read_words(w);
}

/* The structure between strings and numbers. What is nested too deep was never written by us: the walk ends. */
static void read_mark(walk *w)
{
    unsigned char c = *w->at++;
    level *outer = &w->levels[w->depth];
    if ((c == '{' || c == '[') && w->depth < DEPTH_MAX) {
        w->levels[++w->depth] = (level){outer->value, outer->value, c == '{'};
        w->key = c == '{';
    } else if (c == '{' || c == '[') {
        w->at = w->end;
    } else if ((c == '}' || c == ']') && w->depth > 0) {
        w->depth--;
        w->key = false;
    } else if (c == ',') {
        w->key = outer->object;
    }
}

static bool read_number(walk *w)
{
    while (w->at < w->end && strchr("+-.0123456789eE", *w->at) && *w->at) {
        if (!word_add(&w->word, *w->at++))
            return false;
    }
    return word_end(&w->word);
}

static bool read_json(walk *w)
{
    while (w->at < w->end) {
        unsigned char c = *w->at;
        bool good = true;
        if (c == '"')
            good = read_string(w);
        else if (c == '-' || (c >= '0' && c <= '9'))
            good = read_number(w);
        else
            read_mark(w);
        if (!good)
            return false;
    }
    return true;
}

static bool walk_json(const char *text, size_t bytes, bool paths, sq_token_fn *fn, void *arg)
{
    walk w;
    w.at = (const unsigned char *)text;
    w.end = w.at + bytes;
    w.word.fn = fn;
    w.word.arg = arg;
    w.word.column = SQ_COLUMN_BODY;
    w.word.points = 0;
    w.paths = paths;
    w.key = false;
    w.members = w.depth = 0;
    w.levels[0] = (level){{0}, {0}, false};
    return read_json(&w);
}

bool sq_tokens_walk(const sq_searched *s, sq_token_fn *fn, void *arg)
{
    return (!s->id || sq_tokens_text(s->id, strlen(s->id), SQ_COLUMN_NAME, fn, arg)) &&
           (!s->name || sq_tokens_text(s->name, strlen(s->name), SQ_COLUMN_NAME, fn, arg)) &&
           (!s->metadata || walk_json(s->metadata, s->metadata_bytes, false, fn, arg)) &&
           (!s->data || walk_json(s->data, s->data_bytes, true, fn, arg));
}
