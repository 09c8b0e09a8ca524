/* SPDX-License-Identifier: MIT */
/* What can be searched: one tokenizer and one query language for every store (S38).
 *
 * A word is a run of letters, marks and numbers (Unicode's classes L, M and N), folded to one case, code point by code
 * point; nothing is normalised or stemmed. In scripts without spaces between words (Han, Kana, Thai, Lao, Khmer,
 * Burmese) each letter is a word. Of a run longer than SQ_WORD_POINTS its beginning counts. Searched are the id, the
 * name, the keys and values of metadata, and the keys, strings and numbers of data.
 *
 * A path is the keys from the root of data to a member, folded and joined by '.', array elements skipped; its first
 * SQ_PATH_POINTS code points count. Of one revision the paths of the first SQ_PATHS_MAX members are found.
 *
 * A query is up to SQ_QUERY_TERMS terms with white space between them, all of which must match:
 *     word         the word anywhere; what holds several words (a-b) asks for each
 *     word*        a word that starts so; after one ASCII letter alone there must be another
 *     path:a.b     a member a.b exists        path:"a b".c is written with quotes around all of it: path:"a b.c"
 *     path:a.b*    a path that starts so
 * Nothing else in it has a meaning, so any text is a query, or holds no word and is refused.
 *
 * The same code tells what the index of SQLite is fed with, so both ways to search find the same. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context/error.h"
#include "json/text.h"

enum {
    SQ_TOKENS_VERSION = 1,     /* an index that was made by another one is made anew */
    SQ_WORD_POINTS = 64,
    SQ_PATH_POINTS = 256,
    SQ_PATHS_MAX = 8192,
    SQ_QUERY_TERMS = 16,
    SQ_QUERY_BYTES = 1024,
};

typedef enum sq_column { SQ_COLUMN_NAME, SQ_COLUMN_BODY, SQ_COLUMN_PATHS } sq_column;

/* The parts of a revision that are searched; borrowed. data and metadata are JSON as our compact writer wrote it; other
 * bytes give words that mean nothing, and no harm. */
typedef struct sq_searched {
    const char *id;            /* NULL: none, as for the others */
    const char *name;
    const char *metadata;
    size_t metadata_bytes;
    const char *data;
    size_t data_bytes;
} sq_searched;

/* One token, folded, not terminated. False ends the walk. */
typedef bool sq_token_fn(void *arg, sq_column column, const char *token, size_t bytes);

/* Calls fn for every token in order, repeated ones too. False: fn ended it. */
bool sq_tokens_walk(const sq_searched *searched, sq_token_fn *fn, void *arg);
bool sq_tokens_text(const char *text, size_t bytes, sq_column column, sq_token_fn *fn, void *arg);

/* A token in letters and digits of ASCII, so that no tokenizer but ours decides anything: a to z and 0 to 9 stand for
 * themselves except x, which is "xx"; any other code point is x and five hex digits. What starts with a token's first
 * code points starts with their encoding, and the other way round. */
void sq_tokens_encode(sq_text *out, const char *token, size_t bytes);

/* The columns that the index is fed with: each token once, encoded, with spaces between them. */
typedef struct sq_columns {
    sq_text name, body, paths;
} sq_columns;

/* Fills *columns, which was {0} or filled before; false: no memory. Free with sq_columns_free. */
bool sq_columns_fill(sq_columns *columns, const sq_searched *searched);
void sq_columns_free(sq_columns *columns);

/* A query that was read. */
typedef struct sq_query sq_query;

/* 0, or -EINVAL (invalid, too_large) or -ENOMEM with *error set. */
int sq_query_parse(const char *text, size_t bytes, sq_query **out, sq_error *error);
void sq_query_free(sq_query *query);                                 /* NULL is fine */

/* The query as text that is equal for equal queries, however they were written: for cursors. */
const char *sq_query_text(const sq_query *query);

/* The expression for FTS5, restricted to one project; `project` was encoded into the index as one token. */
void sq_query_index(const sq_query *query, const char *project, sq_text *out);

/* Does every term occur? By a scan. */
bool sq_query_matches(const sq_query *query, const sq_searched *searched);

/* How well it matches, for order=relevance: BM25 without the words' rarity, as all words must occur. A word of the name
 * counts four times; the first SQ_SCORED_BYTES of data are looked at. Scores compare within one query. */
enum { SQ_SCORED_BYTES = 64 * 1024 };
double sq_query_score(const sq_query *query, const sq_searched *searched);
