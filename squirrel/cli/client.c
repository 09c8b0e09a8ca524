/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <drey.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/values.h"
#include "context/error_json.h"
#include "process/load.h"
#include "process/report.h"
#include "service/parent.h"

/* What to do next, where the message cannot know it. */
static const char *hint(const sq_cli *cli, const sq_error *error)
{
    switch (error->code) {
    case SQ_PRECONDITION_REQUIRED:
        return "Say which revision you have seen, --rev N, or overwrite whatever is there, --force.";
    case SQ_CONFLICT:
        return "Somebody else wrote first: look again (squirrel get), and decide.";
    case SQ_EXISTS:
        return cli->command->project ? "Change it instead (squirrel update), or choose another id." : NULL;
    case SQ_HAS_CHILDREN:
        return "With --cascade its children go, too.";
    case SQ_NOT_FOUND:
        return cli->command->project ? "What is there: squirrel list. Another project: --project NAME." : NULL;
    case SQ_GONE:
        return "What it was: squirrel history ID. Bring it back: squirrel undo ID --force.";
    case SQ_KEY_REUSED:
        return "An operation key stands for one request: choose another --key.";
    case SQ_VERSION_SKEW:
        return "Use the newer squirrel for this store.";
    default:
        return NULL;
    }
}

static void complain_json(const sq_error *error)
{
    sq_text line = {0};
    sq_text_string(&line, "{\"error\":");
    sq_error_write(&line, error);
    sq_text_string(&line, "}\n");
    if (!line.failed)
        fwrite(line.data, 1, line.bytes, stderr);
    sq_text_free(&line);
}

int sq_cli_complain(const sq_cli *cli, const sq_error *error)
{
    if (cli->args.json) {
        complain_json(error);
        return sq_code_exit(error->code);
    }
    sq_text line = {0};
    const char *next = hint(cli, error);
    sq_text_string(&line, "squirrel: ");
    sq_text_printable(&line, error->message);
    if (error->place.line > 0)
        sq_text_format(&line, " (line %zu, column %zu)", error->place.line, error->place.column);
    if (error->path[0]) {
        sq_text_string(&line, " at ");
        sq_text_printable(&line, error->path);
    }
    if (error->code == SQ_NOT_FOUND && cli->command->project && cli->project.name[0])
        sq_text_format(&line, " (project %s, from %s)", cli->project.name, cli->project.from);
    if (!line.failed)
        fprintf(stderr, "%s\n%s%s", line.data, next ? next : "", next ? "\n" : "");
    if (error->code == SQ_USAGE)
        fprintf(stderr, "Try: squirrel %s --help\n", cli->command->name);
    sq_text_free(&line);
    return sq_code_exit(error->code);
}

int sq_cli_write(sq_cli *cli, const sq_text *text)
{
    if (text->failed)
        return sq_fail_memory(&cli->error);
    if (text->bytes == 0)
        return 0;
    int rc = sq_output_write(&cli->output, text->data, text->bytes);
    if (rc == 0 || rc == -ECANCELED)
        return rc;
    if (rc == -EPIPE)
        sq_fail(&cli->error, SQ_SOME_FAILED, "nobody reads the output any more");
    else
        sq_fail(&cli->error, SQ_DISK_FULL, "writing to standard output: %s", strerror(-rc));
    return -EINVAL;
}

static void print_help(const sq_command *command)
{
    printf("Usage: squirrel %s %s\n\n%s\n\n%s", command->name, command->arguments, command->summary, command->help);
    if (command->project)
        fputs("\n  --project NAME     by default SQUIRREL_PROJECT, else made of the git repository around, else "
              "`default`",
              stdout);
    fputs("\n  --store URL        sqlite:PATH or dir:PATH; by default SQUIRREL_STORE, else squirrel.db in the data"
          "\n                     directory (~/.local/share/squirrel)"
          "\n  --no-daemon        open the store in this process, not through its owner"
          "\n  --timeout D        how long it may take, as 500ms, 2s or 5m; by default there is no limit"
          "\n  --json             lines of JSON, as in a pipe, and errors too\n",
          stdout);
}

