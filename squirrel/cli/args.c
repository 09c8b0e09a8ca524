/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include <stddef.h>
#include <string.h>

#include "cli/values.h"
#include "store/revision.h"
#include "store/wall.h"

typedef enum take { TAKE_TRUE, TAKE_TEXT, TAKE_NUMBER, TAKE_DURATION, TAKE_SINCE, TAKE_EXPIRY, TAKE_META } take;

static const struct field {
    const char *name;
    take take;
    size_t at;
} fields[] = {
    {"--store", TAKE_TEXT, offsetof(sq_args, store)},
    {"--project", TAKE_TEXT, offsetof(sq_args, project)},
    {"--no-daemon", TAKE_TRUE, offsetof(sq_args, no_daemon)},
    {"--json", TAKE_TRUE, offsetof(sq_args, json)},
    {"--help", TAKE_TRUE, offsetof(sq_args, help)},
    {"-h", TAKE_TRUE, offsetof(sq_args, help)},
    {"--timeout", TAKE_DURATION, offsetof(sq_args, timeout_ns)},
    {"--idle", TAKE_DURATION, offsetof(sq_args, idle_ns)},
    {"--data", TAKE_TEXT, offsetof(sq_args, data)},
    {"--file", TAKE_TEXT, offsetof(sq_args, file)},
    {"--name", TAKE_TEXT, offsetof(sq_args, name)},
    {"--parent", TAKE_TEXT, offsetof(sq_args, parent)},
    {"--agent", TAKE_TEXT, offsetof(sq_args, agent)},
    {"--tool", TAKE_TEXT, offsetof(sq_args, tool)},
    {"--meta", TAKE_META, 0},
    {"--expires", TAKE_EXPIRY, offsetof(sq_args, expires_at)},
    {"--key", TAKE_TEXT, offsetof(sq_args, key)},
    {"--rev", TAKE_NUMBER, offsetof(sq_args, rev)},
    {"--to", TAKE_NUMBER, offsetof(sq_args, to)},
    {"--force", TAKE_TRUE, offsetof(sq_args, force)},
    {"--replace", TAKE_TRUE, offsetof(sq_args, replace)},
    {"--append", TAKE_TRUE, offsetof(sq_args, append)},
    {"--cascade", TAKE_TRUE, offsetof(sq_args, cascade)},
    {"--wait", TAKE_TRUE, offsetof(sq_args, wait)},
    {"--prefix", TAKE_TEXT, offsetof(sq_args, prefix)},
    {"--cursor", TAKE_TEXT, offsetof(sq_args, cursor)},
    {"--schema", TAKE_TEXT, offsetof(sq_args, schema)},
    {"--out", TAKE_TEXT, offsetof(sq_args, out)},
    {"--since", TAKE_SINCE, offsetof(sq_args, updated_since)},
    {"--limit", TAKE_NUMBER, offsetof(sq_args, limit)},
    {"--after", TAKE_NUMBER, offsetof(sq_args, after)},
    {"--all", TAKE_TRUE, offsetof(sq_args, all)},
    {"--relevance", TAKE_TRUE, offsetof(sq_args, relevance)},
    {"--no-data", TAKE_TRUE, offsetof(sq_args, no_data)},
    {"--data-only", TAKE_TRUE, offsetof(sq_args, data_only)},
    {"--diff", TAKE_TRUE, offsetof(sq_args, diff)},
    {"--stored", TAKE_TRUE, offsetof(sq_args, stored)},
    {"--owned", TAKE_TRUE, offsetof(sq_args, owned)},
    {"--with-parent", TAKE_TRUE, offsetof(sq_args, with_parent)},
};

static int take_number(const char *name, const char *text, int64_t *out, sq_error *error)
{
    uint64_t value, least = strcmp(name, "--after") == 0 ? 0 : 1;
    if (!sq_value_number(text, least, INT64_MAX, &value))
        return sq_fail(error, SQ_USAGE, "%s takes a number from %d, not '%.60s'", name, (int)least, text);
    *out = (int64_t)value;
    return 0;
}

static int take_duration(const char *name, const char *text, int64_t *out, sq_error *error)
{
    if (sq_value_duration(text, out))
        return 0;
    return sq_fail(error, SQ_USAGE, "%s takes a duration from 1ms to 720h, as 500ms, 2s, 5m or 1h, not '%.60s'", name,
                   text);
}

/* A time, or a duration before or after now. */
static int take_time(const char *name, const char *text, int sign, sq_time *out, sq_error *error)
{
    int64_t ns;
    if (sq_time_read(text, strlen(text), out))
        return 0;
    if (!sq_value_duration(text, &ns))
        return sq_fail(error, SQ_USAGE, "%s takes a time as 2026-11-23T05:00:00Z, or a duration as 24h, not '%.60s'",
                       name, text);
    *out = sq_wall() + sign * (ns / 1000000);
    return 0;
}

static int take_expiry(sq_args *args, const char *name, const char *text, sq_error *error)
{
    args->has_expiry = true;
    args->expires_at = SQ_NEVER;
    return strcmp(text, "never") == 0 ? 0 : take_time(name, text, 1, &args->expires_at, error);
}

static int take_meta(sq_args *args, const char *text, sq_error *error)
{
    if (!strchr(text, '=') || text[0] == '=')
        return sq_fail(error, SQ_USAGE, "--meta takes KEY=VALUE, not '%.60s'", text);
    if (args->meta_count == SQ_ARGS_META)
        return sq_fail(error, SQ_USAGE, "--meta may be given %d times", SQ_ARGS_META);
    args->meta[args->meta_count++] = text;
    return 0;
}

int sq_args_take(void *target, const char *name, char **values, sq_error *error)
{
    sq_args *args = target;
    const struct field *field = fields;
    while (strcmp(field->name, name) != 0)
        field++; /* it is there: the tables of the commands have no others */
    void *at = (char *)target + field->at;
    switch (field->take) {
    case TAKE_TRUE:
        *(bool *)at = true;
        return 0;
    case TAKE_TEXT:
        *(const char **)at = values[0];
        return 0;
    case TAKE_NUMBER:
        return take_number(name, values[0], at, error);
    case TAKE_DURATION:
        return take_duration(name, values[0], at, error);
    case TAKE_SINCE:
        return take_time(name, values[0], -1, at, error);
    case TAKE_EXPIRY:
        return take_expiry(args, name, values[0], error);
    default:
        return take_meta(args, values[0], error);
    }
}
