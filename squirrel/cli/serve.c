/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "service/owner.h"

const sq_option sq_serve_options[] = {
    SQ_ARG_FLAG("--owned"),
    SQ_ARG_VALUE("--idle"),
    SQ_ARG_VALUE("--store"),
    SQ_ARGS_ANY,
};
const size_t sq_serve_option_count = sizeof sq_serve_options / sizeof *sq_serve_options;

static const char help[] =
    "Usage: squirrel serve [--idle D] [--store URL]\n"
    "\n"
    "Owns a store, for the commands and clients of this user, until it is stopped (squirrel stop, or\n"
    "Ctrl-C). Nobody needs to start it: whoever needs an owner starts one, which ends when it has had no\n"
    "client for a minute. It serves over a Unix socket, and opens no port.\n"
    "\n"
    "  --idle D           end when there was no client for so long, as 90s or 10m; by default stay\n"
    "  --store URL        sqlite:PATH or dir:PATH; by default SQUIRREL_STORE, else squirrel.db in the data\n"
    "                     directory (~/.local/share/squirrel)\n"
    "  --owned            how a client starts it: by itself, in the background, idle for a minute at most\n";

static int serve(const sq_cli *cli, const sq_args *args)
{
    sq_error error;
    sq_site site;
    int rc = sq_site_find(args->store, &site, &error);
    if (rc == 0 && !site.lock) {
        sq_site_free(&site);
        rc = sq_fail(&error, SQ_USAGE, "memory: is gone with its process, so nobody else can be served from it");
    }
    if (rc < 0)
        return sq_cli_complain(cli, &error);
    sq_owner_options options = {.site = &site, .launched = args->owned, .idle_ms = args->idle_ns / 1000000};
    if (args->owned && options.idle_ms == 0)
        options.idle_ms = SQ_OWNER_IDLE_MS;
    int status = sq_owner_run(&options);
    sq_site_free(&site);
    return status;
}

int sq_cli_serve(int argc, char **argv)
{
    static const sq_command command = {.name = "serve"};
    sq_cli cli = {.command = &command};
    sq_error error;
    size_t count = 0;
    char **plain = calloc((size_t)argc + 1, sizeof *plain);
    int status = 0, rc = plain ? sq_options_parse(sq_serve_options, sq_serve_option_count, argc, argv, &cli.args, plain,
                                                  &count, &error)
                               : sq_fail_memory(&error);
    if (rc == 0 && count > 0)
        rc = sq_fail(&error, SQ_USAGE, "serve takes no '%.60s'", plain[0]);
    if (rc < 0)
        status = sq_cli_complain(&cli, &error);
    else if (cli.args.help)
        fputs(help, stdout);
    else
        status = serve(&cli, &cli.args);
    free(plain);
    return status;
}
