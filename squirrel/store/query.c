/* SPDX-License-Identifier: MIT */
/* Reading queries, and matching and scoring a revision by a scan. */
#include "store/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/unicode.h"

typedef struct term {
    bool path, prefix;
    size_t at, bytes; /* in sq_query.tokens */
} term;

struct sq_query {
    term terms[SQ_QUERY_TERMS];
    unsigned count;
    sq_text tokens; /* of all terms, one behind the other */
    sq_text text;   /* canonical */
};

/* The reading of one word or path. */
typedef struct reading {
    sq_query *query;
    sq_error *error;
    term *added; /* by the last token; NULL: it was a term already */
    int rc;
} reading;

static const char *token_of(const sq_query *query, const term *t)
{
    return query->tokens.data + t->at;
}

static bool known(const sq_query *query, const term *other)
{
    for (unsigned i = 0; i < query->count; i++) {
        const term *t = &query->terms[i];
        if (t->path == other->path && t->prefix == other->prefix && t->bytes == other->bytes &&
            memcmp(token_of(query, t), token_of(query, other), t->bytes) == 0)
            return true;
    }
    return false;
}

static int add_term(reading *r, bool path, const char *token, size_t bytes)
{
    sq_query *query = r->query;
    term added = {path, false, query->tokens.bytes, bytes};
    sq_text_add(&query->tokens, token, bytes);
    if (query->tokens.failed)
        return sq_fail_memory(r->error);
    r->added = NULL;
    if (known(query, &added))
        return 0;
    if (query->count == SQ_QUERY_TERMS)
        return sq_fail(r->error, SQ_INVALID, "a query has at most %d words and paths", SQ_QUERY_TERMS);
    r->added = &query->terms[query->count++];
    *r->added = added;
    return 0;
}

static bool add_word(void *arg, sq_column column, const char *token, size_t bytes)
{
    reading *r = arg;
    (void)column;
    r->rc = add_term(r, false, token, bytes);
    return r->rc == 0;
}

/* The term of the last token becomes a prefix; one that was there before asks for more already. One letter of ASCII
 * alone would match a good part of everything. */
static int make_prefix(reading *r)
{
    if (!r->added)
        return 0;
    if (r->added->bytes == 1)
        return sq_fail(r->error, SQ_INVALID, "%c* is too short: a prefix has at least two letters",
                       *token_of(r->query, r->added));
    term prefix = *r->added;
    prefix.prefix = true;
    r->query->count -= known(r->query, &prefix);
    r->added->prefix = true;
    return 0;
}

/* A word up to white space, which may hold several words, or none. */
static int read_word(reading *r, const char *text, size_t bytes)
{
    bool star = bytes > 1 && text[bytes - 1] == '*';
    size_t length = bytes - star;
    sq_tokens_text(text, length, SQ_COLUMN_BODY, add_word, r);
    if (r->rc < 0 || !star)
        return r->rc;
    /* The star belongs to the word that it follows: in "a-*" that is none. */
    const unsigned char *last = (const unsigned char *)text + length - 1;
    while (last > (const unsigned char *)text && (*last & 0xc0) == 0x80)
        last--;
    unsigned point_bytes;
    uint32_t point = sq_unicode_decode(last, (const unsigned char *)text + length, &point_bytes);
    return sq_unicode_letter(point) == SQ_LETTER_NONE ? 0 : make_prefix(r);
}

static int read_path(reading *r, const char *text, size_t bytes, bool star)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    char folded[SQ_PATH_POINTS * 4];
    size_t length = 0;
    for (unsigned points = 0; at < end && points < SQ_PATH_POINTS; points++) {
        unsigned point_bytes;
        uint32_t point = sq_unicode_decode(at, end, &point_bytes);
        length += sq_unicode_encode(sq_unicode_folded(point), folded + length);
        at += point_bytes;
    }
    if (length == 0)
        return sq_fail(r->error, SQ_INVALID, "path: needs the keys to a member, as in path:plan.steps");
    int rc = add_term(r, true, folded, length);
    return rc < 0 || !star ? rc : make_prefix(r);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* After "path:": up to white space, or between quotes. Returns where it ends, NULL after an error. */
static const char *read_path_term(reading *r, const char *at, const char *end)
{
    bool quoted = at < end && *at == '"';
    const char *start = at + quoted, *stop = start;
    while (stop < end && (quoted ? *stop != '"' : !is_space(*stop)))
        stop++;
    if (quoted && stop == end) {
        r->rc = sq_fail(r->error, SQ_INVALID, "the quote after path: is not closed");
        return NULL;
    }
    bool star = quoted ? stop + 1 < end && stop[1] == '*' : stop > start && stop[-1] == '*';
    size_t bytes = (size_t)(stop - start) - (star && !quoted);
    r->rc = read_path(r, start, bytes, star);
    return r->rc < 0 ? NULL : stop + (quoted ? 1 + star : 0);
}

