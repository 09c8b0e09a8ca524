/* SPDX-License-Identifier: MIT */
/* Where two values differ. */
#include <drey/test.h>
#include <string.h>

#include "context/diff.h"
#include "json/write.h"

typedef struct told {
    sq_text text;
    unsigned most;
} told;

static void add_value(sq_text *out, sq_json *value)
{
    if (value)
        sq_json_write(out, value, SQ_JSON_COMPACT);
    else
        sq_text_char(out, '-');
}

static bool tell(void *arg, const sq_change *change)
{
    told *t = arg;
    sq_text_format(&t->text, "%s%s ", t->text.bytes ? "; " : "", change->path);
    add_value(&t->text, change->old);
    sq_text_char(&t->text, ' ');
    add_value(&t->text, change->new);
    return --t->most > 0;
}

static sq_json *parse(const char *text)
{
    sq_json *value = NULL;
    sq_json_error error;
    if (text && sq_json_parse(text, strlen(text), SQ_JSON_DEPTH_MAX, &value, &error) < 0)
        return NULL;
    return value;
}

static bool compare(const char *old, const char *new, unsigned most, told *t)
{
    *t = (told){.most = most};
    sq_json *a = parse(old), *b = parse(new);
    bool all = sq_diff(a, b, tell, t);
    sq_json_unref(a);
    sq_json_unref(b);
    return all;
}

DREY_TEST(each_place_that_differs_is_told, .no_runtime = true)
{
    static const struct {
        const char *old, *new, *told;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,{\"c\":2}]}", "{\"b\":[1.0,{\"c\":2}],\"a\":1}", NULL},
        {"{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":null}", "/a 1 -; /b 2 3; /c - null"},
        {"{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":2,\"d\":3}}}", "/a/b/c 1 2; /a/b/d - 3"},
        {"{\"a\":{\"b\":1}}", "{\"a\":[1]}", "/a {\"b\":1} [1]"},
        {"{\"a/b\":1,\"c~d\":1,\"\":1}", "{\"a/b\":2,\"c~d\":2,\"\":2}", "/a~1b 1 2; /c~0d 1 2; / 1 2"},
        {"[1,2,3]", "[1,2,3,4,5]", "/3 - 4; /4 - 5"},
        {"[1,2,3,4]", "[1,4]", "/1 2 -; /2 3 -"},
        {"[1,2,3]", "[0,1,2,3]", "/0 - 0"},
        {"[1,1,1]", "[1,1]", "/2 1 -"},
        {"[{\"a\":1},{\"a\":2},3]", "[{\"a\":1},{\"a\":5},3]", "/1/a 2 5"},
        {"1", "\"x\"", " 1 \"x\""},
        {NULL, "{}", " - {}"},
        {"{}", NULL, " {} -"},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        told t;
        DREY_CHECK(compare(cases[i].old, cases[i].new, 1000, &t));
        DREY_CHECK_STR(t.text.data ? t.text.data : "", cases[i].told ? cases[i].told : "");
        sq_text_free(&t.text);
    }
    return 0;
}

DREY_TEST(who_listens_can_end_it, .no_runtime = true)
{
    told t;
    DREY_CHECK(!compare("{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{}", 1, &t));
    DREY_CHECK_STR(t.text.data, "/a {\"b\":1,\"c\":2} -");
    sq_text_free(&t.text);
    DREY_CHECK(!compare("[[1,2,3]]", "[[4,5,6]]", 2, &t));
    DREY_CHECK_STR(t.text.data, "/0/0 1 4; /0/1 2 5");
    sq_text_free(&t.text);
    return 0;
}

DREY_TEST_MAIN()
