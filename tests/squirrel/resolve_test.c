/* SPDX-License-Identifier: MIT */
/* Merge patch, lineage and schemas (S15, S16). */
#include <drey/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/lineage.h"
#include "context/merge.h"
#include "context/schema.h"
#include "json/write.h"

static sq_json *parse(const char *text)
{
    sq_json *value = NULL;
    sq_json_error error;
    return sq_json_parse(text, strlen(text), 64, &value, &error) == 0 ? value : NULL;
}

/* Appendix A of RFC 7396. */
DREY_TEST(merge_is_rfc_7396, .no_runtime = true)
{
    static const struct { const char *target, *patch, *result; } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_json *patch = parse(cases[i].patch);
        sq_json *result = sq_merge(parse(cases[i].target), patch);
        sq_text text = {0};
        DREY_CHECK(result != NULL);
        sq_json_write(&text, result, SQ_JSON_CANONICAL);
        DREY_CHECK_STR(text.data, cases[i].result);
        sq_text_free(&text);
        sq_json_unref(result);
        sq_json_unref(patch);
    }
    return 0;
}

static int read_context(const char *text, sq_context *out)
{
    sq_error error;
    return sq_context_read(text, strlen(text), NULL, out, &error);
}

DREY_TEST(resolve_merges_root_first, .no_runtime = true)
{
    sq_context root, middle, leaf;
    sq_error error;
    sq_lineage line;
    DREY_CHECK_EQ(read_context("{\"id\":\"r\",\"data\":{\"a\":1,\"b\":{\"x\":1,\"y\":2},\"n\":null}}", &root), 0);
    DREY_CHECK_EQ(read_context("{\"id\":\"m\",\"parent_id\":\"r\",\"data\":{\"b\":{\"x\":null}}}", &middle), 0);
    DREY_CHECK_EQ(read_context("{\"id\":\"l\",\"parent_id\":\"m\",\"data\":{\"c\":3,\"a\":2}}", &leaf), 0);
    DREY_CHECK_EQ(sq_lineage_start(&line, &leaf, 0, &error), 0);
    DREY_CHECK_STR(sq_lineage_wants(&line), "m");
    DREY_CHECK_EQ(sq_lineage_add(&line, &middle, &error), 0);
    DREY_CHECK_STR(sq_lineage_wants(&line), "r");
    DREY_CHECK_EQ(sq_lineage_add(&line, &root, &error), 0);
    DREY_CHECK(sq_lineage_wants(&line) == NULL);
    sq_json *data = sq_lineage_resolve(&line);
    sq_text text = {0};
    sq_json_write(&text, data, SQ_JSON_CANONICAL);
    DREY_CHECK_STR(text.data, "{\"a\":2,\"b\":{\"y\":2},\"c\":3,\"n\":null}");
    sq_text_clear(&text);
    sq_json_write(&text, root.data, SQ_JSON_CANONICAL);
    DREY_CHECK_STR(text.data, "{\"a\":1,\"b\":{\"x\":1,\"y\":2},\"n\":null}");
    sq_text_free(&text);
    sq_json_unref(data);
    sq_lineage_free(&line);
    sq_context_free(&root);
    sq_context_free(&middle);
    sq_context_free(&leaf);
    return 0;
}