static int read_terms(reading *r, const char *at, const char *end)
{
    static const char mark[] = "path:";
    while (at < end) {
        if (is_space(*at)) {
            at++;
        } else if ((size_t)(end - at) >= sizeof mark - 1 && memcmp(at, mark, sizeof mark - 1) == 0) {
            at = read_path_term(r, at + sizeof mark - 1, end);
            if (!at)
                return r->rc;
        } else {
            const char *start = at;
            while (at < end && !is_space(*at))
                at++;
            int rc = read_word(r, start, (size_t)(at - start));
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int term_compare(const sq_query *query, const term *a, const term *b)
{
    if (a->path != b->path || a->prefix != b->prefix)
        return a->path != b->path ? a->path - b->path : a->prefix - b->prefix;
    int order = memcmp(token_of(query, a), token_of(query, b), a->bytes < b->bytes ? a->bytes : b->bytes);
    return order ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* Terms in a fixed order, so that their text is one for all ways to write the query. */
static int finish(sq_query *query, sq_error *error)
{
    for (unsigned i = 1; i < query->count; i++) {
        for (unsigned j = i; j > 0 && term_compare(query, &query->terms[j], &query->terms[j - 1]) < 0; j--) {
            term swap = query->terms[j];
            query->terms[j] = query->terms[j - 1];
            query->terms[j - 1] = swap;
        }
    }
    for (unsigned i = 0; i < query->count; i++) {
        const term *t = &query->terms[i];
        sq_text_string(&query->text, t->path ? "path:" : "");
        sq_text_quote(&query->text, token_of(query, t), t->bytes);
        sq_text_string(&query->text, t->prefix ? "* " : " ");
    }
    return query->text.failed ? sq_fail_memory(error) : 0;
}

int sq_query_parse(const char *text, size_t bytes, sq_query **out, sq_error *error)
{
    if (bytes > SQ_QUERY_BYTES)
        return sq_fail(error, SQ_TOO_LARGE, "a query has at most %d bytes", SQ_QUERY_BYTES);
    if (!sq_utf8_valid(text, bytes))
        return sq_fail(error, SQ_BAD_TEXT, "the query is not UTF-8");
    sq_query *query = calloc(1, sizeof *query);
    if (!query)
        return sq_fail_memory(error);
    reading r = {query, error, NULL, 0};
    int rc = read_terms(&r, text, text + bytes);
    if (rc == 0 && query->count == 0)
        rc = sq_fail(error, SQ_INVALID, "the query holds no word: give letters or digits, or path: with keys");
    if (rc == 0)
        rc = finish(query, error);
    if (rc < 0) {
        sq_query_free(query);
        return rc;
    }
    *out = query;
    return 0;
}

void sq_query_free(sq_query *query)
{
    if (!query)
        return;
    sq_text_free(&query->tokens);
    sq_text_free(&query->text);
    free(query);
}

const char *sq_query_text(const sq_query *query)
{
    return query->text.data;
}

void sq_query_index(const sq_query *query, const char *project, sq_text *out)
{
    sq_text_string(out, "{project}:\"");
    sq_tokens_encode(out, project, strlen(project));
    sq_text_char(out, '"');
    for (unsigned i = 0; i < query->count; i++) {
        const term *t = &query->terms[i];
        sq_text_string(out, t->path ? " AND {paths}:\"" : " AND {name body}:\"");
        sq_tokens_encode(out, token_of(query, t), t->bytes);
        sq_text_string(out, t->prefix ? "\"*" : "\"");
    }
}

/* Does a token of the column match? */
static bool term_hits(const sq_query *query, const term *t, sq_column column, const char *token, size_t bytes)
{
    return t->path == (column == SQ_COLUMN_PATHS) && (t->prefix ? bytes >= t->bytes : bytes == t->bytes) &&
           memcmp(token, token_of(query, t), t->bytes) == 0;
}

typedef struct matching {
    const sq_query *query;
    uint32_t missing; /* a bit a term */
} matching;

static bool match_token(void *arg, sq_column column, const char *token, size_t bytes)
{
    matching *m = arg;
    for (uint32_t left = m->missing; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        if (term_hits(m->query, &m->query->terms[i], column, token, bytes))
            m->missing &= ~(UINT32_C(1) << i);
    }
    return m->missing != 0;
}

bool sq_query_matches(const sq_query *query, const sq_searched *searched)
{
    matching m = {query, (UINT32_C(1) << query->count) - 1};
    sq_tokens_walk(searched, match_token, &m);
    return m.missing == 0;
}

typedef struct scoring {
    const sq_query *query;
    unsigned words;
    unsigned hits[SQ_QUERY_TERMS];
} scoring;

static bool score_token(void *arg, sq_column column, const char *token, size_t bytes)
{
    scoring *s = arg;
    s->words += column != SQ_COLUMN_PATHS;
    for (unsigned i = 0; i < s->query->count; i++) {
        if (term_hits(s->query, &s->query->terms[i], column, token, bytes))
            s->hits[i] += column == SQ_COLUMN_NAME ? 4 : 1;
    }
    return true;
}

double sq_query_score(const sq_query *query, const sq_searched *searched)
{
    /* The usual constants of BM25; the length that counts as usual is fixed, so scores need no second pass. */
    const double k = 1.2, b = 0.75, usual_words = 128;
    sq_searched part = *searched;
    if (part.data_bytes > SQ_SCORED_BYTES)
        part.data_bytes = SQ_SCORED_BYTES;
    scoring s = {.query = query};
    sq_tokens_walk(&part, score_token, &s);
    double score = 0, length = k * (1 - b + b * s.words / usual_words);
    for (unsigned i = 0; i < query->count; i++)
        score += s.hits[i] * (k + 1) / (s.hits[i] + length);
    return score;
}
