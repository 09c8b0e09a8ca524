/* SPDX-License-Identifier: MIT */
/* The document: what a context may hold, and every refusal with its code and place (S28, and "A context"). */
#include <drey/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/context.h"
#include "context/measure.h"
#include "json/text.h"

DREY_TEST(context_reads_what_a_file_states, .no_runtime = true)
{
    static const char text[] =
        "{\"id\":\"task-42\",\"project\":\"api-3f9a1c\",\"name\":\"Fix it\",\"data\":{\"a\":1},"
        "\"metadata\":{\"k\":\"v\"},"
        "\"parent_id\":\"plan\",\"rev\":3,\"seq\":1187,\"created_at\":\"2026-11-23T05:00:00.000Z\","
        "\"updated_at\":\"2026-11-23T05:00:00Z\",\"expires_at\":\"2026-12-01T00:00:00+01:00\","
        "\"source\":{\"principal\":\"local:1000\",\"agent\":\"claude\",\"tool\":null,\"trust\":\"agent\"},"
        "\"fingerprint\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}";
    sq_context context;
    sq_error error;
    DREY_CHECK_EQ(sq_context_read(text, strlen(text), "other", &context, &error), 0);
    DREY_CHECK_STR(context.id, "task-42");
    DREY_CHECK_STR(context.project, "api-3f9a1c");
    DREY_CHECK_STR(context.name, "Fix it");
    DREY_CHECK_STR(context.parent_id, "plan");
    DREY_CHECK_EQ(context.rev, 3);
    DREY_CHECK(context.expires);
    DREY_CHECK(sq_context_expired(&context, context.expires_at));
    DREY_CHECK(!sq_context_expired(&context, context.expires_at - 1));
    sq_context_free(&context);
    return 0;
}

DREY_TEST(context_needs_only_data, .no_runtime = true)
{
    sq_context context;
    sq_error error;
    static const char text[] = "{\"data\":{},\"name\":null,\"parent_id\":null,\"expires_at\":null}";
    DREY_CHECK_EQ(sq_context_read(text, strlen(text), "from-file", &context, &error), 0);
    DREY_CHECK_STR(context.id, "from-file");
    DREY_CHECK_STR(context.project, "default");
    DREY_CHECK(context.name == NULL && context.parent_id == NULL && !context.expires);
    sq_context_free(&context);
    return 0;
}

