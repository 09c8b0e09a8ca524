/* SPDX-License-Identifier: MIT */
/* The tokenizer and the query language (S38). */
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tokens.h"
#include "store/unicode.h"

/* All tokens, as "n:word b:word p:path" with spaces between them. */
static bool collect(void *arg, sq_column column, const char *token, size_t bytes)
{
    sq_text *out = arg;
    if (out->bytes > 0)
        sq_text_char(out, ' ');
    sq_text_char(out, "nbp"[column]);
    sq_text_char(out, ':');
    sq_text_add(out, token, bytes);
    return true;
}

static const char *tokens_of(const char *id, const char *data)
{
    static sq_text out;
    sq_text_clear(&out);
    sq_searched searched = {.id = id, .data = data, .data_bytes = data ? strlen(data) : 0};
    sq_tokens_walk(&searched, collect, &out);
    return out.data ? out.data : "";
}

DREY_TEST(words_are_folded_runs_of_letters_and_digits, .no_runtime = true) /* S38 */
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"Fix_the-Parser v1.2", "n:fix n:the n:parser n:v1 n:2"},
        {"", ""},
        {"--- ...", ""},
        {"_a_", "n:a"},
        {"ÄRGER Straße ΣΊΣΥΦΟΣ", "n:ärger n:straße n:σίσυφοσ"},
        {"ἈΓΑΘΌΣ İI ẞ", "n:ἀγαθόσ n:İi n:ß"},
        {"naïve café", "n:naïve n:café"},
        {"x²½ Ⅷ ٣٤", "n:x²½ n:ⅷ n:٣٤"},
        {"東京tower に行く", "n:東 n:京 n:tower n:に n:行 n:く"},
        {"Привет, МИР!", "n:привет n:мир"},
        {"한국어 검색", "n:한국어 n:검색"},
        {"हिन्दी", "n:हिन्दी"},
        {"a\xff\xfe"
         "b\xc3",
         "n:a n:b"},
        {"👍ok👍", "n:ok"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        DREY_CHECK_STR(tokens_of(cases[i].text, NULL), cases[i].tokens);
    return 0;
}

DREY_TEST(data_gives_words_and_paths, .no_runtime = true)
{
    DREY_CHECK_STR(tokens_of(NULL, "{\"Plan\":{\"steps\":[{\"do\":\"Test it\"},{\"do\":-1.5e3}],\"n\":12},\"q\":null}"),
                   "p:plan b:plan p:plan.steps b:steps p:plan.steps.do b:do b:test b:it p:plan.steps.do b:do b:1 b:5e3 "
                   "p:plan.n b:n b:12 p:q b:q");
    DREY_CHECK_STR(tokens_of(NULL, "[{\"a\":[[{\"b\":1}],2]},\"s\"]"), "p:a b:a p:a.b b:b b:1 b:2 b:s");
    DREY_CHECK_STR(tokens_of(NULL, "{\"a.b\":{\"\":1},\"C d\":true}"), "p:a.b b:a b:b p:a.b. b:1 p:c d b:c b:d");
    DREY_CHECK_STR(tokens_of(NULL, "{\"k\":\"a\\nb\\u0041\\\"c\\ud83d\\udc4dd\\u00e4\\\\\"}"),
                   "p:k b:k b:a b:ba b:c b:dä");
    return 0;
}

DREY_TEST(metadata_gives_words_and_no_paths, .no_runtime = true)
{
    sq_text out = {0};
    static const char metadata[] = "{\"Team\":\"Blue Sky\"}";
    sq_searched searched = {.name = "N 1", .metadata = metadata, .metadata_bytes = sizeof metadata - 1};
    sq_tokens_walk(&searched, collect, &out);
    DREY_CHECK_STR(out.data, "n:n n:1 b:team b:blue b:sky");
    sq_text_free(&out);
    return 0;
}

DREY_TEST(broken_text_ends_the_walk_and_nothing_else, .no_runtime = true)
{
    static const char good[] =
        "{\"a\":[{\"b\\u00e4\":\"x\\ud83d\\udc4dy\"},-1.25e-7,[[\"\\\\\"]]],\"c\":{\"d\":\"\\\"\"}}";
    sq_text out = {0};
    for (size_t bytes = 0; bytes < sizeof good; bytes++) {
        char *part = malloc(bytes ? bytes : 1); /* of its own, so that a sanitizer sees a step too far */
        DREY_CHECK(part);
        memcpy(part, good, bytes);
        for (unsigned round = 0; round < 64; round++) {
            sq_searched searched = {.data = part, .data_bytes = bytes};
            sq_text_clear(&out);
            sq_tokens_walk(&searched, collect, &out);
            if (bytes > 0)
                part[(round * 31) % bytes] = "\"\\{}[]:,u\xc3\xff\0"
                                             "9"[round % 13];
        }
        free(part);
    }
    char deep[4096];
    memset(deep, '{', sizeof deep);
    sq_searched searched = {.data = deep, .data_bytes = sizeof deep};
    DREY_CHECK(sq_tokens_walk(&searched, collect, &out));
    sq_text_free(&out);
    return 0;
}

