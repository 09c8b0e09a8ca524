/* SPDX-License-Identifier: MIT */
/* create, update, delete, undo, purge. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/input.h"
#include "cli/show.h"

typedef DREY_ASYNC int write_op(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error);

/* For people a sentence: what was done, to what, where. */
static const char *done_word(const sq_written *written)
{
    static const char *const words[SQ_OPS] = {
        [SQ_OP_CREATE] = "Created",     [SQ_OP_REPLACE] = "Replaced", [SQ_OP_PATCH] = "Updated",
        [SQ_OP_APPEND] = "Appended to", [SQ_OP_DELETE] = "Deleted",   [SQ_OP_UNDO] = "Brought back",
        [SQ_OP_PURGE] = "Purged",       [SQ_OP_IMPORT] = "Imported",
    };
    const char *word = words[written->revision->op];
    return word ? word : "Wrote";
}

static DREY_ASYNC int report(sq_cli *cli, const sq_written *written)
{
    sq_text out = {0};
    const sq_revision *r = written->revision;
    if (cli->json)
        sq_show_revision(&out, r);
    else
        sq_text_format(&out, "%s %s, rev %lld, in project %s (from %s)%s\n", done_word(written), r->id,
                       (long long)r->rev, cli->project.name, cli->project.from,
                       written->replayed ? "; this operation was done before" : "");
    int rc = sq_cli_write(cli, &out);
    sq_text_free(&out);
    return rc;
}

/* What is in the way is named, so that the next try can say so. */
static void add_current(sq_cli *cli, const sq_written *written)
{
    char message[sizeof cli->error.message];
    if (!written->current)
        return;
    memcpy(message, cli->error.message, sizeof message);
    snprintf(cli->error.message, sizeof cli->error.message, "%.190s (now at rev %lld)", message,
             (long long)written->current->rev);
}

static DREY_ASYNC int carry_out(sq_cli *cli, write_op *op, sq_write *write)
{
    const sq_args *args = &cli->args;
    sq_written written = {0};
    write->project = cli->project.name;
    write->principal = cli->principal;
    write->agent = args->agent;
    write->tool = args->tool ? args->tool : "squirrel";
    write->key = args->key;
    write->cascade = args->cascade;
    write->expected_rev = args->force ? SQ_REV_FORCE : args->rev;
    int rc = op(cli->manager, write, &written, &cli->error);
    if (rc == 0)
        rc = report(cli, &written);
    else if (rc == -EINVAL)
        add_current(cli, &written);
    sq_written_free(&written);
    return rc;
}

