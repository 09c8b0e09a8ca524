/* SPDX-License-Identifier: MIT */
/* process --stored: what `process` tells of files, of the contexts of a project. The store's owner does the work, some
 * at a time, and nothing here grows with their number. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/input.h"
#include "process/report.h"

enum { AT_ONCE = 100 };

typedef struct stored {
    sq_cli *cli;
    char *schema;        /* NULL: none */
    sq_processed *items; /* AT_ONCE */
    const char *ids[AT_ONCE];
    size_t done, failed;
} stored;

/* The schema is what may be wrong with the request itself. */
static int blame_schema(sq_cli *cli, int rc)
{
    sq_error error = cli->error;
    if (rc == -EINVAL && cli->args.schema && sq_code_exit(error.code) == sq_code_exit(SQ_INVALID)) {
        sq_fail(&cli->error, error.code, "--schema %.100s: %.300s", cli->args.schema, error.message);
        cli->error.place = error.place;
        memcpy(cli->error.path, error.path, sizeof error.path);
    }
    return rc;
}

static DREY_ASYNC int ask(stored *s, const char *const *ids, size_t count, sq_processed *out)
{
    sq_cli *cli = s->cli;
    return blame_schema(
        cli, cli->manager->ops->process(cli->manager, cli->project.name, ids, count, s->schema, out, &cli->error));
}

/* The results of all together have a limit; what went beyond it is asked for alone. */
static DREY_ASYNC int ask_again(stored *s, size_t count)
{
    int rc = 0;
    for (size_t i = 0; count > 1 && i < count && rc == 0; i++) {
        if (s->items[i].rc < 0 && s->items[i].error.code == SQ_TOO_LARGE)
            rc = ask(s, &s->ids[i], 1, &s->items[i]);
    }
    return rc;
}

static DREY_ASYNC int tell(stored *s, size_t count)
{
    sq_text out = {0};
    for (size_t i = 0; i < count; i++) {
        if (s->cli->json)
            sq_report_stored_json(&out, s->ids[i], &s->items[i]);
        else
            sq_report_stored_row(&out, s->ids[i], &s->items[i]);
        s->failed += s->items[i].rc < 0;
    }
    s->done += count;
    int rc = sq_cli_write(s->cli, &out);
    sq_text_free(&out);
    return rc;
}

static DREY_ASYNC int some(stored *s, size_t count)
{
    int rc = ask(s, s->ids, count, s->items);
    if (rc < 0)
        return rc;
    rc = ask_again(s, count);
    if (rc == 0)
        rc = tell(s, count);
    for (size_t i = 0; i < count; i++) {
        sq_resolved_free(&s->items[i].resolved);
        s->items[i] = (sq_processed){0};
    }
    return rc;
}

static DREY_ASYNC int named(stored *s)
{
    const sq_args *args = &s->cli->args;
    int rc = 0;
    for (size_t i = 0, count; i < args->plain_count && rc == 0; i += count) {
        count = args->plain_count - i < AT_ONCE ? args->plain_count - i : AT_ONCE;
        for (size_t k = 0; k < count; k++)
            s->ids[k] = args->plain[i + k];
        rc = some(s, count);
    }
    return rc;
}

static DREY_ASYNC int all(stored *s)
{
    sq_cli *cli = s->cli;
    char cursor[SQ_CURSOR_BYTES] = "";
    int rc = 0;
    do {
        sq_page page;
        sq_list list = {.project = cli->project.name,
                        .order = SQ_BY_ID,
                        .limit = AT_ONCE,
                        .without_data = true,
                        .cursor = cursor[0] ? cursor : NULL,
                        .principal = cli->principal};
        rc = cli->manager->ops->list(cli->manager, &list, &page, &cli->error);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < page.count; i++)
            s->ids[i] = page.items[i]->id;
        rc = page.count > 0 ? some(s, page.count) : 0;
        memcpy(cursor, page.cursor, sizeof cursor);
        sq_page_free(&page);
    } while (rc == 0 && cursor[0]);
    return rc;
}

static DREY_ASYNC int process_with(stored *s)
{
    int rc = s->cli->args.plain_count > 0 ? named(s) : all(s);
    if (rc < 0)
        return rc;
    if (s->done == 0 && !s->cli->json)
        fprintf(stderr, "Nothing in project %s (from %s).\n", s->cli->project.name, s->cli->project.from);
    return s->failed > 0 ? sq_code_exit(SQ_SOME_FAILED) : 0;
}

static DREY_ASYNC int process(sq_cli *cli)
{
    stored s = {.cli = cli, .items = calloc(AT_ONCE, sizeof *s.items)};
    size_t bytes;
    int rc = s.items ? 0 : sq_fail_memory(&cli->error);
    if (rc == 0 && cli->args.schema)
        rc = sq_cli_load(cli, cli->args.schema, &s.schema, &bytes);
    if (rc == 0)
        rc = process_with(&s);
    free(s.schema);
    free(s.items);
    return rc;
}

static const sq_option options[] = {SQ_ARG_FLAG("--stored"), SQ_ARG_VALUE("--schema"), SQ_ARGS_PROJECT};

const sq_command sq_command_stored = {
    .name = "process",
    .arguments = "--stored [ID...] [--schema FILE]",
    .project = true,
    .plain_most = SIZE_MAX,
    .body = process,
    .summary = "Checks, resolves, fingerprints and counts contexts of the store; without an ID all of the project, by "
               "id.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .help = "  --schema FILE      refuse data that does not satisfy this JSON Schema (squirrel process --help)\n",
};
