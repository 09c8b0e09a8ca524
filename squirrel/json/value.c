/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "json/scan.h"
#include "json/stop.h"
#include "json/text.h"
#include "json/write.h"

int sq_json_parse(const char *text, size_t bytes, unsigned max_depth, sq_json **out, sq_json_error *error)
{
    const unsigned char *start = (const unsigned char *)text;
    unsigned depth = max_depth <= SQ_JSON_DEPTH_MAX + 1 ? max_depth : SQ_JSON_DEPTH_MAX + 1;
    sq_scan scan = {.start = start, .at = start, .end = start + bytes, .max_depth = depth, .error = error};
    *error = (sq_json_error){0};
    if (!sq_scan_text(&scan))
        return error->code == SQ_JSON_NO_MEMORY ? -ENOMEM : -EINVAL;
    json_t *value = sq_scan_build(start, start + bytes);
    if (!value) {
        sq_scan_fail(&scan, SQ_JSON_NO_MEMORY, start, "out of memory");
        return -ENOMEM;
    }
    *out = value;
    return 0;
}

sq_json *sq_json_ref(sq_json *value)
{
    return json_incref(value);
}

void sq_json_unref(sq_json *value)
{
    json_decref(value);
}

static sq_json *drop(sq_json *value)
{
    json_decref(value);
    return NULL;
}

sq_json *sq_json_copy(sq_json *value)
{
    json_t *copy, *element;
    const char *key;
    size_t i;
    if (sq_stopped(1))
        return NULL;
    if (json_is_array(value)) {
        copy = json_array();
        for (i = 0; copy && i < json_array_size(value); i++) {
            if (json_array_append_new(copy, sq_json_copy(json_array_get(value, i))) < 0)
                return drop(copy);
        }
        return copy;
    }
    if (!json_is_object(value))
        return json_copy(value);
    copy = json_object();
    json_object_foreach (value, key, element) {
        if (!copy || json_object_set_new(copy, key, sq_json_copy(element)) < 0)
            return drop(copy);
    }
    return copy;
}

sq_json_type sq_json_typeof(const sq_json *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return SQ_JSON_OBJECT;
    case JSON_ARRAY:
        return SQ_JSON_ARRAY;
    case JSON_STRING:
        return SQ_JSON_STRING;
    case JSON_INTEGER:
        return SQ_JSON_INTEGER;
    case JSON_REAL:
        return SQ_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SQ_JSON_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return SQ_JSON_NULL;
}

const char *sq_json_type_name(sq_json_type type)
{
    static const char *const names[] = {"null", "a boolean", "an integer", "a number", "a string", "an array",
                                        "an object"};
    return names[type];
}

sq_json *sq_json_new_object(void)
{
    return json_object();
}

sq_json *sq_json_new_null(void)
{
    return json_null();
}

sq_json *sq_json_new_string(const char *utf8)
{
    return json_string(utf8);
}

sq_json *sq_json_new_integer(int64_t value)
{
    return json_integer(value);
}

sq_json *sq_json_new_real(double value)
{
    return json_real(value);
}

const char *sq_json_string(const sq_json *value, size_t *out_bytes)
{
    if (out_bytes)
        *out_bytes = json_string_length(value);
    return json_string_value(value);
}

int64_t sq_json_integer(const sq_json *value)
{
    return json_integer_value(value);
}

double sq_json_number(const sq_json *value)
{
    return json_number_value(value);
}

bool sq_json_true(const sq_json *value)
{
    return json_is_true(value);
}

size_t sq_json_size(const sq_json *value)
{
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

sq_json *sq_json_at(const sq_json *array, size_t index)
{
    return json_array_get(array, index);
}

sq_json *sq_json_get(const sq_json *object, const char *key)
{
    return json_object_get(object, key);
}

int sq_json_set(sq_json *object, const char *key, sq_json *value)
{
    return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

int sq_json_push(sq_json *array, sq_json *value)
{
    return json_array_append_new(array, value) < 0 ? -ENOMEM : 0;
}

void sq_json_remove(sq_json *object, const char *key)
{
    json_object_del(object, key);
}

static sq_json_member member_at(void *position)
{
    if (!position)
        return (sq_json_member){0};
    return (sq_json_member){
        .key = json_object_iter_key(position),
        .key_bytes = json_object_iter_key_len(position),
        .value = json_object_iter_value(position),
        .position = position,
    };
}

sq_json_member sq_json_first(sq_json *object)
{
    return member_at(json_object_iter(object));
}

sq_json_member sq_json_next(sq_json *object, sq_json_member member)
{
    return member_at(json_object_iter_next(object, member.position));
}

bool sq_json_equal(sq_json *a, sq_json *b)
{
    sq_text left = {0}, right = {0};
    sq_json_write(&left, a, SQ_JSON_CANONICAL);
    sq_json_write(&right, b, SQ_JSON_CANONICAL);
    bool equal = !left.failed && !right.failed && left.bytes == right.bytes &&
                 memcmp(left.data, right.data, left.bytes) == 0;
    sq_text_free(&left);
    sq_text_free(&right);
    return equal;
}
