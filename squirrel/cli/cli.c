/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/options.h"
#include "process/report.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} command;

static int run_help(int argc, char **argv);

static int run_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("squirrel " SQ_VERSION);
    return 0;
}

static const command commands[] = {
    {"process", sq_cli_process},
    {"help", run_help},
    {"version", run_version},
    {"--help", run_help},
    {"-h", run_help},
    {"--version", run_version},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const char *command_name(const void *list, size_t index)
{
    return ((const command *)list)[index].name;
}

static int fail_unknown(const char *name)
{
    const char *near = sq_nearest(name, command_name, commands, COMMANDS);
    sq_text shown = {0};
    sq_text_printable(&shown, name);
    fprintf(stderr, "squirrel: there is no command '%.60s'%s%s%s\nTry: squirrel --help\n", shown.data ? shown.data : "",
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    sq_text_free(&shown);
    return sq_code_exit(SQ_USAGE);
}

static int run_help(int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            break;
        if (i + 1 == COMMANDS)
            return fail_unknown(argv[0]);
    }
    fputs(argc > 0 && strcmp(argv[0], "process") == 0 ? sq_help_process : sq_help_main, stdout);
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
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return flush(commands[i].run(argc - 2, argv + 2));
    }
    return fail_unknown(argv[1]);
}