DREY_TEST(long_words_and_paths_count_by_their_beginning, .no_runtime = true)
{
    char text[512];
    memset(text, 'A', sizeof text);
    memcpy(text, "{\"", 2);
    memcpy(text + 402, "\":1}", 5);
    const char *found = tokens_of(NULL, text);
    DREY_CHECK_EQ(strlen(found), 2 + SQ_PATH_POINTS + 3 + SQ_WORD_POINTS + 4);
    sq_query *query;
    sq_error error;
    char word[102];
    memset(word, 'a', sizeof word);
    DREY_CHECK_EQ(sq_query_parse(word, 100, &query, &error), 0);
    sq_searched searched = {.data = text, .data_bytes = strlen(text)};
    DREY_CHECK(sq_query_matches(query, &searched));
    sq_query_free(query);
    return 0;
}

static bool count_paths(void *arg, sq_column column, const char *token, size_t bytes)
{
    (void)token, (void)bytes;
    *(unsigned *)arg += column == SQ_COLUMN_PATHS;
    return true;
}

DREY_TEST(the_number_of_paths_is_bounded, .no_runtime = true) /* R19 */
{
    sq_text data = {0};
    sq_text_char(&data, '{');
    for (int i = 0; i < SQ_PATHS_MAX + 100; i++)
        sq_text_format(&data, "%s\"k%d\":0", i ? "," : "", i);
    sq_text_char(&data, '}');
    unsigned paths = 0;
    sq_searched searched = {.data = data.data, .data_bytes = data.bytes};
    DREY_CHECK(sq_tokens_walk(&searched, count_paths, &paths));
    DREY_CHECK_EQ(paths, SQ_PATHS_MAX);
    sq_text_free(&data);
    return 0;
}

static const char *encoded(const char *token)
{
    static sq_text out;
    sq_text_clear(&out);
    sq_tokens_encode(&out, token, strlen(token));
    return out.data;
}

DREY_TEST(tokens_are_encoded_to_letters_and_digits, .no_runtime = true)
{
    DREY_CHECK_STR(encoded("abc019"), "abc019");
    DREY_CHECK_STR(encoded("max"), "maxx");
    DREY_CHECK_STR(encoded("ä"), "x000e4");
    DREY_CHECK_STR(encoded("a.b"), "ax0002eb");
    DREY_CHECK_STR(encoded("A_b"), "x00041x0005fb");
    DREY_CHECK_STR(encoded("😀"), "x1f600");
    /* Prefixes of tokens are prefixes of encodings and the other way round. */
    static const char *const words[] = {"x",      "xx", "x0", "x00", "ä",  "äx", "xä",
                                        "x000e4", "a",  "ax", "axx", "東", "東x"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char one[64];
        snprintf(one, sizeof one, "%s", encoded(words[i]));
        for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
            bool plain = strncmp(words[j], words[i], strlen(words[i])) == 0;
            DREY_CHECK_EQ(strncmp(encoded(words[j]), one, strlen(one)) == 0, plain);
        }
    }
    return 0;
}

DREY_TEST(columns_hold_each_token_once, .no_runtime = true)
{
    sq_columns columns = {0};
    static const char data[] = "{\"b\":\"b x ü B\",\"c\":[{\"b\":1},{\"b\":1}]}";
    sq_searched searched = {.id = "x-1", .name = "One 1", .data = data, .data_bytes = sizeof data - 1};
    for (int i = 0; i < 2; i++) {
        DREY_CHECK(sq_columns_fill(&columns, &searched));
        DREY_CHECK_STR(columns.name.data, "xx 1 one");
        DREY_CHECK_STR(columns.body.data, "b xx x000fc c 1");
        DREY_CHECK_STR(columns.paths.data, "b c cx0002eb");
    }
    sq_columns_free(&columns);
    return 0;
}

/* The query's canonical text, or the name of its error. */
static const char *parsed(const char *text)
{
    static char out[2048];
    sq_query *query;
    sq_error error;
    if (sq_query_parse(text, strlen(text), &query, &error) < 0)
        return sq_code_name(error.code);
    snprintf(out, sizeof out, "%s", sq_query_text(query));
    sq_query_free(query);
    return out;
}