DREY_TEST(resolve_refuses_cycles_and_expired_parents, .no_runtime = true)
{
    sq_context a, b, self, old, child;
    sq_error error;
    sq_lineage line;
    DREY_CHECK_EQ(read_context("{\"id\":\"a\",\"parent_id\":\"b\",\"data\":{}}", &a), 0);
    DREY_CHECK_EQ(read_context("{\"id\":\"b\",\"parent_id\":\"a\",\"data\":{}}", &b), 0);
    DREY_CHECK_EQ(sq_lineage_start(&line, &a, 0, &error), 0);
    DREY_CHECK(sq_lineage_add(&line, &b, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_CYCLE);
    DREY_CHECK(strstr(error.message, "a -> b -> a") != NULL);
    sq_lineage_free(&line);
    DREY_CHECK_EQ(read_context("{\"id\":\"s\",\"parent_id\":\"s\",\"data\":{}}", &self), 0);
    DREY_CHECK(sq_lineage_start(&line, &self, 0, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_CYCLE);
    sq_lineage_free(&line);
    DREY_CHECK_EQ(read_context("{\"id\":\"o\",\"expires_at\":\"2026-01-01T00:00:00Z\",\"data\":{}}", &old), 0);
    DREY_CHECK_EQ(read_context("{\"id\":\"c\",\"parent_id\":\"o\",\"data\":{}}", &child), 0);
    DREY_CHECK_EQ(sq_lineage_start(&line, &child, old.expires_at, &error), 0);
    DREY_CHECK(sq_lineage_add(&line, &old, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_BROKEN_PARENT);
    sq_lineage_free(&line);
    DREY_CHECK_EQ(sq_lineage_start(&line, &child, old.expires_at - 1, &error), 0);
    DREY_CHECK_EQ(sq_lineage_add(&line, &old, &error), 0);
    sq_lineage_free(&line);
    sq_context *all[] = {&a, &b, &self, &old, &child};
    for (size_t i = 0; i < 5; i++)
        sq_context_free(all[i]);
    return 0;
}

static int resolve_chain(int ancestors, sq_error *error)
{
    sq_lineage line;
    int rc = 0;
    for (int i = ancestors; i >= 0 && rc == 0; i--) {
        char text[100];
        sq_context context;
        if (i > 0)
            snprintf(text, sizeof text, "{\"id\":\"c%d\",\"parent_id\":\"c%d\",\"data\":{}}", i, i - 1);
        else
            snprintf(text, sizeof text, "{\"id\":\"c0\",\"data\":{}}");
        DREY_CHECK_EQ(read_context(text, &context), 0);
        rc = i == ancestors ? sq_lineage_start(&line, &context, 0, error) : sq_lineage_add(&line, &context, error);
        sq_context_free(&context);
    }
    sq_lineage_free(&line);
    return rc;
}

DREY_TEST(resolve_goes_32_ancestors_up, .no_runtime = true)
{
    sq_error error;
    DREY_CHECK_EQ(resolve_chain(32, &error), 0);
    DREY_CHECK(resolve_chain(33, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_TOO_DEEP);
    return 0;
}

DREY_TEST(schema_validates, .no_runtime = true)
{
    static const struct { const char *schema, *value, *path; } cases[] = {
        {"{}", "{\"a\":1}", NULL},
        {"{\"type\":\"object\"}", "{}", NULL},
        {"{\"type\":\"array\"}", "{}", "$"},
        {"{\"type\":[\"null\",\"integer\"]}", "1.0", NULL},
        {"{\"type\":\"integer\"}", "1.5", "$"},
        {"{\"type\":\"number\"}", "1", NULL},
        {"{\"enum\":[1,\"a\",null]}", "1.0", NULL},
        {"{\"enum\":[1,\"a\",null]}", "2", "$"},
        {"{\"const\":{\"a\":1}}", "{\"a\":1}", NULL},
        {"{\"const\":{\"a\":1}}", "{\"a\":2}", "$"},
        {"{\"minimum\":1,\"maximum\":2.5}", "2.5", NULL},
        {"{\"minimum\":1}", "0.5", "$"},
        {"{\"maximum\":9223372036854775806}", "9223372036854775807", "$"},
        {"{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa9\xc3\xa9\xc3\xa9\"", NULL},
        {"{\"maxLength\":1}", "\"ab\"", "$"},
        {"{\"minLength\":1}", "\"\"", "$"},
        {"{\"items\":{\"type\":\"string\"},\"maxItems\":2}", "[\"a\",\"b\"]", NULL},
        {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", "$[1]"},
        {"{\"maxItems\":1}", "[1,2]", "$"},
        {"{\"minItems\":1}", "[]", "$"},
        {"{\"required\":[\"a\"]}", "{\"b\":1}", "$"},
        {"{\"properties\":{\"a\":{\"properties\":{\"b c\":{\"type\":\"null\"}}}}}", "{\"a\":{\"b c\":1}}",
         "$.a[\"b c\"]"},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", NULL},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"z\":1}", "$.z"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"z\":1}", "$.z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_json *schema = parse(cases[i].schema), *value = parse(cases[i].value);
        sq_error error;
        DREY_CHECK_EQ(sq_schema_check(schema, &error), 0);
        DREY_CHECK_EQ(sq_schema_validate(schema, value, &error) == 0, cases[i].path == NULL);
        if (cases[i].path)
            DREY_CHECK_STR(error.path, cases[i].path);
        sq_json_unref(schema);
        sq_json_unref(value);
    }
    return 0;
}

DREY_TEST(schema_outside_the_subset_is_refused, .no_runtime = true)
{
    static const struct { const char *schema, *path; } cases[] = {
        {"true", "$"}, {"{\"pattern\":\"a\"}", "$.pattern"}, {"{\"type\":\"text\"}", "$.type"},
        {"{\"type\":[]}", "$.type"},
        {"{\"properties\":{\"a\":{\"oneOf\":[]}}}", "$.properties.a.oneOf"}, {"{\"required\":[1]}", "$.required"},
        {"{\"maxLength\":-1}", "$.maxLength"}, {"{\"maxItems\":1.5}", "$.maxItems"},
        {"{\"minimum\":\"1\"}", "$.minimum"},
        {"{\"items\":[{}]}", "$.items"}, {"{\"enum\":1}", "$.enum"},
        {"{\"additionalProperties\":3}", "$.additionalProperties"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_json *schema = parse(cases[i].schema);
        sq_error error;
        DREY_CHECK(sq_schema_check(schema, &error) < 0);
        DREY_CHECK_STR(error.path, cases[i].path);
        sq_json_unref(schema);
    }
    return 0;
}

DREY_TEST_MAIN()
