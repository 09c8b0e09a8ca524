/* SPDX-License-Identifier: MIT */
#pragma once
#include "cli/client.h"

/* Gets a page of at most `limit` items; cursor NULL: the first. 0, or negative with cli->error set. */
typedef DREY_ASYNC int sq_cli_page(sq_cli *cli, uint32_t limit, const char *cursor, sq_page *out);

/* Shows pages by --limit, --cursor and --all: a row or a line an item, and how to go on. */
DREY_ASYNC DREY_MUST_USE int sq_cli_pages(sq_cli *cli, sq_cli_page *get);
