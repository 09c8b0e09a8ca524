/* SPDX-License-Identifier: MIT */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/load.h"

enum { CHUNK_BYTES = 8192 };

static DREY_ASYNC int read_standard(sq_cli *cli, char **out, size_t *out_bytes)
{
    sq_text text = {0};
    char chunk[CHUNK_BYTES];
    ssize_t got;
    sq_text_add(&text, "", 0);
    while ((got = drey_read(0, chunk, sizeof chunk)) > 0 && text.bytes <= SQ_INPUT_BYTES)
        sq_text_add(&text, chunk, (size_t)got);
    int rc = got < 0 ? (int)got : 0;
    if (rc < 0 && rc != -ECANCELED)
        sq_fail_errno(&cli->error, rc, "reading standard input");
    else if (rc == 0 && text.failed)
        rc = sq_fail_memory(&cli->error);
    else if (rc == 0 && text.bytes > SQ_INPUT_BYTES)
        rc = sq_fail(&cli->error, SQ_TOO_LARGE, "standard input has over %d bytes", SQ_INPUT_BYTES);
    if (rc < 0) {
        sq_text_free(&text);
        return rc;
    }
    *out = text.data;
    *out_bytes = text.bytes;
    return 0;
}

int sq_cli_load(sq_cli *cli, const char *path, char **out, size_t *out_bytes)
{
    if (strcmp(path, "-") == 0)
        return read_standard(cli, out, out_bytes);
    int rc = sq_load_text(path, SQ_INPUT_BYTES, out, out_bytes, &cli->error);
    if (rc < 0 && rc != -ECANCELED) {
        char message[sizeof cli->error.message];
        memcpy(message, cli->error.message, sizeof message);
        snprintf(cli->error.message, sizeof cli->error.message, "%.100s: %.150s", path, message);
    }
    return rc;
}

int sq_cli_data(sq_cli *cli, bool needed, char **out, size_t *out_bytes)
{
    const sq_args *args = &cli->args;
    *out = NULL;
    if (args->data && args->file)
        return sq_fail(&cli->error, SQ_USAGE, "--data and --file exclude each other");
    if (args->data) {
        *out = strdup(args->data);
        *out_bytes = strlen(args->data);
        return *out ? 0 : sq_fail_memory(&cli->error);
    }
    if (args->file)
        return sq_cli_load(cli, args->file, out, out_bytes);
    if (!needed)
        return 0;
    if (isatty(0))
        return sq_fail(&cli->error, SQ_USAGE, "%s needs data: --data JSON, --file PATH, or JSON on standard input",
                       cli->command->name);
    return read_standard(cli, out, out_bytes);
}

void sq_cli_metadata(const sq_args *args, sq_text *out)
{
    sq_text_char(out, '{');
    for (size_t i = 0; i < args->meta_count; i++) {
        const char *equals = strchr(args->meta[i], '=');
        if (i > 0)
            sq_text_char(out, ',');
        sq_text_quote(out, args->meta[i], (size_t)(equals - args->meta[i]));
        sq_text_char(out, ':');
        sq_text_quote(out, equals + 1, strlen(equals + 1));
    }
    sq_text_char(out, '}');
}
