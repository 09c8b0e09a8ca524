/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/version.h"

static const char *read_part(const char *at, unsigned long *out)
{
    unsigned long value = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value < 1000000000 ? value * 10 + (unsigned long)(*at - '0') : value;
    *out = value;
    return *at == '.' ? at + 1 : "";
}

int sq_version_compare(const char *a, const char *b)
{
    while (*a || *b) {
        unsigned long left, right;
        a = read_part(a, &left);
        b = read_part(b, &right);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

void sq_hello_own(sq_hello *out, int64_t schema)
{
    *out = (sq_hello){.protocol = SQ_PROTOCOL, .schema = schema, .pid = getpid()};
    snprintf(out->version, sizeof out->version, "%s", sq_version);
}

void sq_hello_write(sq_text *out, const sq_hello *hello)
{
    sq_text_format(out, "{\"protocol\":%lld,\"schema\":%lld,\"pid\":%lld,\"clients\":%lld,\"version\":",
                   (long long)hello->protocol, (long long)hello->schema, (long long)hello->pid,
                   (long long)hello->clients);
    sq_text_quote(out, hello->version, strlen(hello->version));
    sq_text_char(out, '}');
}

static bool get_number(const sq_json *object, const char *key, int64_t *out)
{
    sq_json *value = sq_json_get(object, key);
    if (!value || sq_json_typeof(value) != SQ_JSON_INTEGER)
        return false;
    *out = sq_json_integer(value);
    return true;
}

static bool read_members(const sq_json *object, sq_hello *out)
{
    if (sq_json_typeof(object) != SQ_JSON_OBJECT)
        return false;
    sq_json *version = sq_json_get(object, "version");
    if (!version || sq_json_typeof(version) != SQ_JSON_STRING)
        return false;
    (void)get_number(object, "clients", &out->clients); /* may be missing */
    int length = snprintf(out->version, sizeof out->version, "%s", sq_json_string(version, NULL));
    return length < (int)sizeof out->version && get_number(object, "protocol", &out->protocol) &&
           get_number(object, "schema", &out->schema) && get_number(object, "pid", &out->pid);
}

bool sq_hello_read(const char *text, size_t bytes, sq_hello *out)
{
    sq_json *object;
    sq_json_error refused;
    sq_hello hello = {0};
    if (sq_json_parse(text, bytes, 4, &object, &refused) < 0)
        return false;
    bool good = read_members(object, &hello);
    sq_json_unref(object);
    if (good)
        *out = hello;
    return good;
}
