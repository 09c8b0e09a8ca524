/* SPDX-License-Identifier: MIT */
/* Is a document a schema of the subset? Checked once, so that validation can rely on the shape of every keyword. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context/schema.h"

typedef int keyword_check(sq_json *rule, const char *path, sq_error *error);

static int check_schema(sq_json *schema, const char *path, sq_error *error);

static int fail_at(sq_error *error, const char *path, const char *wanted)
{
    sq_fail(error, SQ_INVALID, "the schema's %.120s must be %s", path, wanted);
    snprintf(error->path, sizeof error->path, "%s", path);
    return -EINVAL;
}

static bool is_type_name(const sq_json *value)
{
    static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    const char *name = sq_json_typeof(value) == SQ_JSON_STRING ? sq_json_string(value, NULL) : "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static int check_type(sq_json *rule, const char *path, sq_error *error)
{
    bool good = is_type_name(rule);
    if (sq_json_typeof(rule) == SQ_JSON_ARRAY && sq_json_size(rule) > 0) {
        good = true;
        for (size_t i = 0; i < sq_json_size(rule); i++)
            good = good && is_type_name(sq_json_at(rule, i));
    }
    return good ? 0 : fail_at(error, path, "the name of a type, or an array of them");
}

static int check_list(sq_json *rule, const char *path, sq_error *error)
{
    return sq_json_typeof(rule) == SQ_JSON_ARRAY ? 0 : fail_at(error, path, "an array");
}

static int check_names(sq_json *rule, const char *path, sq_error *error)
{
    bool good = sq_json_typeof(rule) == SQ_JSON_ARRAY;
    for (size_t i = 0; good && i < sq_json_size(rule); i++)
        good = sq_json_typeof(sq_json_at(rule, i)) == SQ_JSON_STRING;
    return good ? 0 : fail_at(error, path, "an array of strings");
}

static int check_number(sq_json *rule, const char *path, sq_error *error)
{
    sq_json_type type = sq_json_typeof(rule);
    return type == SQ_JSON_INTEGER || type == SQ_JSON_REAL ? 0 : fail_at(error, path, "a number");
}

static int check_size(sq_json *rule, const char *path, sq_error *error)
{
    bool good = sq_json_typeof(rule) == SQ_JSON_INTEGER && sq_json_integer(rule) >= 0;
    return good ? 0 : fail_at(error, path, "an integer of 0 or more");
}

static int check_properties(sq_json *rule, const char *path, sq_error *error)
{
    if (sq_json_typeof(rule) != SQ_JSON_OBJECT)
        return fail_at(error, path, "an object of schemas");
    int rc = 0;
    for (sq_json_member m = sq_json_first(rule); m.key && rc == 0; m = sq_json_next(rule, m)) {
        char inner[SQ_JSON_PATH_BYTES];
        snprintf(inner, sizeof inner, "%s.%s", path, m.key);
        rc = check_schema(m.value, inner, error);
    }
    return rc;
}

static int check_additional(sq_json *rule, const char *path, sq_error *error)
{
    return sq_json_typeof(rule) == SQ_JSON_BOOLEAN ? 0 : check_schema(rule, path, error);
}

static int check_nothing(sq_json *rule, const char *path, sq_error *error)
{
    (void)rule, (void)path, (void)error;
    return 0;
}

static const struct { const char *name; keyword_check *check; } keywords[] = {
    {"type", check_type}, {"enum", check_list}, {"const", check_nothing}, {"minimum", check_number},
    {"maximum", check_number}, {"minLength", check_size}, {"maxLength", check_size}, {"items", check_schema},
    {"minItems", check_size}, {"maxItems", check_size}, {"properties", check_properties}, {"required", check_names},
    {"additionalProperties", check_additional}, {"$schema", check_nothing}, {"$id", check_nothing},
    {"$comment", check_nothing}, {"title", check_nothing}, {"description", check_nothing}, {"default", check_nothing},
    {"examples", check_nothing},
};

static int check_keyword(const sq_json_member *member, const char *path, sq_error *error)
{
    char inner[SQ_JSON_PATH_BYTES];
    snprintf(inner, sizeof inner, "%s.%s", path, member->key);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(keywords[i].name, member->key) == 0)
            return keywords[i].check(member->value, inner, error);
    }
    sq_fail(error, SQ_INVALID, "the schema's %.100s is not supported: of JSON Schema only type, enum, const, minimum, "
            "maximum, min/maxLength, items, min/maxItems, properties, required and additionalProperties are", inner);
    snprintf(error->path, sizeof error->path, "%s", inner);
    return -EINVAL;
}

static int check_schema(sq_json *schema, const char *path, sq_error *error)
{
    if (sq_json_typeof(schema) != SQ_JSON_OBJECT)
        return fail_at(error, path, "an object");
    int rc = 0;
    for (sq_json_member m = sq_json_first(schema); m.key && rc == 0; m = sq_json_next(schema, m))
        rc = check_keyword(&m, path, error);
    return rc;
}

int sq_schema_check(sq_json *schema, sq_error *error)
{
    return check_schema(schema, "$", error);
}
