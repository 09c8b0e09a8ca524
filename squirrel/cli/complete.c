/* SPDX-License-Identifier: MIT */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* Options whose value is the name of a file. */
static const char *const file_options[] = {"--file", "--out", "--schema"};

/* Commands whose arguments are. */
static const char *const file_commands[] = {"process", "import", "backup", "restore"};

static void print_options(const sq_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", options[i].name);
}

static void print_row(const sq_verb_row *row)
{
    printf("    %s) options=\"", row->name);
    if (row->command)
        print_options(row->command->options, row->command->option_count);
    else if (row->run == sq_cli_process)
        print_options(sq_process_table, sq_process_table_count);
    else if (row->run == sq_cli_serve)
        print_options(sq_serve_options, sq_serve_option_count);
    puts("\" ;;");
}

static void print_words(const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? "|" : "", words[i]);
}

void sq_complete_bash(void)
{
    size_t count;
    const sq_verb_row *rows = sq_cli_rows(&count);
    puts("# bash completion of squirrel; made by: squirrel completion bash\n"
         "_squirrel()\n"
         "{\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" options=\"\"\n"
         "    COMPREPLY=()");
    printf("    local commands=\"");
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", rows[i].name);
    puts("\"\n"
         "    if [[ $COMP_CWORD -eq 1 || ( $COMP_CWORD -eq 2 && $previous == help ) ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n"
         "        return\n"
         "    fi");
    printf("    case \"$previous\" in\n    ");
    print_words(file_options, sizeof file_options / sizeof *file_options);
    puts(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
         "    --store) COMPREPLY=($(compgen -W \"sqlite: dir:\" -- \"$word\")); return ;;\n"
         "    --project) COMPREPLY=($(compgen -W \"$(squirrel projects --json 2>/dev/null |\n"
         "        sed -n 's/^{\"project\":\"\\([^\"]*\\)\".*/\\1/p')\" -- \"$word\")); return ;;\n"
         "    esac\n"
         "    case \"${COMP_WORDS[1]}\" in");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].command || rows[i].run == sq_cli_process || rows[i].run == sq_cli_serve)
            print_row(&rows[i]);
    }
    puts("    completion) options=\"bash\" ;;\n"
         "    esac\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))");
    printf("    case \"${COMP_WORDS[1]}\" in\n    ");
    print_words(file_commands, sizeof file_commands / sizeof *file_commands);
    puts(")\n"
         "        [[ $word == -* ]] || COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "    esac\n"
         "}\n"
         "complete -o filenames -F _squirrel squirrel");
}
