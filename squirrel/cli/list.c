/* SPDX-License-Identifier: MIT */
/* list and search. */
#include "cli/client.h"
#include "cli/pages.h"

static DREY_ASYNC int get_page(sq_cli *cli, const char *query, uint32_t limit, const char *cursor, sq_page *out)
{
    const sq_args *args = &cli->args;
    sq_list list = {
        .project = cli->project.name,
        .query = query,
        .parent_id = args->parent,
        .name_prefix = args->prefix,
        .updated_since = args->updated_since,
        .order = args->relevance ? SQ_RELEVANCE : SQ_NEWEST,
        .limit = limit,
        .without_data = args->no_data || !cli->json,
        .cursor = cursor,
        .principal = cli->principal,
    };
    return cli->manager->ops->list(cli->manager, &list, out, &cli->error);
}

static DREY_ASYNC int list_page(sq_cli *cli, uint32_t limit, const char *cursor, sq_page *out)
{
    return get_page(cli, NULL, limit, cursor, out);
}

static DREY_ASYNC int list(sq_cli *cli)
{
    return sq_cli_pages(cli, list_page);
}

static DREY_ASYNC int search_page(sq_cli *cli, uint32_t limit, const char *cursor, sq_page *out)
{
    sq_text query = {0};
    for (size_t i = 0; i < cli->args.plain_count; i++) {
        if (i > 0)
            sq_text_char(&query, ' ');
        sq_text_string(&query, cli->args.plain[i]);
    }
    int rc = query.failed ? sq_fail_memory(&cli->error) : get_page(cli, query.data, limit, cursor, out);
    sq_text_free(&query);
    return rc;
}

static DREY_ASYNC int search(sq_cli *cli)
{
    return sq_cli_pages(cli, search_page);
}

#define LISTING                                                                                                        \
    SQ_ARG_VALUE("--parent"), SQ_ARG_VALUE("--prefix"), SQ_ARG_VALUE("--since"), SQ_ARG_VALUE("--limit"),              \
        SQ_ARG_VALUE("--cursor"), SQ_ARG_FLAG("--all"), SQ_ARG_FLAG("--no-data"), SQ_ARGS_PROJECT

static const sq_option list_options[] = {LISTING};
static const sq_option search_options[] = {SQ_ARG_FLAG("--relevance"), LISTING};

#define HELP                                                                                                           \
    "  --parent ID        only children of this one\n"                                                                 \
    "  --prefix TEXT      only names that begin with this\n"                                                           \
    "  --since TIME       only what was updated since: 2026-11-23T05:00:00Z, or 24h for the last day\n"                \
    "  --limit N          how many at once, by default 20, at most 1000\n"                                             \
    "  --cursor C         go on where a page ended\n"                                                                  \
    "  --all              page after page, to the end\n"                                                               \
    "  --no-data          JSON lines without the data\n"

const sq_command sq_command_list = {
    .name = "list",
    .arguments = "[OPTIONS]",
    .summary = "Lists contexts, newest first.",
    .project = true,
    .body = list,
    .options = list_options,
    .option_count = sizeof list_options / sizeof *list_options,
    .help = HELP,
};

const sq_command sq_command_search = {
    .name = "search",
    .arguments = "QUERY... [OPTIONS]",
    .project = true,
    .summary = "Finds contexts that have all the words: word, prefix*, path:a.b, path:a.b*. Newest first.",
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = search,
    .options = search_options,
    .option_count = sizeof search_options / sizeof *search_options,
    .help = "  --relevance        the best of the newest 1,000 matches first\n" HELP,
};
