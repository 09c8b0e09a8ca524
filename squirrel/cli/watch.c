/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "cli/client.h"
#include "cli/show.h"

static DREY_ASYNC int print_event(sq_cli *cli, const sq_event *event)
{
    sq_text out = {0};
    if (event->revision && cli->json)
        sq_show_revision(&out, event->revision);
    else if (event->revision)
        sq_show_row(&out, event->revision, true);
    else if (cli->json)
        sq_text_format(&out, "{\"lagged\":true,\"seq\":%lld}\n", (long long)event->seq);
    else
        sq_text_format(&out, "Some changes up to %lld are no longer in the log: list shows what there is.\n",
                       (long long)event->seq);
    int rc = sq_cli_write(cli, &out);
    sq_text_free(&out);
    return rc;
}

/* Until it is interrupted, or --limit changes were seen. */
static DREY_ASYNC int follow(sq_cli *cli, sq_watch *watch)
{
    const sq_manager_ops *ops = cli->manager->ops;
    sq_event event;
    int rc = 0;
    for (int64_t seen = 0; rc == 0 && (cli->args.limit == 0 || seen < cli->args.limit); seen++) {
        rc = ops->watch_next(watch, &event, &cli->error);
        if (rc < 0)
            break;
        rc = print_event(cli, &event);
        sq_revision_unref(event.revision);
    }
    return rc;
}

static DREY_ASYNC int watch(sq_cli *cli)
{
    const sq_manager_ops *ops = cli->manager->ops;
    sq_watch *open;
    int64_t after = cli->args.after >= 0 ? cli->args.after : SQ_WATCH_NOW;
    int rc = ops->watch_open(cli->manager, cli->project.name, after, &open, &cli->error);
    if (rc < 0)
        return rc;
    rc = follow(cli, open);
    ops->watch_close(open);
    return rc;
}

static const sq_option options[] = {SQ_ARG_VALUE("--after"), SQ_ARG_VALUE("--limit"), SQ_ARG_FLAG("--with-parent"),
                                    SQ_ARGS_PROJECT};

const sq_command sq_command_watch = {
    .name = "watch",
    .arguments = "[--after SEQ] [--limit N]",
    .project = true,
    .body = watch,
    .summary = "Shows the changes of a project as they are written, until it is interrupted.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .help = "  --after SEQ        begin with the change after this one, instead of now; 0 is the first\n"
            "  --limit N          end after so many changes\n"
            "  --with-parent      end with the process that started this: for programs that read it through a pipe\n",
};
