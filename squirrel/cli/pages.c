/* SPDX-License-Identifier: MIT */
#include "cli/pages.h"

#include <stdio.h>
#include <string.h>

#include "cli/diff.h"
#include "cli/show.h"

enum { PAGE_DEFAULT = 20, PAGE_ALL = 200 };

static DREY_ASYNC int show_items(sq_cli *cli, const sq_page *page, bool first, sq_text *out)
{
    bool history = cli->command == &sq_command_history;
    if (!cli->json && first && page->count > 0)
        sq_show_heads(out, history);
    if (history && cli->args.diff)
        return sq_cli_diffs(cli, page, out);
    for (size_t i = 0; i < page->count; i++) {
        if (cli->json && history)
            sq_show_revision(out, page->items[i]);
        else if (cli->json)
            sq_show_context(out, page->items[i], NULL, 0);
        else
            sq_show_row(out, page->items[i], history);
    }
    return 0;
}

/* For people what to type; for programs that asked for JSON a last line with the cursor, which others do not expect. */
static void show_rest(const sq_cli *cli, const sq_page *page, sq_text *out)
{
    if (cli->args.json && page->cursor[0])
        sq_text_format(out, "{\"cursor\":\"%s\"}\n", page->cursor);
    else if (page->cursor[0])
        fprintf(stderr, "There is more: --all, or --cursor %s\n", page->cursor);
    if (page->partial)
        fputs("Only the newest 1,000 matches were ranked.\n", stderr);
}

/* A page may be empty and others behind it not: it ended because it had looked at enough. */
static DREY_ASYNC int show_page(sq_cli *cli, const sq_page *page, bool first, bool last)
{
    sq_text out = {0};
    int rc = show_items(cli, page, first, &out);
    if (rc == 0 && last)
        show_rest(cli, page, &out);
    if (!cli->json && first && last && page->count == 0 && !page->cursor[0])
        sq_text_format(&out, "Nothing in project %s (from %s).\n", cli->project.name, cli->project.from);
    if (rc == 0)
        rc = sq_cli_write(cli, &out);
    sq_text_free(&out);
    return rc;
}

int sq_cli_pages(sq_cli *cli, sq_cli_page *get)
{
    const sq_args *args = &cli->args;
    char cursor[SQ_CURSOR_BYTES];
    if (args->limit > SQ_PAGE_MAX)
        return sq_fail(&cli->error, SQ_USAGE, "--limit takes at most %d; --all shows everything", SQ_PAGE_MAX);
    if (args->cursor && strlen(args->cursor) >= sizeof cursor)
        return sq_fail(&cli->error, SQ_BAD_CURSOR, "this is no cursor that a page ended with");
    uint32_t limit = args->limit ? (uint32_t)args->limit : args->all ? PAGE_ALL : PAGE_DEFAULT;
    snprintf(cursor, sizeof cursor, "%s", args->cursor ? args->cursor : "");
    for (bool first = true;;) {
        sq_page page;
        int rc = get(cli, limit, cursor[0] ? cursor : NULL, &page);
        if (rc < 0)
            return rc;
        bool last = !args->all || !page.cursor[0];
        rc = show_page(cli, &page, first, last);
        first = first && page.count == 0;
        memcpy(cursor, page.cursor, sizeof cursor);
        sq_page_free(&page);
        if (rc < 0 || last)
            return rc;
    }
}
