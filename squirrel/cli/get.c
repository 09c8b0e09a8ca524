/* SPDX-License-Identifier: MIT */
/* get, resolve, history: one context, as it is, as it inherits, as it was. */
#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/pages.h"
#include "cli/show.h"

typedef struct showing {
    sq_cli *cli;
    const sq_revision *revision;
    const char *data; /* instead of the revision's; NULL: the revision's */
    size_t data_bytes;
    sq_text text;
} showing;

static int show(void *arg)
{
    showing *s = arg;
    const sq_revision *r = s->revision;
    if (s->cli->args.data_only) {
        if (s->data)
            sq_text_add(&s->text, s->data, s->data_bytes);
        else if (r->data)
            sq_text_add(&s->text, r->data, r->data_bytes);
        sq_text_char(&s->text, '\n');
    } else if (s->cli->json && sq_revision_state(r) != SQ_LIVE) {
        sq_show_revision(&s->text, r);
    } else if (s->cli->json) {
        sq_show_context(&s->text, r, s->data, s->data_bytes);
    } else {
        sq_show_page(&s->text, r, s->data, s->data_bytes);
    }
    return 0;
}

static DREY_ASYNC int print(sq_cli *cli, const sq_revision *revision, const sq_text *data)
{
    showing s = {
        .cli = cli, .revision = revision, .data = data ? data->data : NULL, .data_bytes = data ? data->bytes : 0};
    int rc = drey_call_deep(show, &s);
    if (rc == 0)
        rc = sq_cli_write(cli, &s.text);
    sq_text_free(&s.text);
    return rc;
}

static DREY_ASYNC int get_one(sq_cli *cli, const char *id)
{
    const sq_revision *revision;
    int rc = cli->manager->ops->get(cli->manager, cli->project.name, id, cli->args.rev, &revision, &cli->error);
    if (rc < 0)
        return rc;
    rc = print(cli, revision, NULL);
    sq_revision_unref(revision);
    return rc;
}

static DREY_ASYNC int resolve_one(sq_cli *cli, const char *id)
{
    sq_resolved resolved;
    int rc = cli->manager->ops->resolve(cli->manager, cli->project.name, id, &resolved, &cli->error);
    if (rc < 0)
        return rc;
    rc = print(cli, resolved.revision, &resolved.data);
    sq_resolved_free(&resolved);
    return rc;
}

/* Several ids: each that fails is named, the others are shown, and the status is the first failure's. */
static DREY_ASYNC int each_id(sq_cli *cli, DREY_ASYNC int (*one)(sq_cli *cli, const char *id))
{
    int status = 0;
    for (size_t i = 0; i < cli->args.plain_count; i++) {
        int rc = one(cli, cli->args.plain[i]);
        if (rc == -ECANCELED || (rc < 0 && cli->args.plain_count == 1))
            return rc;
        if (rc < 0) {
            int code = sq_cli_complain(cli, &cli->error);
            status = status ? status : code;
        }
    }
    return status;
}

static DREY_ASYNC int get(sq_cli *cli)
{
    return each_id(cli, get_one);
}

static DREY_ASYNC int resolve(sq_cli *cli)
{
    return each_id(cli, resolve_one);
}

static DREY_ASYNC int history_page(sq_cli *cli, uint32_t limit, const char *cursor, sq_page *out)
{
    sq_history history = {.project = cli->project.name,
                          .id = cli->args.plain[0],
                          .limit = limit,
                          .cursor = cursor,
                          .principal = cli->principal};
    return cli->manager->ops->history(cli->manager, &history, out, &cli->error);
}

static DREY_ASYNC int history(sq_cli *cli)
{
    return sq_cli_pages(cli, history_page);
}

static const sq_option get_options[] = {SQ_ARG_VALUE("--rev"), SQ_ARG_FLAG("--data-only"), SQ_ARGS_PROJECT};
static const sq_option resolve_options[] = {SQ_ARG_FLAG("--data-only"), SQ_ARGS_PROJECT};
static const sq_option history_options[] = {SQ_ARG_VALUE("--limit"), SQ_ARG_VALUE("--cursor"), SQ_ARG_FLAG("--all"),
                                            SQ_ARG_FLAG("--diff"), SQ_ARGS_PROJECT};

#define OPTIONS(table) .options = table, .option_count = sizeof table / sizeof *table

const sq_command sq_command_get = {
    .name = "get",
    .arguments = "ID... [--rev N] [--data-only]",
    .summary = "Shows contexts.",
    .project = true,
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = get,
    OPTIONS(get_options),
    .help = "  --rev N            an earlier revision, that the history still has\n"
            "  --data-only        the data alone, as it is stored\n",
};

const sq_command sq_command_resolve = {
    .name = "resolve",
    .arguments = "ID... [--data-only]",
    .project = true,
    .summary = "Shows contexts with all the data that they inherit from their parents.",
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = resolve,
    OPTIONS(resolve_options),
    .help = "  --data-only        the data alone\n",
};

const sq_command sq_command_history = {
    .name = "history",
    .arguments = "ID [--diff] [--limit N] [--cursor C] [--all]",
    .project = true,
    .summary = "Shows the revisions of a context, newest first.",
    .plain_least = 1,
    .plain_most = 1,
    .body = history,
    OPTIONS(history_options),
    .help = "  --diff             what each of them changed, instead of its data\n"
            "  --limit N          how many at once, by default 20\n"
            "  --cursor C         go on where a page ended\n"
            "  --all              page after page, to the end\n",
};
