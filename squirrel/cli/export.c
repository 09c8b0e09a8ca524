/* SPDX-License-Identifier: MIT */
/* Contexts as JSON lines, by id, members always in the same order: so that two exports differ where the contexts do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/show.h"

enum { PAGE = 200, PROJECTS = 100 };

typedef struct exporting {
    sq_cli *cli;
    sq_output *output;
    uint64_t count;
} exporting;

static DREY_ASYNC int write_page(exporting *e, const sq_page *page)
{
    sq_text out = {0};
    for (size_t i = 0; i < page->count; i++)
        sq_show_context(&out, page->items[i], NULL, 0);
    e->count += page->count;
    int rc = out.failed ? sq_fail_memory(&e->cli->error) : 0;
    if (rc == 0 && e->output != &e->cli->output && out.bytes > 0) {
        rc = sq_output_write(e->output, out.data, out.bytes);
        if (rc < 0 && rc != -ECANCELED)
            rc = sq_fail(&e->cli->error, SQ_DISK_FULL, "writing to the file of --out: %s", strerror(-rc));
    } else if (rc == 0) {
        rc = sq_cli_write(e->cli, &out);
    }
    sq_text_free(&out);
    return rc;
}

static DREY_ASYNC int export_project(exporting *e, const char *project)
{
    char cursor[SQ_CURSOR_BYTES] = "";
    int rc = 0;
    do {
        sq_page page;
        sq_list list = {.project = project,
                        .order = SQ_BY_ID,
                        .limit = PAGE,
                        .cursor = cursor[0] ? cursor : NULL,
                        .principal = e->cli->principal};
        rc = e->cli->manager->ops->list(e->cli->manager, &list, &page, &e->cli->error);
        if (rc < 0)
            return rc;
        rc = write_page(e, &page);
        memcpy(cursor, page.cursor, sizeof cursor);
        sq_page_free(&page);
    } while (rc == 0 && cursor[0]);
    return rc;
}

static DREY_ASYNC int export_all(exporting *e)
{
    char after[SQ_ID_BYTES + 1] = "";
    sq_project *projects = calloc(PROJECTS, sizeof *projects);
    size_t count = PROJECTS;
    int rc = projects ? 0 : sq_fail_memory(&e->cli->error);
    while (rc == 0 && count == PROJECTS) {
        rc = e->cli->manager->ops->projects(e->cli->manager, after, projects, &count, &e->cli->error);
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = export_project(e, projects[i].name);
        if (rc == 0 && count > 0)
            strcpy(after, projects[count - 1].name);
    }
    free(projects);
    return rc;
}

static DREY_ASYNC int export_to(exporting *e)
{
    return e->cli->args.all ? export_all(e) : export_project(e, e->cli->project.name);
}

static DREY_ASYNC int export(sq_cli *cli)
{
    sq_output file;
    exporting e = {.cli = cli, .output = &cli->output};
    cli->json = true;
    if (!cli->args.out)
        return export_to(&e);
    int rc = sq_output_open(&file, cli->args.out, &cli->error);
    if (rc < 0)
        return rc;
    e.output = &file;
    rc = export_to(&e);
    if (rc < 0) {
        sq_output_discard(&file);
        return rc;
    }
    rc = sq_output_commit(&file);
    return rc < 0 && rc != -ECANCELED
               ? sq_fail(&cli->error, SQ_DISK_FULL, "writing to the file of --out: %s; an older file is as it was",
                         strerror(-rc))
               : rc;
}

static const sq_option options[] = {SQ_ARG_VALUE("--out"), SQ_ARG_FLAG("--all"), SQ_ARGS_PROJECT};

const sq_command sq_command_export = {
    .name = "export",
    .arguments = "[--all] [--out FILE]",
    .project = true,
    .body = export,
    .summary = "Writes the contexts of a project as JSON lines, by id. `squirrel import` reads them.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .help = "  --all              of all projects\n"
            "  --out FILE         into a file, which appears whole or not at all\n",
};
