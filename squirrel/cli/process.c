/* SPDX-License-Identifier: MIT */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/values.h"
#include "process/report.h"

typedef struct parsed {
    sq_process_options options;
    bool help;
    bool keep_going;
} parsed;

static int take_limit(void *target, const char *name, char **values, sq_error *error)
{
    parsed *p = target;
    uint64_t value;
    if (!sq_value_number(values[0], 1, SQ_LIMIT_MAX, &value))
        return sq_fail(error, SQ_USAGE, "%s takes a number from 1 to %d, not '%.60s'", name, SQ_LIMIT_MAX, values[0]);
    p->options.limit = (unsigned)value;
    return 0;
}

static int take_max_bytes(void *target, const char *name, char **values, sq_error *error)
{
    parsed *p = target;
    uint64_t value;
    if (!sq_value_number(values[0], 1, 1 << 30, &value))
        return sq_fail(error, SQ_USAGE, "%s takes a number of bytes from 1 to %d, not '%.60s'", name, 1 << 30,
                       values[0]);
    p->options.max_bytes = (size_t)value;
    return 0;
}

static int take_duration(const char *name, const char *value, int64_t *out, sq_error *error)
{
    if (sq_value_duration(value, out))
        return 0;
    return sq_fail(error, SQ_USAGE, "%s takes a duration from 1ms to 720h, as 500ms, 2s, 5m or 1h, not '%.60s'", name,
                   value);
}

static int take_timeout(void *target, const char *name, char **values, sq_error *error)
{
    return take_duration(name, values[0], &((parsed *)target)->options.timeout, error);
}

static int take_total_timeout(void *target, const char *name, char **values, sq_error *error)
{
    return take_duration(name, values[0], &((parsed *)target)->options.total_timeout, error);
}

static int take_text(const char *name, const char *value, const char **out, sq_error *error)
{
    if (value[0] == '\0')
        return sq_fail(error, SQ_USAGE, "%s takes the name of a file, not ''", name);
    *out = value;
    return 0;
}

static int take_out(void *target, const char *name, char **values, sq_error *error)
{
    return take_text(name, values[0], &((parsed *)target)->options.out, error);
}

static int take_schema(void *target, const char *name, char **values, sq_error *error)
{
    return take_text(name, values[0], &((parsed *)target)->options.schema, error);
}

static int take_exec(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)error;
    ((parsed *)target)->options.exec = values;
    return 0;
}

static int take_json(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)values, (void)error;
    ((parsed *)target)->options.json = true;
    return 0;
}

static int take_keep_going(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)values, (void)error;
    ((parsed *)target)->keep_going = true;
    return 0;
}

static int take_fail_fast(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)values, (void)error;
    ((parsed *)target)->options.fail_fast = true;
    return 0;
}

/* It is another command (stored.c), which sees it before this one does. */
static int take_stored(void *target, const char *name, char **values, sq_error *error)
{
    (void)target, (void)values;
    return sq_fail(error, SQ_USAGE, "%s comes first: squirrel process --stored", name);
}

static int take_help(void *target, const char *name, char **values, sq_error *error)
{
    (void)name, (void)values, (void)error;
    ((parsed *)target)->help = true;
    return 0;
}

const sq_option sq_process_table[] = {
    {"--limit", SQ_OPTION_VALUE, take_limit},
    {"--timeout", SQ_OPTION_VALUE, take_timeout},
    {"--total-timeout", SQ_OPTION_VALUE, take_total_timeout},
    {"--max-bytes", SQ_OPTION_VALUE, take_max_bytes},
    {"--keep-going", SQ_OPTION_FLAG, take_keep_going},
    {"--fail-fast", SQ_OPTION_FLAG, take_fail_fast},
    {"--exec", SQ_OPTION_REST, take_exec},
    {"--schema", SQ_OPTION_VALUE, take_schema},
    {"--json", SQ_OPTION_FLAG, take_json},
    {"--out", SQ_OPTION_VALUE, take_out},
    {"--stored", SQ_OPTION_FLAG, take_stored},
    {"--help", SQ_OPTION_FLAG, take_help},
    {"-h", SQ_OPTION_FLAG, take_help},
};

const size_t sq_process_table_count = sizeof sq_process_table / sizeof *sq_process_table;

/* No more than the descriptors allow: an input has its file, a look for parents another, a program its pipes. */
static unsigned default_limit(bool exec)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned cpus = online > 1 && online < SQ_LIMIT_MAX ? (unsigned)online : 1, limit = exec ? cpus : SQ_LIMIT_DEFAULT;
    rlim_t each = exec ? 12 : 2, kept = 24 + 4 * (rlim_t)cpus;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
        return limit;
    rlim_t room = files.rlim_cur > kept + each ? (files.rlim_cur - kept) / each : 1;
    return room < limit ? (unsigned)room : limit;
}

static int check(parsed *p, sq_error *error)
{
    sq_process_options *o = &p->options;
    if (p->keep_going && o->fail_fast)
        return sq_fail(error, SQ_USAGE, "--keep-going and --fail-fast exclude each other");
    if (o->path_count == 0)
        return sq_fail(error, SQ_USAGE, "process needs a file or a directory%s",
                       o->exec ? "; --exec took the rest of the line: name paths before it, or after --" : "");
    for (size_t i = 0; i < o->path_count; i++) {
        if (o->paths[i][0] == '\0')
            return sq_fail(error, SQ_USAGE, "a path is empty: name a file or a directory");
    }
    if (o->limit == 0)
        o->limit = default_limit(o->exec);
    return 0;
}

static int run(int argc, char **argv, char **paths)
{
    parsed p = {.options = {.timeout = DREY_SEC(30), .max_bytes = 1 << 20, .paths = paths}};
    sq_error error;
    int rc = sq_options_parse(sq_process_table, sq_process_table_count, argc, argv, &p, paths, &p.options.path_count,
                              &error);
    if (rc == 0 && p.help) {
        fputs(sq_help_process, stdout);
        return 0;
    }
    if (rc == 0)
        rc = check(&p, &error);
    if (rc < 0) {
        sq_text shown = {0};
        sq_text_printable(&shown, error.message);
        fprintf(stderr, "squirrel: %s\nTry: squirrel process --help\n", shown.data ? shown.data : "");
        sq_text_free(&shown);
        return sq_code_exit(SQ_USAGE);
    }
    return sq_process(&p.options);
}

int sq_cli_process(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "--stored") == 0)
        return sq_cli_run(&sq_command_stored, argc, argv);
    char **paths = calloc((size_t)argc + 1, sizeof *paths);
    if (!paths) {
        fputs("squirrel: out of memory\n", stderr);
        return sq_code_exit(SQ_QUOTA);
    }
    int status = run(argc, argv, paths);
    free(paths);
    return status;
}
