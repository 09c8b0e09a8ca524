/* SPDX-License-Identifier: MIT */
/* What every command on a store does around its own work: options, the place, the runtime, signals, errors. */
#pragma once
#include "cli/args.h"
#include "cli/project.h"
#include "process/output.h"
#include "service/session.h"

typedef struct sq_cli sq_cli;

/* The work of a command, as the body of the runtime: an exit status, or negative with cli->error set; -ECANCELED. */
typedef DREY_ASYNC int sq_cli_body(sq_cli *cli);

typedef struct sq_command {
    const char *name;
    const char *arguments;          /* for people: "ID [--rev N]" */
    const char *summary;
    const char *help;               /* the rest of its page */
    const sq_option *options;
    size_t option_count;
    size_t plain_least, plain_most; /* arguments that are no options */
    bool project;                   /* it is about one project */
    bool no_start;                  /* it starts no owner */
    sq_cli_body *body;
} sq_command;

struct sq_cli {
    const sq_command *command;
    sq_args args;
    sq_project_choice project;
    char principal[32];             /* "local:1000": who we are */
    sq_session session;
    sq_manager *manager;
    bool json;                      /* lines for programs: --json, or standard output is no terminal */
    sq_output output;
    sq_error error;
    drey_token *stop;               /* Ctrl-C */
};

/* Runs a command; argv begins after its name. The exit status. */
int sq_cli_run(const sq_command *command, int argc, char **argv);

/* Writes to standard output. 0, or negative with cli->error set: nobody reads any more, the disk is full. */
DREY_ASYNC DREY_MUST_USE int sq_cli_write(sq_cli *cli, const sq_text *text);

/* Says on standard error what went wrong, and what to do about it; the exit status. */
int sq_cli_complain(const sq_cli *cli, const sq_error *error);

/* The commands on a store. */
extern const sq_command sq_command_create, sq_command_get, sq_command_update, sq_command_delete, sq_command_list,
    sq_command_search, sq_command_history, sq_command_undo, sq_command_purge, sq_command_resolve, sq_command_watch,
    sq_command_import, sq_command_export, sq_command_projects, sq_command_backup, sq_command_restore,
    sq_command_verify, sq_command_status, sq_command_stop, sq_command_stored;

/* serve: an owner in the foreground, or, launched by a client, one that leaves it. */
int sq_cli_serve(int argc, char **argv);
extern const sq_option sq_serve_options[];
extern const size_t sq_serve_option_count;