static int check_fields(sq_cli *cli)
{
    const sq_args *args = &cli->args;
    if (args->force && args->rev)
        return sq_fail(&cli->error, SQ_USAGE, "--rev and --force exclude each other");
    if (args->replace && args->append)
        return sq_fail(&cli->error, SQ_USAGE, "--replace and --append exclude each other");
    return 0;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void set_fields(const sq_args *args, const sq_text *metadata, sq_write *write)
{
    if (args->name) {
        write->set |= SQ_SET_NAME;
        write->name = or_null(args->name);
    }
    if (args->parent) {
        write->set |= SQ_SET_PARENT;
        write->parent_id = or_null(args->parent);
    }
    if (args->has_expiry) {
        write->set |= SQ_SET_EXPIRY;
        write->expires_at = args->expires_at;
    }
    if (args->meta_count > 0) {
        write->set |= SQ_SET_METADATA;
        write->metadata = metadata->data;
    }
}

static DREY_ASYNC int write_document(sq_cli *cli, write_op *op, sq_write *write, bool data_needed)
{
    char *data = NULL;
    size_t bytes = 0;
    sq_text metadata = {0};
    int rc = check_fields(cli);
    if (rc == 0)
        rc = sq_cli_data(cli, data_needed, &data, &bytes);
    if (rc == 0) {
        sq_cli_metadata(&cli->args, &metadata);
        rc = metadata.failed ? sq_fail_memory(&cli->error) : 0;
    }
    if (rc == 0) {
        set_fields(&cli->args, &metadata, write);
        if (data) {
            write->set |= SQ_SET_DATA;
            write->data = data;
            write->data_bytes = bytes;
        }
        rc = carry_out(cli, op, write);
    }
    sq_text_free(&metadata);
    free(data);
    return rc;
}

static DREY_ASYNC int create(sq_cli *cli)
{
    sq_write write = {.verb = SQ_CREATE, .id = cli->args.plain_count > 0 ? cli->args.plain[0] : NULL};
    return write_document(cli, cli->manager->ops->create, &write, true);
}

static DREY_ASYNC int update(sq_cli *cli)
{
    const sq_args *args = &cli->args;
    bool fields = args->name || args->parent || args->has_expiry || args->meta_count > 0;
    sq_write write = {.verb = args->replace ? SQ_REPLACE : args->append ? SQ_APPEND : SQ_PATCH, .id = args->plain[0]};
    return write_document(cli, cli->manager->ops->update, &write, !fields);
}

/* One write for each id; the first failure ends it, with what was done before reported. */
static DREY_ASYNC int each_id(sq_cli *cli, write_op *op, sq_write write)
{
    int rc = check_fields(cli);
    if (rc == 0 && cli->args.key && cli->args.plain_count > 1)
        rc = sq_fail(&cli->error, SQ_USAGE, "--key stands for one operation: name one context");
    for (size_t i = 0; i < cli->args.plain_count && rc == 0; i++) {
        write.id = cli->args.plain[i];
        rc = carry_out(cli, op, &write);
    }
    return rc;
}

static DREY_ASYNC int delete (sq_cli *cli)
{
    return each_id(cli, cli->manager->ops->remove, (sq_write){.verb = SQ_DELETE});
}

static DREY_ASYNC int undo(sq_cli *cli)
{
    return each_id(cli, cli->manager->ops->undo, (sq_write){.verb = SQ_UNDO, .to_rev = cli->args.to});
}

/* Purged is answered when nothing shows it any more; --wait, when the bytes are gone from the files as well (S31). */
static DREY_ASYNC int purge(sq_cli *cli)
{
    int rc = each_id(cli, cli->manager->ops->purge, (sq_write){.verb = SQ_PURGE});
    if (rc != 0 || !cli->args.wait)
        return rc;
    rc = cli->manager->ops->scrub(cli->manager, &cli->error);
    if (rc == 0 && !cli->json) {
        sq_text out = {0};
        sq_text_string(&out, "Scrubbed: no file of the store contains it. Backups are not touched.\n");
        rc = sq_cli_write(cli, &out);
        sq_text_free(&out);
    }
    return rc;
}

#define DOCUMENT                                                                                                       \
    SQ_ARG_VALUE("--data"), SQ_ARG_VALUE("--file"), SQ_ARG_VALUE("--name"), SQ_ARG_VALUE("--parent"),                  \
        SQ_ARG_VALUE("--expires"), SQ_ARG_VALUE("--meta"), WHO
#define WHO            SQ_ARG_VALUE("--agent"), SQ_ARG_VALUE("--tool"), SQ_ARG_VALUE("--key"), SQ_ARGS_PROJECT
#define SEEN           SQ_ARG_VALUE("--rev"), SQ_ARG_FLAG("--force")
#define OPTIONS(table) .options = table, .option_count = sizeof table / sizeof *table

static const sq_option create_options[] = {DOCUMENT};
static const sq_option update_options[] = {SEEN, SQ_ARG_FLAG("--replace"), SQ_ARG_FLAG("--append"), DOCUMENT};
static const sq_option delete_options[] = {SEEN, SQ_ARG_FLAG("--cascade"), WHO};
static const sq_option undo_options[] = {SQ_ARG_VALUE("--to"), SEEN, WHO};
static const sq_option purge_options[] = {SQ_ARG_FLAG("--cascade"), SQ_ARG_FLAG("--wait"), SEEN, WHO};

#define DOCUMENT_HELP                                                                                                  \
    "  --data JSON        the data: an object\n"                                                                       \
    "  --file PATH        the same, from a file; - is standard input\n"                                                \
    "  --name TEXT        a name for people; '' clears it\n"                                                           \
    "  --parent ID        inherit from this one; '' clears it\n"                                                       \
    "  --expires WHEN     2026-11-23T05:00:00Z, or 24h from now, or never\n"                                           \
    "  --meta KEY=VALUE   metadata; may be repeated\n"
#define WHO_HELP                                                                                                       \
    "  --agent NAME       who does it, for the provenance; --tool likewise\n"                                          \
    "  --key KEY          the operation's key: the same key again does nothing more and gives the same answer\n"
#define SEEN_HELP                                                                                                      \
    "  --rev N            only if the context is at this revision\n"                                                   \
    "  --force            whatever revision it is at\n"

const sq_command sq_command_create = {
    .name = "create",
    .arguments = "[ID] [OPTIONS]",
    .project = true,
    .plain_most = 1,
    .body = create,
    .summary = "Creates a context, with an id that is made for it if none is given.",
    OPTIONS(create_options),
    .help = DOCUMENT_HELP WHO_HELP,
};

const sq_command sq_command_update = {
    .name = "update",
    .arguments = "ID [OPTIONS]",
    .project = true,
    .plain_least = 1,
    .plain_most = 1,
    .body = update,
    .summary = "Changes a context: the data is applied as a JSON merge patch, in which null removes.",
    OPTIONS(update_options),
    .help = "  --replace          the data takes the place of the old; needs --rev or --force\n"
            "  --append           as a patch, but elements of arrays are added to those that are there\n" SEEN_HELP
                DOCUMENT_HELP WHO_HELP,
};

const sq_command sq_command_delete = {
    .name = "delete",
    .arguments = "ID... (--rev N | --force) [--cascade]",
    .project = true,
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = delete,
    .summary = "Deletes contexts. Their history stays, and undo brings them back.",
    OPTIONS(delete_options),
    .help = SEEN_HELP "  --cascade          its children, too\n" WHO_HELP,
};

const sq_command sq_command_undo = {
    .name = "undo",
    .arguments = "ID... [--to REV] (--rev N | --force)",
    .project = true,
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = undo,
    .summary = "Brings back what a context was before, as a new revision.",
    OPTIONS(undo_options),
    .help = "  --to REV           what it was at this revision; by default the one before\n" SEEN_HELP WHO_HELP,
};

const sq_command sq_command_purge = {
    .name = "purge",
    .arguments = "ID... [--cascade] [--wait]",
    .project = true,
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = purge,
    .summary = "Removes contexts and all of their history from the store for good. Backups are not touched.",
    OPTIONS(purge_options),
    .help = "  --wait             until the bytes are gone from the files of the store\n"
            "  --cascade          its children, too\n" SEEN_HELP WHO_HELP,
};
