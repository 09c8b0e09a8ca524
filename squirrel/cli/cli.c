/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/options.h"
#include "process/report.h"
#include "transport/version.h"

static int run_help(int argc, char **argv);

static int run_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("squirrel %s\n", sq_version);
    return 0;
}

static int run_completion(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], "bash") != 0) {
        fputs("squirrel: completion takes the name of a shell: bash\n", stderr);
        return sq_code_exit(SQ_USAGE);
    }
    sq_complete_bash();
    return 0;
}

static const sq_verb_row rows[] = {
    {"create", &sq_command_create, NULL},
    {"get", &sq_command_get, NULL},
    {"update", &sq_command_update, NULL},
    {"delete", &sq_command_delete, NULL},
    {"list", &sq_command_list, NULL},
    {"search", &sq_command_search, NULL},
    {"history", &sq_command_history, NULL},
    {"undo", &sq_command_undo, NULL},
    {"purge", &sq_command_purge, NULL},
    {"resolve", &sq_command_resolve, NULL},
    {"watch", &sq_command_watch, NULL},
    {"import", &sq_command_import, NULL},
    {"export", &sq_command_export, NULL},
    {"projects", &sq_command_projects, NULL},
    {"backup", &sq_command_backup, NULL},
    {"restore", &sq_command_restore, NULL},
    {"verify", &sq_command_verify, NULL},
    {"status", &sq_command_status, NULL},
    {"stop", &sq_command_stop, NULL},
    {"serve", NULL, sq_cli_serve},
    {"process", NULL, sq_cli_process},
    {"help", NULL, run_help},
    {"version", NULL, run_version},
    {"completion", NULL, run_completion},
    {"--help", NULL, run_help},
    {"-h", NULL, run_help},
    {"--version", NULL, run_version},
};

enum { ROWS = sizeof rows / sizeof *rows };

const sq_verb_row *sq_cli_rows(size_t *out_count)
{
    *out_count = ROWS;
    return rows;
}

static const char *command_name(const void *list, size_t index)
{
    return ((const sq_verb_row *)list)[index].name;
}

static int fail_unknown(const char *name)
{
    const char *near = sq_nearest(name, command_name, rows, ROWS);
    sq_text shown = {0};
    sq_text_printable(&shown, name);
    fprintf(stderr, "squirrel: there is no command '%.60s'%s%s%s\nTry: squirrel --help\n", shown.data ? shown.data : "",
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    sq_text_free(&shown);
    return sq_code_exit(SQ_USAGE);
}

static const sq_verb_row *find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static int run_row(const sq_verb_row *row, int argc, char **argv)
{
    return row->command ? sq_cli_run(row->command, argc, argv) : row->run(argc, argv);
}

/* A command's page is what it prints itself. */
static int run_help(int argc, char **argv)
{
    char option[] = "--help", *only[] = {option, NULL};
    const sq_verb_row *row = argc > 0 ? find(argv[0]) : NULL;
    if (argc > 0 && !row)
        return fail_unknown(argv[0]);
    if (row && (row->command || row->run == sq_cli_process || row->run == sq_cli_serve))
        return run_row(row, 1, only);
    fputs(sq_help_main, stdout);
    return 0;
}

/* A closed standard descriptor must not become the number of the next file that is opened: it is filled with one on
 * which reading or writing fails, as it should. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(70);
    }
}

static int flush(int status)
{
    if (fflush(stdout) == 0)
        return status;
    perror("squirrel: writing to standard output");
    return status ? status : sq_code_exit(SQ_DISK_FULL);
}

int sq_cli_main(int argc, char **argv)
{
    fill_standard_descriptors();
    if (argc < 2) {
        fputs(sq_help_main, stderr);
        return sq_code_exit(SQ_USAGE);
    }
    const sq_verb_row *row = find(argv[1]);
    return row ? flush(run_row(row, argc - 2, argv + 2)) : fail_unknown(argv[1]);
}