DREY_TEST(context_refusals_name_code_and_place, .no_runtime = true)
{
    static const struct { const char *text; sq_code code; size_t line, column; const char *path; } cases[] = {
        {"[]", SQ_INVALID, 1, 1, "$"},
        {"{}", SQ_INVALID, 1, 1, "$"},
        {"{\"data\":[]}", SQ_INVALID, 1, 2, "$.data"},
        {"{\"data\":null}", SQ_INVALID, 1, 2, "$.data"},
        {"{\"data\":{},\n \"dta\":1}", SQ_INVALID, 2, 2, "$.dta"},
        {"{\"data\":{},\n \"odd key\":1}", SQ_INVALID, 2, 2, "$[\"odd key\"]"},
        {"{\"data\":{},\"id\":7}", SQ_INVALID, 1, 12, "$.id"},
        {"{\"data\":{},\"id\":null}", SQ_INVALID, 1, 12, "$.id"},
        {"{\"data\":{},\"id\":\"\"}", SQ_BAD_ID, 1, 12, "$.id"},
        {"{\"data\":{},\"id\":\"-a\"}", SQ_BAD_ID, 1, 12, "$.id"},
        {"{\"data\":{},\"id\":\"a/b\"}", SQ_BAD_ID, 1, 12, "$.id"},
        {"{\"data\":{},\"project\":\"..\"}", SQ_BAD_ID, 1, 12, "$.project"},
        {"{\"data\":{},\"parent_id\":\"a b\"}", SQ_BAD_ID, 1, 12, "$.parent_id"},
        {"{\"data\":{},\"rev\":0}", SQ_INVALID, 1, 12, "$.rev"},
        {"{\"data\":{},\"rev\":1.5}", SQ_INVALID, 1, 12, "$.rev"},
        {"{\"data\":{},\"expires_at\":\"tomorrow\"}", SQ_INVALID, 1, 12, "$.expires_at"},
        {"{\"data\":{},\"created_at\":\"2026-02-29T00:00:00Z\"}", SQ_INVALID, 1, 12, "$.created_at"},
        {"{\"data\":{},\"metadata\":{\"a\":1}}", SQ_INVALID, 1, 24, "$.metadata.a"},
        {"{\"data\":{},\"metadata\":{\"a b\":{}}}", SQ_INVALID, 1, 24, "$.metadata[\"a b\"]"},
        {"{\"data\":{},\"source\":{\"who\":\"x\"}}", SQ_INVALID, 1, 22, "$.source.who"},
        {"{\"data\":{},\"fingerprint\":\"sha256:12\"}", SQ_INVALID, 1, 12, "$.fingerprint"},
        {"{\"data\":{},\"data\":{}}", SQ_DUPLICATE_KEY, 1, 12, "$.data"},
        {"{\"data\":{\"x\":\"\\ud800\"}}", SQ_BAD_TEXT, 1, 15, "$.data.x"},
        {"{\"data\":{\"x\":1e999}}", SQ_BAD_NUMBER, 1, 14, "$.data.x"},
        {"{\"data\":{},}", SQ_INVALID_JSON, 1, 11, "$.data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_context context;
        sq_error error;
        DREY_CHECK(sq_context_read(cases[i].text, strlen(cases[i].text), "f", &context, &error) < 0);
        DREY_CHECK_STR(error.path, cases[i].path);
        DREY_CHECK_STR(sq_code_name(error.code), sq_code_name(cases[i].code));
        DREY_CHECK_EQ(error.place.line, cases[i].line);
        DREY_CHECK_EQ(error.place.column, cases[i].column);
        DREY_CHECK(error.message[0] != '\0');
    }
    return 0;
}

DREY_TEST(context_without_any_id_is_refused, .no_runtime = true)
{
    sq_context context;
    sq_error error;
    DREY_CHECK(sq_context_read("{\"data\":{}}", 11, NULL, &context, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_BAD_ID);
    return 0;
}

static int read_sized(const char *member, size_t value_bytes, bool object, sq_error *error)
{
    sq_text text = {0};
    sq_text_format(&text, object ? "{\"data\":{},\"%s\":{\"k\":\"" : "{\"data\":{},\"%s\":\"", member);
    for (size_t i = 0; i < value_bytes; i++)
        sq_text_char(&text, 'x');
    sq_text_string(&text, object ? "\"}}" : "\"}");
    sq_context context;
    int rc = sq_context_read(text.data, text.bytes, "f", &context, error);
    if (rc == 0)
        sq_context_free(&context);
    sq_text_free(&text);
    return rc;
}

DREY_TEST(context_limits_are_exact, .no_runtime = true)
{
    sq_error error;
    DREY_CHECK_EQ(read_sized("metadata", 4095, true, &error), 0);
    DREY_CHECK(read_sized("metadata", 4096, true, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_TOO_LARGE);
    DREY_CHECK_EQ(read_sized("name", 512, false, &error), 0);
    DREY_CHECK(read_sized("name", 513, false, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_TOO_LARGE);
    DREY_CHECK_EQ(read_sized("id", 128, false, &error), 0);
    DREY_CHECK(read_sized("id", 129, false, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_BAD_ID);
    return 0;
}

static int read_nested(unsigned depth, sq_error *error)
{
    sq_text text = {0};
    sq_text_string(&text, "{\"data\":");
    for (unsigned i = 0; i < depth; i++)
        sq_text_string(&text, "{\"a\":");
    sq_text_char(&text, '1');
    for (unsigned i = 0; i <= depth; i++)
        sq_text_char(&text, '}');
    sq_context context;
    int rc = sq_context_read(text.data, text.bytes, "f", &context, error);
    if (rc == 0)
        sq_context_free(&context);
    sq_text_free(&text);
    return rc;
}

DREY_TEST(context_data_nests_64_deep, .no_runtime = true)
{
    sq_error error;
    DREY_CHECK_EQ(read_nested(64, &error), 0);
    DREY_CHECK(read_nested(65, &error) < 0);
    DREY_CHECK_EQ(error.code, SQ_TOO_DEEP);
    return 0;
}

DREY_TEST(ids_come_from_file_names, .no_runtime = true)
{
    static const struct { const char *path, *id; } cases[] = {
        {"a/b/task-1.json", "task-1"}, {"task", "task"}, {"x.y.json", "x.y"}, {"_.json", "_"},
        {"a/.json", NULL}, {"a b.json", NULL}, {".hidden.json", NULL}, {"a\nb.json", NULL}, {"\xff.json", NULL},
        {"a/", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[SQ_ID_BYTES + 1];
        DREY_CHECK_EQ(sq_id_from_path(cases[i].path, id), cases[i].id != NULL);
        if (cases[i].id)
            DREY_CHECK_STR(id, cases[i].id);
    }
    return 0;
}

DREY_TEST(times_are_rfc_3339, .no_runtime = true)
{
    static const struct { const char *in, *out; } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {"2026-11-23T05:00:00.123456Z", "2026-11-23T05:00:00.123Z"},
        {"2026-11-23t05:00:00.5z", "2026-11-23T05:00:00.500Z"},
        {"2024-02-29T23:59:59+05:30", "2024-02-29T18:29:59.000Z"},
        {"2026-01-01T00:00:00-00:01", "2026-01-01T00:01:00.000Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
        {"2000-03-01T00:00:00Z", "2000-03-01T00:00:00.000Z"},
        {"1900-02-29T00:00:00Z", NULL}, {"2026-13-01T00:00:00Z", NULL}, {"2026-00-01T00:00:00Z", NULL},
        {"2026-01-32T00:00:00Z", NULL}, {"2026-01-01T24:00:00Z", NULL}, {"2026-01-01T00:60:00Z", NULL},
        {"2026-01-01 00:00:00Z", NULL}, {"2026-01-01T00:00:00", NULL}, {"2026-01-01T00:00:00.Z", NULL},
        {"2026-01-01T00:00:00Zx", NULL}, {"2026-01-01", NULL}, {"", NULL}, {"26-01-01T00:00:00Z", NULL},
        {"0000-01-01T00:00:00Z", NULL}, {"9999-12-31T23:59:60Z", NULL}, {"2026-01-01T00:00:00+24:00", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sq_time when;
        char out[SQ_TIME_BYTES];
        DREY_CHECK_EQ(sq_time_read(cases[i].in, strlen(cases[i].in), &when), cases[i].out != NULL);
        if (cases[i].out) {
            sq_time_write(when, out);
            DREY_CHECK_STR(out, cases[i].out);
        }
    }
    return 0;
}

DREY_TEST(errors_follow_the_table, .no_runtime = true)
{
    static const struct { sq_code code; const char *name; int exit, http, rpc; } cases[] = {
        {SQ_OK, "success", 0, 200, 0}, {SQ_SOME_FAILED, "some_failed", 1, 200, 0}, {SQ_USAGE, "usage", 2, 0, 0},
        {SQ_INVALID_JSON, "invalid_json", 3, 400, -32700}, {SQ_TOO_LARGE, "too_large", 3, 413, -32602},
        {SQ_CYCLE, "cycle", 3, 422, -32602}, {SQ_NOT_FOUND, "not_found", 4, 404, -32602},
        {SQ_CONFLICT, "conflict", 5, 409, -32602}, {SQ_FORBIDDEN, "forbidden", 6, 403, -32602},
        {SQ_QUOTA, "quota", 7, 507, -32603}, {SQ_DISK_FULL, "disk_full", 8, 507, -32603},
        {SQ_UNKNOWN_OUTCOME, "unknown_outcome", 9, 503, -32603}, {SQ_TIMEOUT, "timeout", 124, 504, -32603},
        {SQ_VERSION_SKEW, "version_skew", 78, 503, -32603}, {SQ_INTERNAL, "internal", 70, 500, -32603},
        {SQ_INTERRUPTED, "interrupted", 130, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DREY_CHECK_STR(sq_code_name(cases[i].code), cases[i].name);
        DREY_CHECK_EQ(sq_code_exit(cases[i].code), cases[i].exit);
        DREY_CHECK_EQ(sq_code_http(cases[i].code), cases[i].http);
        DREY_CHECK_EQ(sq_code_rpc(cases[i].code), cases[i].rpc);
    }
    for (int code = 0; code < SQ_CODES; code++)
        DREY_CHECK(sq_code_name((sq_code)code) != NULL);
    return 0;
}

DREY_TEST(messages_are_cut_between_characters, .no_runtime = true)
{
    sq_error error;
    char text[400];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[398] = '\0';
    sq_fail(&error, SQ_INVALID, "a%s", text);
    DREY_CHECK(sq_utf8_valid(error.message, strlen(error.message)));
    sq_fail(&error, SQ_INVALID, "%s", text);
    DREY_CHECK(sq_utf8_valid(error.message, strlen(error.message)));
    return 0;
}

static int measure_text(const char *text, sq_measure *out)
{
    sq_json *value;
    sq_json_error error;
    DREY_CHECK_EQ(sq_json_parse(text, strlen(text), 64, &value, &error), 0);
    DREY_CHECK_EQ(sq_measure_take(value, out), 0);
    sq_json_unref(value);
    return 0;
}

DREY_TEST(measures_are_of_the_canonical_form, .no_runtime = true)
{
    sq_measure a, b;
    DREY_CHECK_EQ(measure_text("{}", &a), 0);
    DREY_CHECK_STR(a.fingerprint, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    DREY_CHECK_EQ(a.bytes, 2);
    DREY_CHECK_EQ(a.depth, 1);
    DREY_CHECK_EQ(a.keys, 0);
    DREY_CHECK_EQ(a.tokens, 1);
    DREY_CHECK_EQ(measure_text("{\"b\": [1.0, {\"c\": null}], \"a\": \"x\"}", &a), 0);
    DREY_CHECK_EQ(measure_text("{\"a\":\"\\u0078\",\"b\":[1,{\"c\":null}]}", &b), 0);
    DREY_CHECK_STR(a.fingerprint, b.fingerprint);
    DREY_CHECK_EQ(a.keys, 3);
    DREY_CHECK_EQ(a.depth, 3);
    DREY_CHECK_EQ(a.bytes, strlen("{\"a\":\"x\",\"b\":[1,{\"c\":null}]}"));
    return 0;
}

DREY_TEST_MAIN()
