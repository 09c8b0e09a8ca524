/* SPDX-License-Identifier: MIT */
#include "context/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json/stop.h"
#include "json/text.h"
#include "json/write.h"

/* The way to the value being looked at, kept on the stack of the recursion and printed only for an error. */
typedef struct trail {
    const struct trail *up;
    const char *key;          /* NULL: an element */
    size_t index;
} trail;

static int validate(const sq_json *schema, sq_json *value, const trail *at, sq_error *error);

static void trail_write(sq_text *out, const trail *at)
{
    if (!at) {
        sq_text_char(out, '$');
        return;
    }
    trail_write(out, at->up);
    if (!at->key)
        sq_text_format(out, "[%zu]", at->index);
    else if (at->key[0] && strspn(at->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(at->key))
        sq_text_format(out, ".%s", at->key);
    else
        sq_text_format(out, "[\"%s\"]", at->key);
}

static int fail_at(sq_error *error, const trail *at)
{
    sq_text path = {0};
    trail_write(&path, at);
    snprintf(error->path, sizeof error->path, "%s", path.data ? path.data : "$");
    sq_text_free(&path);
    return -EINVAL;
}

static bool type_matches(const char *name, const sq_json *value)
{
    sq_json_type type = sq_json_typeof(value);
    bool number = type == SQ_JSON_INTEGER || type == SQ_JSON_REAL;
    if (strcmp(name, "number") == 0)
        return number;
    int64_t integer;
    if (strcmp(name, "integer") == 0 && type == SQ_JSON_REAL)
        return sq_double_integral(sq_json_number(value), &integer);
    static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    return strcmp(name, names[type]) == 0;
}

static int validate_type(sq_json *rule, sq_json *value, const trail *at, sq_error *error)
{
    bool list = sq_json_typeof(rule) == SQ_JSON_ARRAY;
    for (size_t i = 0; i < (list ? sq_json_size(rule) : 1); i++) {
        if (type_matches(sq_json_string(list ? sq_json_at(rule, i) : rule, NULL), value))
            return 0;
    }
    sq_text wanted = {0};
    sq_json_write(&wanted, rule, SQ_JSON_COMPACT);
    sq_fail(error, SQ_INVALID, "the schema wants the type %.120s here, not %s", wanted.data ? wanted.data : "",
            sq_json_type_name(sq_json_typeof(value)));
    sq_text_free(&wanted);
    return fail_at(error, at);
}

static int validate_choice(sq_json *rule, sq_json *value, const trail *at, sq_error *error)
{
    for (size_t i = 0; i < sq_json_size(rule); i++) {
        if (sq_json_equal(sq_json_at(rule, i), value))
            return 0;
    }
    sq_text wanted = {0};
    sq_json_write(&wanted, rule, SQ_JSON_COMPACT);
    sq_fail(error, SQ_INVALID, "the schema wants one of %.160s here", wanted.data ? wanted.data : "");
    sq_text_free(&wanted);
    return fail_at(error, at);
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* One bound: `size` is compared as `what`, "characters" or "elements". */
static int validate_size(const sq_json *schema, const char *key, size_t size, const char *what,
                         const trail *at, sq_error *error)
{
    const sq_json *rule = sq_json_get(schema, key);
    if (!rule)
        return 0;
    bool least = key[1] == 'i';
    uint64_t bound = (uint64_t)sq_json_integer(rule);
    if (least ? size >= bound : size <= bound)
        return 0;
    sq_fail(error, SQ_INVALID, "the schema wants at %s %" PRIu64 " %s here; there are %zu", least ? "least" : "most",
            bound, what, size);
    return fail_at(error, at);
}

static int compare_numbers(const sq_json *a, const sq_json *b)
{
    if (sq_json_typeof(a) == SQ_JSON_INTEGER && sq_json_typeof(b) == SQ_JSON_INTEGER)
        return (sq_json_integer(a) > sq_json_integer(b)) - (sq_json_integer(a) < sq_json_integer(b));
    return (sq_json_number(a) > sq_json_number(b)) - (sq_json_number(a) < sq_json_number(b));
}

static int validate_number(const sq_json *schema, const sq_json *value, const trail *at, sq_error *error)
{
    sq_json *least = sq_json_get(schema, "minimum"), *most = sq_json_get(schema, "maximum");
    bool below = least && compare_numbers(value, least) < 0;
    if (!below && !(most && compare_numbers(value, most) > 0))
        return 0;
    sq_text bound = {0};
    sq_json_write(&bound, below ? least : most, SQ_JSON_COMPACT);
    sq_fail(error, SQ_INVALID, "the schema wants a number of at %s %s here", below ? "least" : "most",
            bound.data ? bound.data : "");
    sq_text_free(&bound);
    return fail_at(error, at);
}

static int validate_array(const sq_json *schema, sq_json *value, const trail *at, sq_error *error)
{
    size_t size = sq_json_size(value);
    const sq_json *items = sq_json_get(schema, "items");
    int rc = validate_size(schema, "minItems", size, "elements", at, error);
    if (rc == 0)
        rc = validate_size(schema, "maxItems", size, "elements", at, error);
    for (size_t i = 0; items && rc == 0 && i < size; i++)
        rc = validate(items, sq_json_at(value, i), &(trail){.up = at, .index = i}, error);
    return rc;
}

static int validate_member(const sq_json *schema, const sq_json_member *member, const trail *at, sq_error *error)
{
    const sq_json *properties = sq_json_get(schema, "properties");
    const sq_json *others = sq_json_get(schema, "additionalProperties");
    const sq_json *rule = properties ? sq_json_get(properties, member->key) : NULL;
    trail here = {.up = at, .key = member->key};
    if (rule || !others)
        return rule ? validate(rule, member->value, &here, error) : 0;
    if (sq_json_typeof(others) == SQ_JSON_OBJECT)
        return validate(others, member->value, &here, error);
    if (sq_json_true(others))
        return 0;
    sq_fail(error, SQ_INVALID, "the schema does not allow the member \"%.100s\"", member->key);
    return fail_at(error, &here);
}

static int validate_object(const sq_json *schema, sq_json *value, const trail *at, sq_error *error)
{
    const sq_json *required = sq_json_get(schema, "required");
    for (size_t i = 0; required && i < sq_json_size(required); i++) {
        const char *key = sq_json_string(sq_json_at(required, i), NULL);
        if (!sq_json_get(value, key)) {
            sq_fail(error, SQ_INVALID, "the schema requires the member \"%.100s\" here", key);
            return fail_at(error, at);
        }
    }
    int rc = 0;
    for (sq_json_member m = sq_json_first(value); m.key && rc == 0; m = sq_json_next(value, m))
        rc = validate_member(schema, &m, at, error);
    return rc;
}

static int validate_by_type(const sq_json *schema, sq_json *value, const trail *at, sq_error *error)
{
    int rc = 0;
    size_t length;
    switch (sq_json_typeof(value)) {
    case SQ_JSON_INTEGER:
    case SQ_JSON_REAL:
        return validate_number(schema, value, at, error);
    case SQ_JSON_STRING:
        length = characters(sq_json_string(value, NULL));
        rc = validate_size(schema, "minLength", length, "characters", at, error);
        return rc < 0 ? rc : validate_size(schema, "maxLength", length, "characters", at, error);
    case SQ_JSON_ARRAY:
        return validate_array(schema, value, at, error);
    case SQ_JSON_OBJECT:
        return validate_object(schema, value, at, error);
    case SQ_JSON_NULL:
    case SQ_JSON_BOOLEAN:
        break;
    }
    return 0;
}

static int validate(const sq_json *schema, sq_json *value, const trail *at, sq_error *error)
{
    sq_json *type = sq_json_get(schema, "type"), *choice = sq_json_get(schema, "enum");
    sq_json *same = sq_json_get(schema, "const");
    if (sq_stopped(1))
        return sq_fail_memory(error);
    if (type && validate_type(type, value, at, error) < 0)
        return -EINVAL;
    if (choice && validate_choice(choice, value, at, error) < 0)
        return -EINVAL;
    if (same && !sq_json_equal(same, value)) {
        sq_fail(error, SQ_INVALID, "the schema wants another, constant value here");
        return fail_at(error, at);
    }
    return validate_by_type(schema, value, at, error);
}

int sq_schema_validate(sq_json *schema, sq_json *value, sq_error *error)
{
    return validate(schema, value, NULL, error);
}
