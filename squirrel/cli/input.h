/* SPDX-License-Identifier: MIT */
#pragma once
#include "cli/client.h"

enum { SQ_INPUT_BYTES = 16 << 20 };     /* read at once; the store has its own, lower limits */

/* Reads a file, or standard input if `path` is "-". The text ends with a NUL beyond its bytes and is to be freed. 0, or
 * negative with cli->error set. */
DREY_ASYNC DREY_MUST_USE int sq_cli_load(sq_cli *cli, const char *path, char **out, size_t *out_bytes);

/* What --data, --file or a standard input that is no terminal gives; *out NULL: nothing does. `asked`: it is needed. */
DREY_ASYNC DREY_MUST_USE int sq_cli_data(sq_cli *cli, bool needed, char **out, size_t *out_bytes);

/* A JSON object of what --meta gave. */
void sq_cli_metadata(const sq_args *args, sq_text *out);