static int parse(sq_cli *cli, int argc, char **argv)
{
    const sq_command *command = cli->command;
    sq_args *args = &cli->args;
    int rc = sq_options_parse(command->options, command->option_count, argc, argv, args, args->plain,
                              &args->plain_count, &cli->error);
    if (rc < 0 || args->help)
        return rc;
    if (args->plain_count < command->plain_least)
        return sq_fail(&cli->error, SQ_USAGE, "%s needs more: %s", command->name, command->arguments);
    if (args->plain_count > command->plain_most)
        return sq_fail(&cli->error, SQ_USAGE, "%s takes no '%.60s': %s", command->name,
                       args->plain[command->plain_most], command->arguments);
    return command->project ? sq_project_choose(args->project, &cli->project, &cli->error) : 0;
}

static DREY_ASYNC int stop_on_signal(void *arg)
{
    DREY_SIGNALS(signals, SIGINT, SIGTERM, SIGHUP);
    int number = drey_signals_wait(&signals);
    if (number > 0)
        drey_token_cancel(arg, "interrupted");
    return number < 0 ? number : 0;
}

static DREY_ASYNC int cli_main(void *arg)
{
    sq_cli *cli = arg;
    DREY_SCOPE(scope, .timeout = cli->args.timeout_ns, .token = cli->stop, .name = "command");
    int rc = drey_go_daemon(&scope, stop_on_signal, cli->stop);
    if (rc == 0 && cli->args.with_parent)
        rc = drey_go_daemon(&scope, sq_parent_watch, cli->stop);
    if (rc == 0)
        rc = sq_session_open(&cli->session, &scope, &cli->error);
    if (rc == 0) {
        cli->manager = cli->session.manager;
        rc = cli->command->body(cli);
        sq_session_close(&cli->session);
    }
    return drey_scope_close(&scope, rc);
}

static int conclude(const sq_cli *cli, int rc)
{
    sq_error error = cli->error;
    if (rc >= 0)
        return rc;
    if (rc == -ECANCELED)
        return sq_code_exit(SQ_INTERRUPTED);
    if (rc == -ETIMEDOUT)
        sq_fail(&error, SQ_TIMEOUT, "it was not done within --timeout");
    else if (error.code == SQ_OK)
        sq_fail_errno(&error, rc, "running the command");
    return sq_cli_complain(cli, &error);
}

/* How long an owner that we start stays without clients; 0: its default. */
static int choose_idle(sq_cli *cli, int64_t *out_ms)
{
    const char *text = getenv("SQUIRREL_IDLE");
    int64_t ns = 0;
    if (text && text[0] && !sq_value_duration(text, &ns))
        return sq_fail(&cli->error, SQ_USAGE,
                       "SQUIRREL_IDLE is a duration from 1ms to 720h, as 90s or 10m, not '%.60s'", text);
    *out_ms = ns / 1000000;
    return 0;
}

static int run(sq_cli *cli)
{
    const sq_args *args = &cli->args;
    bool no_start = cli->command->no_start; /* such a command starts no owner anyway, and takes the lock itself */
    sq_session_options options = {args->store, args->no_daemon && !no_start, no_start, 0};
    if (choose_idle(cli, &options.idle_ms) < 0)
        return conclude(cli, -EINVAL);
    if (args->with_parent)
        sq_parent_note();
    int rc = sq_session_find(&cli->session, &options, &cli->error);
    if (rc < 0)
        return conclude(cli, rc);
    snprintf(cli->principal, sizeof cli->principal, "local:%u", (unsigned)geteuid());
    cli->json = args->json || !isatty(1);
    sq_output_use(&cli->output, 1);
    rc = drey_token_new(NULL, &cli->stop);
    if (rc == 0)
        rc = drey_run(&(drey_config){.name = "squirrel"}, cli_main, cli);
    if (cli->stop)
        drey_token_unref(cli->stop);
    sq_session_end(&cli->session);
    return conclude(cli, rc);
}

int sq_cli_run(const sq_command *command, int argc, char **argv)
{
    sq_cli cli = {.command = command, .args = {.after = -1}};
    cli.args.plain = calloc((size_t)argc + 1, sizeof *cli.args.plain);
    int rc = cli.args.plain ? parse(&cli, argc, argv) : sq_fail_memory(&cli.error), status = 0;
    signal(SIGPIPE, SIG_IGN);
    if (rc < 0)
        status = sq_cli_complain(&cli, &cli.error);
    else if (cli.args.help)
        print_help(command);
    else
        status = run(&cli);
    free(cli.args.plain);
    return status;
}