DREY_TEST(queries_are_words_prefixes_and_paths, .no_runtime = true) /* S38 */
{
    static const struct {
        const char *query, *text;
    } cases[] = {
        {"beta Alpha", "\"alpha\" \"beta\" "},
        {"alpha beta", "\"alpha\" \"beta\" "},
        {"a a A", "\"a\" "},
        {"foo-bar", "\"bar\" \"foo\" "},
        {"par*", "\"par\"* "},
        {"foo-par*", "\"foo\" \"par\"* "},
        {"par par*", "\"par\" "},
        {"b foo-b*", "\"b\" \"foo\" "},
        {"pa* pa*", "\"pa\"* "},
        {"foo-*", "\"foo\" "},
        {"foo** bar", "\"bar\" \"foo\" "},
        {"東*", "\"東\"* "},
        {"ä*", "\"ä\"* "},
        {"path:a.B", "path:\"a.b\" "},
        {"path:plan.* x", "\"x\" path:\"plan.\"* "},
        {"path:\"a b.c\" d", "\"d\" path:\"a b.c\" "},
        {"path:\"a b\"* d", "\"d\" path:\"a b\"* "},
        {"x\tpath:aa\nPATH:b", "\"b\" \"path\" \"x\" path:\"aa\" "},
        {"", "invalid"},
        {"  ", "invalid"},
        {"-- *", "invalid"},
        {"a*", "invalid"},
        {"path:", "invalid"},
        {"path:*", "invalid"},
        {"path:\"a", "invalid"},
        {"path:a*", "invalid"},
        {"\xff", "bad_text"},
        {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "invalid"},
        /* The syntax of others has no meaning. */
        {"\"foo\" NOT (bar)", "\"bar\" \"foo\" \"not\" "},
        {"name:foo^ + NEAR(a b)", "\"a\" \"b\" \"foo\" \"name\" \"near\" "},
        {"'; DROP TABLE x--", "\"drop\" \"table\" \"x\" "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        DREY_CHECK_STR(parsed(cases[i].query), cases[i].text);
    char large[SQ_QUERY_BYTES + 2];
    memset(large, 'a', sizeof large);
    large[sizeof large - 1] = '\0';
    DREY_CHECK_STR(parsed(large), "too_large");
    return 0;
}

static bool matches(const char *text, const char *data)
{
    sq_query *query;
    sq_error error;
    if (sq_query_parse(text, strlen(text), &query, &error) < 0)
        abort();
    sq_searched searched = {.id = "task-42", .name = "Größe", .data = data, .data_bytes = strlen(data)};
    bool found = sq_query_matches(query, &searched);
    sq_query_free(query);
    return found;
}

DREY_TEST(all_terms_must_match, .no_runtime = true)
{
    static const char data[] = "{\"Plan\":{\"steps\":[\"Fix the parser\",{\"who\":\"Ann\"}]},\"n\":17}";
    static const char *const good[] = {"parser",
                                       "PARSER fix",
                                       "pars*",
                                       "task",
                                       "42",
                                       "task-42",
                                       "größe",
                                       "GRÖ*",
                                       "17",
                                       "plan",
                                       "path:plan",
                                       "path:plan.steps",
                                       "path:plan.steps.who",
                                       "path:pl*",
                                       "path:PLAN.st* ann path:n"};
    static const char *const bad[] = {
        "parse",       "parser bug",   "arser*", "path:steps", "path:pla", "path:plan.steps.wh",
        "path:parser", "who path:who", "1",      "grosse"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        DREY_CHECK(matches(good[i], data));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        DREY_CHECK(!matches(bad[i], data));
    return 0;
}

static double score(const char *text, const char *name, const char *data)
{
    sq_query *query;
    sq_error error;
    if (sq_query_parse(text, strlen(text), &query, &error) < 0)
        abort();
    sq_searched searched = {.name = name, .data = data, .data_bytes = strlen(data)};
    double found = sq_query_score(query, &searched);
    sq_query_free(query);
    return found;
}

DREY_TEST(more_and_denser_matches_score_higher, .no_runtime = true) /* S8 */
{
    double once = score("cat", NULL, "{\"t\":\"a cat sat\"}");
    DREY_CHECK(score("cat", NULL, "{\"t\":\"cat cat sat\"}") > once);
    DREY_CHECK(score("cat", NULL, "{\"t\":\"a cat sat and sat and sat and sat and sat\"}") < once);
    DREY_CHECK(score("cat", "cat", "{\"t\":\"a dog sat\"}") > once);
    DREY_CHECK(score("dog", NULL, "{\"t\":\"a cat sat\"}") == 0);
    return 0;
}

DREY_TEST(a_query_becomes_an_expression_of_the_index, .no_runtime = true)
{
    sq_query *query;
    sq_error error;
    static const char text[] = "max OR* path:a.b";
    DREY_CHECK_EQ(sq_query_parse(text, sizeof text - 1, &query, &error), 0);
    sq_text out = {0};
    sq_query_index(query, "My-1", &out);
    DREY_CHECK_STR(out.data, "{project}:\"x0004dyx0002d1\" AND {name body}:\"maxx\" AND {name body}:\"or\"* AND "
                             "{paths}:\"ax0002eb\"");
    sq_text_free(&out);
    sq_query_free(query);
    return 0;
}

DREY_TEST(the_tables_are_in_order, .no_runtime = true)
{
    for (size_t i = 1; i < sq_unicode_letter_count; i++)
        DREY_CHECK(sq_unicode_letter_table[i - 1].last < sq_unicode_letter_table[i].first);
    for (size_t i = 1; i < sq_unicode_fold_count; i++)
        DREY_CHECK(sq_unicode_fold_table[i - 1].last < sq_unicode_fold_table[i].first);
    for (uint32_t point = 0; point < 0x110000; point++) /* folding is done once: what is folded stays */
        DREY_CHECK_EQ(sq_unicode_folded(sq_unicode_folded(point)), sq_unicode_folded(point));
    return 0;
}

DREY_TEST_MAIN()
